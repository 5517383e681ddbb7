import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tiny_turns import TURNS
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.training.preparation.augmentation import Augmenter, _swapped
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import Augmentation

ALWAYS = Augmentation(probability=1.0, synthetic_names=0.0)
CLOSED = Schema(
    services=(
        Service(
            name="hotel",
            slots=(
                Slot(name="area", categorical=True, values=("north", "south", "east")),
                Slot(name="pricerange", categorical=True, values=("cheap", "dear", "dontcare")),
                Slot(name="stars", categorical=True, values=("0", "2", "3", "12")),
            ),
        ),
        Service(
            name="shop",
            slots=(
                Slot(name="hat"),
                Slot(name="area", categorical=True, values=("north", "east", "west")),
            ),
        ),
    )
)
BOOKED = next(turn for turn in TURNS if turn.history)


def _values(turn: TrainingTurn) -> set[str]:
    return {value for slots in (turn.state or {}).values() for value in slots.values()}


@pytest.mark.parametrize("seed", range(20))
def test_values_are_replaced_alike_in_state_history_and_utterance(seed: int) -> None:
    turn = Augmenter(TURNS, ALWAYS)(BOOKED, random.Random(seed))
    assert turn.state is not None
    train = turn.state["train"]
    assert turn.user == f"on {train['day']} after {train['leave']}"
    assert turn.previous_state == {"train": {"destination": train["destination"]}}
    assert turn.history[0][0] == f"a train to {train['destination']} please"
    assert train["destination"] in turn.history[0][1]


def test_other_values_do_come() -> None:
    augment = Augmenter(TURNS, ALWAYS)
    seen = set()
    for seed in range(40):
        seen |= _values(augment(BOOKED, random.Random(seed)))
    assert len(seen) > 20


def test_placeholders_intent_and_acts_stay() -> None:
    turn = Augmenter(TURNS, ALWAYS)(BOOKED, random.Random(1))
    assert turn.history[0][2] == BOOKED.history[0][2]
    assert (turn.intent, turn.acts, turn.response) == (BOOKED.intent, BOOKED.acts, BOOKED.response)


def test_the_same_chance_gives_the_same_turn() -> None:
    augment = Augmenter(TURNS, ALWAYS)
    assert augment(BOOKED, random.Random(3)) == augment(BOOKED, random.Random(3))


def test_probability_zero_changes_nothing() -> None:
    augment = Augmenter(TURNS, Augmentation(probability=0.0))
    assert all(augment(turn, random.Random(1)) is turn for turn in TURNS)


def test_a_value_the_words_only_paraphrase_is_kept() -> None:
    turn = TrainingTurn(
        dialogue_id="x", user="downtown please", state={"hotel": {"area": "centre"}}
    )
    assert Augmenter([*TURNS, turn], ALWAYS)(turn, random.Random(1)).state == turn.state


def test_yes_no_and_indifference_are_never_replaced() -> None:
    turn = TrainingTurn(
        dialogue_id="x",
        user="yes no dontcare",
        state={"hotel": {"parking": "yes", "internet": "no", "area": "dontcare"}},
    )
    assert Augmenter([*TURNS, turn], ALWAYS)(turn, random.Random(1)) == turn


@pytest.mark.parametrize(
    ("user", "value", "replaced"),
    [
        ("라파엘의 노래 틀어줘", "라파엘", True),
        ("노래 라파엘", "라파엘", True),
        ("새라파엘의 노래", "라파엘", False),  # another name, of which it is the end
        ("비가 와", "비", False),  # one syllable begins too many other words
        ("비 노래 틀어줘", "비", True),
        ("trains to elyria", "ely", False),
    ],
)
def test_a_particle_written_onto_a_korean_value_hides_it_not(
    user: str, value: str, replaced: bool
) -> None:
    turns = [
        TrainingTurn(dialogue_id="x", user=user, state={"music": {"singer": value}}),
        TrainingTurn(dialogue_id="y", user="가상밴드", state={"music": {"singer": "가상밴드"}}),
    ]
    augment = Augmenter(turns, ALWAYS)
    seen = {
        (turn.state or {})["music"]["singer"]: turn.user for turn in _augmented(augment, turns[0])
    }
    expected = {value: user}
    if replaced:
        expected["가상밴드"] = user.replace(value, "가상밴드")
    assert seen == expected


def test_korean_words_serve_as_synthetic_names() -> None:
    turn = TrainingTurn(dialogue_id="x", user="조용한 노래 좀", state={})
    assert Augmenter([turn], ALWAYS).words == ["노래", "조용한"]


@pytest.mark.parametrize("seed", range(40))
def test_a_closed_slot_takes_values_of_its_own_domain(seed: int) -> None:
    turn = TrainingTurn(
        dialogue_id="x",
        user="a cheap hotel in the north with 3 stars for 14:15, and a blue hat",
        state={
            "hotel": {"area": "north", "pricerange": "cheap", "stars": "3"},
            "shop": {"hat": "blue"},
        },
    )
    augment = Augmenter(TURNS, ALWAYS.model_copy(update={"synthetic_names": 1.0}), CLOSED)
    state = augment(turn, random.Random(seed)).state
    assert state is not None
    for slot, value in state["hotel"].items():
        assert value in CLOSED.values("hotel", slot)
        assert value not in ("0", "12")


def test_a_value_that_two_services_share_stays_one_that_both_may_take() -> None:
    turn = TrainingTurn(
        dialogue_id="x",
        user="both in the north",
        state={"hotel": {"area": "north"}, "shop": {"area": "north"}},
    )
    augment = Augmenter(TURNS, ALWAYS, CLOSED)
    seen = set()
    for seed in range(40):
        state = augment(turn, random.Random(seed)).state
        assert state is not None
        assert state["hotel"]["area"] == state["shop"]["area"]
        seen.add(state["hotel"]["area"])
    assert seen == {"north", "east"}


def test_two_values_do_not_become_one() -> None:
    turn = TrainingTurn(
        dialogue_id="x",
        user="from ely to norwich",
        state={"train": {"departure": "ely", "destination": "norwich"}},
    )
    turns = [*TURNS, turn]
    met = 0
    for seed in range(100):
        state = Augmenter(turns, ALWAYS)(turn, random.Random(seed)).state
        assert state is not None
        met += state["train"]["departure"] == state["train"]["destination"]
    assert met < 10


_TEXT = st.text(alphabet="ab :_가나1", max_size=14)


@given(
    text=_TEXT,
    values=st.dictionaries(
        st.text(alphabet="ab :가나1", min_size=1, max_size=3),
        st.sampled_from(("X", "YY")),
        min_size=1,
        max_size=4,
    ),
)
def test_values_are_found_and_replaced_as_a_pattern_of_all_of_them_would(
    text: str, values: dict[str, str]
) -> None:
    def standing(value: str) -> str:
        end = "(?![a-z0-9:])" if re.search(r"[가-힣]{2}\Z", value) else r"(?![\w:])"
        return rf"(?<![\w:]){re.escape(value)}{end}"

    pattern = "|".join(standing(value) for value in sorted(values, key=len, reverse=True))
    assert _swapped(text, values) == re.sub(pattern, lambda match: values[match[0]], text)


def _augmented(augment: Augmenter, turn: TrainingTurn) -> list[TrainingTurn]:
    return [augment(turn, random.Random(seed)) for seed in range(30)]
