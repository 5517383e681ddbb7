"""Rollout: the pipeline answers whole dialogues, many side by side.

Stands between the selection and the metrics, and drives the very pipeline that serves. Example:
turn 3 of 100 dialogues is a few batches; their states go into the requests of turn 4.

Protocol: user utterances and past system replies are the corpus's (a live user would see the
model's own replies and answer those); belief states and active domains are the model's own,
carried from turn to turn, so a mistake stays until it is corrected. No label is ever shown: the
replies go in as plain text, and a checkpoint that reads delexicalised ones gets the pipeline's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from todserve.runtime.dialogue import BeliefState, Dialogue, Turn
from todserve.runtime.errors import RequestError
from todserve.runtime.prompts import Exchange
from todserve.runtime.request import TurnRequest
from todserve.runtime.response import TurnResponse
from todserve.runtime.turn import TurnPipeline

PROTOCOL = "reference-replies-in-history,generated-states-carried"
"""Names the protocol in every signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A turn of the corpus and what the pipeline made of it.

    Attributes:
        dialogue_id: where it is from.
        index: its place in the dialogue, from 0.
        turn: the corpus's labels.
        answer: None when the request was refused.
        state: the carried state after the turn.
    """

    dialogue_id: str
    index: int
    turn: Turn
    answer: TurnResponse | None
    state: BeliefState


@dataclass(slots=True)
class _Carried:
    state: BeliefState
    domain: str | None


def roll_out(
    pipeline: TurnPipeline,
    dialogues: Sequence[Dialogue],
    *,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> Iterator[Outcome]:
    """Yield the outcome of every turn, turn index by turn index.

    Args:
        pipeline: answers.
        dialogues: with plain replies.
        batch: most turns in one call.
        on_batch: called with the number of turns done, for a progress bar.
    """
    carried = [_Carried(state={}, domain=None) for _ in dialogues]
    for index in range(max((len(one.turns) for one in dialogues), default=0)):
        places = [place for place, one in enumerate(dialogues) if len(one.turns) > index]
        for start in range(0, len(places), batch):
            chunk = places[start : start + batch]
            answers = pipeline.answer(
                [_request(dialogues[place], index, carried[place]) for place in chunk]
            )
            for place, answer in zip(chunk, answers, strict=True):
                yield _outcome(dialogues[place], index, answer, carried[place])
            on_batch(len(chunk))


def _request(dialogue: Dialogue, index: int, carried: _Carried) -> TurnRequest:
    return TurnRequest(
        user=dialogue.turns[index].user,
        history=tuple(
            Exchange(user=turn.user, system=turn.system or "") for turn in dialogue.turns[:index]
        ),
        state=carried.state,
        domain=carried.domain,
    )


def _outcome(
    dialogue: Dialogue, index: int, answer: TurnResponse | RequestError, carried: _Carried
) -> Outcome:
    if isinstance(answer, TurnResponse):
        carried.state = {
            domain: {slot: one.value for slot, one in slots.items()}
            for domain, slots in (answer.belief_state or {}).items()
        }
        carried.domain = answer.domain.active if answer.domain else None
    return Outcome(
        dialogue_id=dialogue.dialogue_id,
        index=index,
        turn=dialogue.turns[index],
        answer=answer if isinstance(answer, TurnResponse) else None,
        state=carried.state,
    )
