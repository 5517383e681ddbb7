"""Rollout: the pipeline answers whole dialogues, many side by side.

The benchmarks call it with the dialogues they selected and give its outcomes to the metrics; it
drives the very pipeline that serves. Example: turn 3 of 100 dialogues is a few batches; their
states go into the requests of turn 4.

Protocols: `Protocol` says what the corpus lends the model. User utterances always are the corpus's;
belief states always are the model's own, carried from turn to turn, so a mistake stays until it is
corrected. No label is ever shown, but for the domains of ORACLE_CONTEXT: replies go into the
history as plain text, and a checkpoint that reads delexicalised ones gets the pipeline's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from todserve.evaluation.answerer import ScoredAnswerer
from todserve.runtime.errors import RequestError
from todserve.runtime.language.dialogue import BeliefState, Dialogue, Turn
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse


class Protocol(StrEnum):
    """What stands in the history and who says what a turn is about; its value is signed.

    REFERENCE_REPLIES: the corpus's replies stand in the history, since its users answer those.
    The protocol of every published dialogue-state figure.
    END_TO_END: the model's own replies, as people would read them; its own domains.
    ORACLE_CONTEXT: PPTOD's end-to-end evaluation, as far as this pipeline goes: the corpus's
    replies, and each turn is handed its gold domain as if it had been the last turn's. The
    pipeline holds it, unless the model writes a new slot of another domain.
    """

    REFERENCE_REPLIES = "reference-replies-in-history,generated-states-carried"
    END_TO_END = "own-replies-in-history,generated-states-carried,own-domains"
    ORACLE_CONTEXT = (
        "LEAKED:reference-replies-in-history,LEAKED:gold-turn-domains,generated-states-carried"
    )


PROTOCOL = str(Protocol.REFERENCE_REPLIES)
"""Names the default protocol in every signature."""


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
    replies: list[str] = field(default_factory=list)


def roll_out(
    pipeline: ScoredAnswerer,
    dialogues: Sequence[Dialogue],
    *,
    protocol: Protocol = Protocol.REFERENCE_REPLIES,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> Iterator[Outcome]:
    """Yield the outcome of every turn, turn index by turn index.

    Args:
        pipeline: answers.
        dialogues: with plain replies; END_TO_END reads none of them.
        protocol: what the corpus lends the model.
        batch: most turns in one call.
        on_batch: called with the number of turns done, for a progress bar.
    """
    carried = [_Carried(state={}, domain=None) for _ in dialogues]
    for index in range(max((len(one.turns) for one in dialogues), default=0)):
        places = [place for place, one in enumerate(dialogues) if len(one.turns) > index]
        for start in range(0, len(places), batch):
            chunk = places[start : start + batch]
            answers = pipeline.answer(
                [_request(dialogues[place], index, carried[place], protocol) for place in chunk]
            )
            for place, answer in zip(chunk, answers, strict=True):
                yield _outcome(dialogues[place], index, answer, carried[place])
            on_batch(len(chunk))


def _request(dialogue: Dialogue, index: int, carried: _Carried, protocol: Protocol) -> TurnRequest:
    past = dialogue.turns[:index]
    own = protocol is Protocol.END_TO_END
    replies = carried.replies if own else [turn.system or "" for turn in past]
    given = dialogue.turns[index].active_domain if protocol is Protocol.ORACLE_CONTEXT else None
    return TurnRequest.of_corpus(
        user=dialogue.turns[index].user,
        history=tuple(
            Exchange(user=turn.user, system=reply)
            for turn, reply in zip(past, replies, strict=True)
        ),
        state=carried.state,
        domain=given or carried.domain,
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
    said = answer.response if isinstance(answer, TurnResponse) else None
    carried.replies.append(said.text if said else "")
    return Outcome(
        dialogue_id=dialogue.dialogue_id,
        index=index,
        turn=dialogue.turns[index],
        answer=answer if isinstance(answer, TurnResponse) else None,
        state=carried.state,
    )
