import pytest

from todserve.evaluation.suites.sgd.sgd_metrics import slot_scores, value_similarity
from todserve.runtime.language.schema import Slot

CITY = Slot(name="city")
PRICE = Slot(name="price", categorical=True, values=("cheap", "very cheap"))


@pytest.mark.parametrize(
    ("reference", "predicted", "score"),
    [
        # 2 x 4 common characters of 8 + 4; so in the publisher's own metrics test.
        ("Bird Dog", "Bird", 0.67),
        ("Palo Alto", "palo alto", 1.0),
        ("March 1st, 2019", "2019 1st march", 1.0),
        ("San Francisco", "Francisco, San", 1.0),
        # 2 x len("05 30") of len("05 30 pm") + len("05 30")
        ("05:30 pm", "05:30", 0.77),
        # sorted: "40 7 am" is "40 7 am", "07 40" against it shares "40" alone: 2 x 2 of 7 + 5
        ("7:40 am", "07:40", 0.33),
        ("abc", "xyz", 0.0),
        ("", "", 1.0),
        ("...", "?", 1.0),
        ("", "ely", 0.0),
        # Letters of the upper half of Latin-1 go, others stay.
        ("Café", "Caf", 1.0),
        ("Łódź", "Ódź", 0.8),
        # The longest common stretch is taken first, and which comes first decides: 2 x 1 of 8 ...
        ("tide", "diet", 0.25),
        # ... against 2 x 2 of 8.
        ("diet", "tide", 0.5),
    ],
)
def test_likeness_of_two_values(reference: str, predicted: str, score: float) -> None:
    assert value_similarity(reference, predicted) == score


@pytest.mark.parametrize(
    ("reference", "predicted", "scores"),
    [
        ({}, {}, {"city": 1, "price": 1}),
        ({"city": ("Ely",)}, {}, {"city": 0, "price": 1}),
        ({}, {"city": "Ely", "price": "cheap"}, {"city": 0, "price": 0}),
        ({"city": ("Bird Dog", "Bird")}, {"city": "bird"}, {"city": 1, "price": 1}),
        ({"city": ("Bird Dog", "Cat")}, {"city": "bird"}, {"city": 0.67, "price": 1}),
        # A categorical value is compared with the first spelling alone, letter by letter.
        ({"price": ("cheap", "very cheap")}, {"price": "very cheap"}, {"city": 1, "price": 0}),
        ({"price": ("cheap",)}, {"price": "Cheap"}, {"city": 1, "price": 0}),
        ({"price": ("cheap",)}, {"price": "cheap"}, {"city": 1, "price": 1}),
        # A slot the service does not have counts for nothing.
        ({"stars": ("4",)}, {"name": "x"}, {"city": 1, "price": 1}),
    ],
)
def test_slots_of_a_service(
    reference: dict[str, tuple[str, ...]], predicted: dict[str, str], scores: dict[str, float]
) -> None:
    assert slot_scores(reference, predicted, (CITY, PRICE)) == scores
