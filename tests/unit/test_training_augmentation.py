import random

import pytest

from tests.tiny_turns import TURNS
from todserve.training.augmentation import Augmenter
from todserve.training.config import Augmentation
from todserve.training.turns import TrainingTurn

ALWAYS = Augmentation(probability=1.0, synthetic_names=0.0)
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


def _augmented(augment: Augmenter, turn: TrainingTurn) -> list[TrainingTurn]:
    return [augment(turn, random.Random(seed)) for seed in range(30)]
