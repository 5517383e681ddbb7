"""Confidences under a constraint; every expected number is worked by hand beside it."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint import build_automaton
from todserve.runtime.decoding.parsed_generation import Reading, read
from todserve.runtime.decoding.token_automaton import FREE, TokenAutomaton
from todserve.runtime.engines.engine import Encoding, Generation, Row
from todserve.runtime.language.prompts import BeliefTarget
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.belief_tracking import Memory, track
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse, encode

HALF, QUARTER, EIGHTH = math.log(1 / 2), math.log(1 / 4), math.log(1 / 8)


def reading(
    checkpoint: Checkpoint,
    text: str,
    *,
    of_last: float,
    allowed: tuple[float, ...] = (),
    constrained: bool = True,
) -> Reading:
    """Read ``text`` with probability 1 of every token but the last, and 1/2 of the end token."""
    ids = tuple(checkpoint.tokenizer.encode(text))
    generation = Generation(
        ids=ids,
        log_probs=(0.0,) * (len(ids) - 1) + (of_last,),
        end_log_prob=HALF,
        allowed_log_probs=allowed and (0.0,) * (len(ids) - len(allowed)) + allowed,
        end_allowed_log_prob=HALF if allowed else 0.0,
    )
    return read(
        generation,
        TaskName.BELIEF_STATE,
        tokenizer=checkpoint.tokenizer,
        schema=checkpoint.schema,
        constrained=constrained,
    )


def test_a_probability_among_the_allowed_tokens_is_a_share_of_theirs(opened: Checkpoint) -> None:
    one = reading(opened, "[train] leave 9", of_last=EIGHTH, allowed=(QUARTER,))
    at = len(one.text)
    # 1/8 of all; the allowed had 1/4, so 1/2 of theirs
    assert one.probability(at - 1, at) == pytest.approx(1 / 8)
    assert one.probability_among_allowed(at - 1, at) == pytest.approx(1 / 2)
    # the end token: 1/2 of all, and all of what was allowed
    assert one.whole_probability == pytest.approx(1 / 16)
    assert one.whole_probability_among_allowed == pytest.approx(1 / 2)


def test_without_refusals_the_two_are_the_same(opened: Checkpoint) -> None:
    one = reading(opened, "[train] leave 9", of_last=EIGHTH)
    at = len(one.text)
    assert one.probability_among_allowed(at - 1, at) == one.probability(at - 1, at)
    assert one.whole_probability_among_allowed == one.whole_probability


def test_rounding_lifts_no_probability_over_one(opened: Checkpoint) -> None:
    one = reading(opened, "[train] leave 9", of_last=QUARTER, allowed=(QUARTER - 1e-7,))
    at = len(one.text)
    assert one.probability_among_allowed(at - 1, at) == 1


@pytest.mark.parametrize("constrained", [True, False])
def test_tracking_keeps_the_unconstrained_confidence_of_what_a_constraint_held(
    opened: Checkpoint, constrained: bool
) -> None:
    tracked = track(
        Memory(state={"train": {"day": "friday"}}, confidence={"train": {"day": 0.75}}),
        reading(
            opened,
            "[train] leave 9",
            of_last=EIGHTH,
            allowed=(QUARTER,) if constrained else (),
            constrained=constrained,
        ),
        target=BeliefTarget.UPDATE,
        schema=opened.schema,
        intent=None,
        utterance="at 9",
    )
    value = 1 / 2 if constrained else 1 / 8
    assert tracked.memory.confidence == {"train": {"day": 0.75, "leave": pytest.approx(value)}}
    own = {"train": {"leave": pytest.approx(1 / 8)}} if constrained else {}
    assert tracked.unconstrained == own


class _Held(ScriptedEngine):
    """Keeps what it is asked, and says that a quarter of the probability was allowed."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint, _script)
        self.rows: list[Row] = []
        self.automata: list[TokenAutomaton | None] = []

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        self.rows += rows
        self.automata.append(automaton)
        return [
            Generation(
                ids=one.ids,
                log_probs=(EIGHTH,) + (0.0,) * (len(one.ids) - 1),
                end_log_prob=0.0,
                allowed_log_probs=(QUARTER,) + (0.0,) * (len(one.ids) - 1),
            )
            for one in super().generate(encoding, rows, automaton)
        ]


def _script(asked: Asked) -> str:
    return {
        TaskName.BELIEF_STATE: "[train] leave 9",
        TaskName.INTENT: "[find_train]",
        TaskName.DIALOGUE_ACT: "[train]",
        TaskName.RESPONSE: "where to?",
    }[asked.task]


def pipeline_of(checkpoint: Checkpoint, engine: _Held, *, constrained: bool) -> Pipeline:
    return Pipeline(
        checkpoint,
        engine,
        ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum),
        build_automaton(checkpoint) if constrained else None,
    )


HISTORY = {"user": "at 9", "history": [{"user": "a train", "system": "when?"}]}


def test_every_row_starts_in_its_tasks_state_a_replayed_history_too(opened: Checkpoint) -> None:
    engine = _Held(opened)
    pipeline = pipeline_of(opened, engine, constrained=True)
    pipeline.answer([parse_request(HISTORY)])
    automaton = build_automaton(opened)
    starts = {opened.tokenizer.token_id(TASKS[name].start_token): name for name in TaskName}
    assert [row.state for row in engine.rows] == [
        automaton.starts[starts[row.prefix[0]]] for row in engine.rows
    ]
    # one replayed belief state, then the turn's four tasks
    assert len(engine.rows) == 5
    assert None not in engine.automata


def test_a_free_pipeline_asks_for_free_rows(opened: Checkpoint) -> None:
    engine = _Held(opened)
    pipeline_of(opened, engine, constrained=False).answer([parse_request(HISTORY)])
    assert {row.state for row in engine.rows} == {FREE}
    assert set(engine.automata) == {None}


def answer(checkpoint: Checkpoint, *, constrained: bool, **asked: object) -> TurnResponse:
    pipeline = pipeline_of(checkpoint, _Held(checkpoint), constrained=constrained)
    (found,) = pipeline.answer([parse_request({"user": "at 9", **asked})])
    assert isinstance(found, TurnResponse)
    return found


def test_the_answer_tells_the_unconstrained_confidence_beside_the_other(opened: Checkpoint) -> None:
    told = encode(answer(opened, constrained=True, state={"train": {"day": "friday"}}))
    # The first token of an intent: 1/8 of all, of which a quarter was allowed. A carried slot has
    # no confidence of this turn; the value of `leave` is not the first token.
    assert told["unconstrained"] == {
        "intent": pytest.approx(1 / 8),
        "belief_state": {"train": {"leave": 1.0}},
    }
    assert told["intent"] == {"name": "find_train", "confidence": pytest.approx(1 / 2)}
    slots = {"value": "9", "confidence": 1.0}
    assert told["belief_state"] == {
        "train": {"day": {"value": "friday", "confidence": None}, "leave": slots}
    }


def test_what_was_not_asked_for_has_no_unconstrained_confidence(opened: Checkpoint) -> None:
    told = answer(opened, constrained=True, tasks=["intent"]).unconstrained
    assert told is not None
    assert told.intent == pytest.approx(1 / 8)
    assert told.belief_state == {}
    told = answer(opened, constrained=True, tasks=["response"]).unconstrained
    assert told is not None
    assert (told.intent, told.belief_state) == (None, {})


def test_a_free_answer_has_the_keys_it_always_had(opened: Checkpoint) -> None:
    free = encode(answer(opened, constrained=False))
    assert "unconstrained" not in free
    # `corrected` too is there only for those who asked.
    assert set(free) == set(TurnResponse.model_fields) - {"unconstrained", "now", "corrected"}


def test_a_constrained_answers_state_may_be_sent_back_as_it_is(opened: Checkpoint) -> None:
    told = encode(answer(opened, constrained=True))
    again = answer(opened, constrained=True, state=told["belief_state"])
    assert again.belief_state is not None
    assert again.belief_state["train"]["leave"].value == "9"


def test_the_automaton_is_built_only_where_it_is_asked_for(tiny_checkpoint: Path) -> None:
    assert Pipeline.load(tiny_checkpoint)._automaton is None
    held = Pipeline.load(tiny_checkpoint, constrained=True)._automaton
    assert held is not None
    assert set(held.starts) >= set(TaskName)
