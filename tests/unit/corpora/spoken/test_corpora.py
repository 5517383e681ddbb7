"""Spoken turns of the publishers' own corpora; skipped without them."""

import os
import random
from functools import cache

import pytest

from todserve.corpora.registry import CORPORA, TOD_DATA, find, load
from todserve.corpora.spoken.spoken_kinds import KINDS
from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.corpora.spoken.spoken_turns import SpokenTurn, labelled_turns
from todserve.runtime.language.dialogue import DELETED, state_update
from todserve.runtime.language.schema import Schema

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set"),
]


@cache
def _maker(corpus: str) -> tuple[SpokenTurns, Schema]:
    schema = Schema(services=CORPORA[corpus].services(find(corpus)))
    turns = [turn for dialogue in load(corpus, "dev") for turn in labelled_turns(dialogue)]
    return SpokenTurns(turns, schema, Spoken(rough=0.0)), schema


# Kinds that a corpus gives no occasion for.
WITHOUT = {
    "multiwoz21": {"department"},
    # One domain, and states that name no venue.
    "camrest676": {
        *("department", "between", "way_back", "way_round", "leave_or_arrive", "swap_services"),
        *("wrong_service", "correct_service", "carry", "two_services"),
        *("ask", "rule_out"),
    },
}


@pytest.mark.parametrize("corpus", WITHOUT)
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_made_with_values_that_the_schema_writes_so(corpus: str, kind: str) -> None:
    make, schema = _maker(corpus)
    made: list[SpokenTurn] = []
    for number in range(60):
        turn = make(random.Random(f"{kind}/{number}"), kind)
        if turn is not None:
            made.append(turn)
    assert bool(made) == (kind not in WITHOUT[corpus])
    for turn in made:
        # The corpus's own labels are its own; what is new must be written as the schema does.
        for domain, slots in state_update(turn.previous_state, turn.state or {}).items():
            for slot, value in slots.items():
                if value != DELETED and kind not in ("rough", "merged", "mistaken", "restart"):
                    assert schema.normalise_value(domain, slot, value) == value
