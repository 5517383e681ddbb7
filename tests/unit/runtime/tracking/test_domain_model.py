import json
from math import exp
from pathlib import Path

import pytest

from tests.support.venues import SCHEMA
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.active_domain import decide
from todserve.runtime.tracking.domain_model import (
    DOMAIN_MODEL,
    DomainModel,
    act_features,
    previous_features,
    turn_features,
    word_features,
)

ENGLISH = WordForms.of_language()

# "taxi" speaks for taxi, "phone" a little against it, "museum" strongly for attraction.
MODEL = DomainModel(
    domains=("attraction", "hotel", "taxi"),
    biases=(0.0, 0.0, 0.0),
    weights={
        "word:taxi": (0.0, 0.0, 4.0),
        "word:cab": (0.0, 0.0, 6.0),
        "word:museum": (6.0, 0.0, 0.0),
        "previous:hotel": (0.0, 3.0, 0.0),
        "act:general": (0.0, 2.0, 0.0),
    },
    note="by hand",
)


def test_words_pairs_and_numbers_become_features() -> None:
    assert word_features("Taxis at 17:15", ENGLISH) == [
        "word:taxi",
        "word:at",
        "word:#",
        "pair:< taxi",
        "pair:taxi at",
        "pair:at #",
        "pair:# #",
        "pair:# >",
    ]
    assert word_features("", ENGLISH) == ["pair:< >"]


def test_acts_and_the_previous_domain_become_features() -> None:
    assert act_features(["request area", "request area"]) == ["act:request area"]
    assert previous_features(None) == ["previous:none"]
    assert turn_features("hi", "find_hotel", "taxi", ENGLISH)[-2:] == ["act:find", "previous:taxi"]
    assert turn_features("hi", None, None, ENGLISH)[-2:] == ["act:unknown", "previous:none"]


@pytest.mark.parametrize(
    ("utterance", "intent", "previous", "scores"),
    [
        ("hello", None, None, (0, 0, 0)),
        ("a taxi", None, "hotel", (0, 3, 4)),
        ("a museum by taxi", "general", "hotel", (6, 5, 4)),
    ],
)
def test_probabilities_are_the_softmax_of_the_summed_weights(
    utterance: str, intent: str | None, previous: str | None, scores: tuple[int, ...]
) -> None:
    whole = sum(map(exp, scores))
    assert list(
        MODEL.turn_probabilities(utterance, intent, previous, ENGLISH).values()
    ) == pytest.approx([exp(score) / whole for score in scores])


def test_huge_weights_do_not_overflow() -> None:
    sure = MODEL.model_copy(update={"biases": (0.0, 0.0, 4000.0)})
    assert sure.probabilities([])["taxi"] == 1.0


def test_a_saved_model_is_read_back(tmp_path: Path) -> None:
    MODEL.save(tmp_path / DOMAIN_MODEL)
    assert DomainModel.of_folder(tmp_path) == MODEL
    assert [path.name for path in tmp_path.iterdir()] == [DOMAIN_MODEL]


def test_a_folder_without_the_file_has_no_model(tmp_path: Path) -> None:
    assert DomainModel.of_folder(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": {"word:a": [1.0, 2.0]}}, "'word:a' has not one number for each of 3"),
        ({"biases": [1.0]}, "'biases' has not one number"),
        ({"domains": [], "biases": [], "weights": {}}, "'domains' has not one number"),
        ({"version": 2}, "version 2; expected 1"),
        ({"colour": "red"}, "cannot read domain model"),
    ],
)
def test_a_malformed_file_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / DOMAIN_MODEL
    path.write_text(json.dumps(MODEL.model_dump(mode="json") | change))
    with pytest.raises(ConfigError, match=message):
        DomainModel.of_folder(tmp_path)


def active(
    previous: str | None, update: dict[str, dict[str, str]], intent: str | None, utterance: str
) -> tuple[str | None, str]:
    decision = decide(previous, update, intent, utterance, SCHEMA, MODEL)
    assert decision.switched == (decision.active != previous)
    return decision.active, decision.reason


def test_a_grounded_slot_switches_as_without_a_model() -> None:
    update = {"taxi": {"leave": "17:15"}}
    assert active("hotel", update, None, "a taxi at 17:15") == ("taxi", "new taxi leave 17:15")


def test_a_slot_the_words_contradict_is_taken_for_a_slip() -> None:
    # P(attraction) = e^0 / (e^0 + e^3 + e^0) = 0.0452
    update = {"attraction": {"area": "north"}}
    assert active("hotel", update, None, "in the north") == (
        "hotel",
        "the words speak against attraction (0.05)",
    )
    assert decide("hotel", update, None, "in the north", SCHEMA).active == "attraction"


def test_the_words_bear_out_an_intent() -> None:
    # P(taxi | "call a taxi", find) = e^4 / (e^4 + e^3 + 1) = 0.72
    assert active("hotel", {}, "book_taxi", "call a taxi") == ("taxi", "the intent is book_taxi")
    assert active("hotel", {}, "book_taxi", "call me") == (
        "hotel",
        "the intent is book_taxi, but nothing said bears it out",
    )


def test_nearly_certain_words_need_nothing_else() -> None:
    # P(taxi) = e^6 / (e^6 + e^5 + 1) = 0.73 with a general intent, 0.95 with an unknown one.
    assert active("hotel", {}, None, "a cab please") == ("taxi", "the words speak for taxi (0.95)")
    assert active("hotel", {}, "general", "a cab please")[0] == "hotel"
    assert active(None, {}, None, "a cab please") == ("taxi", "the words speak for taxi (1.00)")


def test_a_domain_the_model_was_not_fitted_on_goes_by_the_other_evidence() -> None:
    assert active("hotel", {}, "police", "i was robbed")[0] == "police"
    assert active("hotel", {"train": {"day": "monday"}}, None, "on monday")[0] == "train"
    # Its weights know nothing of the police, so even certain words do not end that talk.
    assert active("police", {}, None, "a cab please")[0] == "police"


def test_of_several_first_domains_the_likeliest_is_taken() -> None:
    update = {"hotel": {"area": "north"}, "attraction": {"area": "north"}}
    assert active(None, update, None, "a museum in the north")[0] == "attraction"
