import random

from tests.support.tiny_checkpoint import SCHEMA
from todserve.runtime.language.formats import serialize_belief_state
from todserve.training.preparation.copy_turns import CopyTurns

WORDS = ("green", "hill", "castle", "wine", "seven", "street")
COPY = CopyTurns(SCHEMA, WORDS)


def test_every_value_is_said_right_after_its_slot() -> None:
    for seed in range(200):
        turn = COPY(random.Random(seed))
        assert turn.state
        for slots in turn.state.values():
            for slot, value in slots.items():
                assert f"{slot} {value}" in turn.user


def test_states_hold_only_what_the_schema_knows() -> None:
    for seed in range(200):
        for domain, slots in (COPY(random.Random(seed)).state or {}).items():
            assert set(slots) <= set(SCHEMA.slots(domain))


def test_the_utterance_alone_does_not_give_the_order_away() -> None:
    turns = [COPY(random.Random(seed)) for seed in range(200)]
    in_order = [
        serialize_belief_state(turn.state or {}, SCHEMA).replace("[", "").replace("]", "")
        == turn.user.replace(",", "").replace(".", "")
        for turn in turns
    ]
    assert not all(in_order)


def test_only_the_belief_state_is_asked_for() -> None:
    turn = COPY(random.Random(1))
    assert (turn.intent, turn.acts, turn.response) == (None, None, None)
    assert turn == COPY(random.Random(1))
