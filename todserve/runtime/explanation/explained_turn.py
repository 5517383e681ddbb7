"""Explained turn: the reasons why a turn was answered as it was, each with the words it rests on.

``Pipeline.explain`` returns it where ``Pipeline.answer`` returns the answer. Everything told here
was found while the turn was answered; only the words are looked for again, as the shortest run of
them that the same judgement of `Grounds` accepts. Example: for "a cheap place, please" the value
``cheap`` rests on the word "cheap".
"""

import re

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.knowledge.domain_table import DomainTable
from todserve.runtime.language.dialogue import DONTCARE, GENERAL, OUT_OF_SCOPE
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.reply.lexicalisation import Filling, Origin
from todserve.runtime.tracking.grounds import Ground, GroundSource, Spoken
from todserve.runtime.turn_work import TurnWork
from todserve.runtime.wire.response import ModelIdentity, TurnResponse
from todserve.runtime.wire.turn_explanation import (
    ActExplanation,
    Condition,
    LookUpExplanation,
    ReplyExplanation,
    SlotExplanation,
    TurnExplanation,
    ValueExplanation,
)

_WORD = re.compile(r"\S+")
_MOST_WORDS = 12
"""In a run that bears a value out; names and ways of saying are shorter."""


def explained_turn(
    work: TurnWork, answer: TurnResponse, checkpoint: Checkpoint, identity: ModelIdentity
) -> TurnExplanation:
    """Return why a turn that went through all stages was answered as it was.

    Args:
        work: the turn.
        answer: what it is answered.
        checkpoint: says what bears values out, and what can be looked up.
        identity: of the model.
    """
    return TurnExplanation(
        intent=answer.intent,
        read_as=answer.read_as,
        slots=_slots(work, answer, checkpoint),
        refused=answer.refused,
        domain_reason=answer.domain.reason if answer.domain else None,
        look_up=_look_up(work, checkpoint),
        dialogue_act=_acts(work, answer),
        response=_reply(work, answer),
        model=identity,
    )


def shortest_words(ground: Ground) -> str | None:
    """Return the fewest neighbouring words of a ground's text that bear the value out alone."""
    if ground.says is None:
        return None
    words = [match.span() for match in _WORD.finditer(ground.text)]
    for count in range(1, min(_MOST_WORDS, len(words)) + 1):
        for first in range(len(words) - count + 1):
            run = ground.text[words[first][0] : words[first + count - 1][1]]
            if ground.says(run):
                return run.strip(".,!?;:\"'()")
    return None


def _slots(
    work: TurnWork, answer: TurnResponse, checkpoint: Checkpoint
) -> tuple[SlotExplanation, ...]:
    found = []
    for domain, slots in (answer.belief_state or {}).items():
        for slot, prediction in slots.items():
            before = work.memory.state.get(domain, {}).get(slot)
            ground = _ground(work, checkpoint, domain, slot, prediction.value)
            source = None if ground is None else str(ground.source)
            if slot in answer.corrected.get(domain, ()):
                ground, source = None, "corrected"
            found.append(
                SlotExplanation(
                    domain=domain,
                    slot=slot,
                    value=prediction.value,
                    confidence=prediction.confidence,
                    written="before" if before == prediction.value else "now",
                    source=source,
                    words=None if ground is None else shortest_words(ground),
                )
            )
    return tuple(found)


def _ground(
    work: TurnWork, checkpoint: Checkpoint, domain: str, slot: str, value: str
) -> Ground | None:
    values = checkpoint.values
    moment = values.moment(work.request.now) if values is not None else None
    spoken = Spoken.of(work.utterance, work.request.history, work.memory.state, moment)
    renamed = work.tracked.renamed if work.tracked else ()
    # A misspelt name is borne out by what was typed, not by the name that is meant.
    typed = [one.typed for one in renamed if one.read == value]
    grounds = (checkpoint.grounds.ground(domain, slot, one, spoken) for one in (value, *typed))
    best = next((one for one in grounds if one is not None), None)
    own = work.memory.state.get(domain, {}).get(slot)
    # That the slot was so before is told by itself; it bears nothing out.
    return None if best and best.source is GroundSource.STATE and own == value else best


def _look_up(work: TurnWork, checkpoint: Checkpoint) -> LookUpExplanation:
    if work.tracked is None or work.found is None:
        return LookUpExplanation(domain=work.tracked.memory.domain if work.tracked else None)
    domain = work.found.domain
    slots = work.tracked.memory.state.get(domain, {})
    table = checkpoint.knowledge.tables[domain]
    asked = {slot: value for slot, value in sorted(slots.items()) if _is_asked(table, slot, value)}
    return LookUpExplanation(
        domain=domain,
        conditions=tuple(
            Condition(
                slot=slot,
                comparison="arranged" if table.arranged else str(table.comparisons[slot]),
                value=value,
            )
            for slot, value in asked.items()
        ),
        without=tuple(slot for slot in sorted(slots) if slot not in asked),
        matches=work.found.matches,
        first=work.found.results[0] if work.found.results else None,
    )


def _is_asked(table: DomainTable, slot: str, value: str) -> bool:
    return (slot in table.comparisons or table.arranged) and value != DONTCARE


def _acts(work: TurnWork, answer: TurnResponse) -> tuple[ActExplanation, ...]:
    fillings = _fillings(work, answer)
    found = []
    for act in answer.dialogue_act or ():
        said = next((one for one in fillings if one.slot == act.slot), None)
        by_rule = act.domain == GENERAL and act.act == OUT_OF_SCOPE
        found.append(
            ActExplanation(
                domain=act.domain,
                act=act.act,
                slot=act.slot,
                source="rule" if by_rule else "generation",
                value=said.value if said else None,
                origin=str(said.origin) if said else None,
            )
        )
    return tuple(found)


def _reply(work: TurnWork, answer: TurnResponse) -> ReplyExplanation | None:
    if answer.response is None:
        return None
    return ReplyExplanation(
        text=answer.response.text,
        source=answer.response.source,
        rules=answer.response.rules,
        values=tuple(
            ValueExplanation(
                slot=one.slot,
                value=one.value,
                origin=str(one.origin),
                entity=one.row if one.origin is Origin.RESULT else None,
            )
            for one in _fillings(work, answer)
        ),
    )


def _fillings(work: TurnWork, answer: TurnResponse) -> tuple[Filling, ...]:
    """Return what filled the reply's placeholders, where a reply was asked for."""
    asked = TaskName.RESPONSE in work.request.tasks and answer.response is not None
    return work.reply.candidate.filled.fillings if asked and work.reply else ()
