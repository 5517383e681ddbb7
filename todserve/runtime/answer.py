"""Finished answers: gathers what was worked out for a turn into the response the client reads.

The pipeline calls it as its last step. Parts whose task was not asked for stay null. Example:
``[value_name] is at [value_address] .`` becomes ``Gonville is at Gonville Place.``.
"""

from todserve.runtime.language.dialogue import GENERAL, OUT_OF_SCOPE
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.reply.consistency import consistent
from todserve.runtime.turn_work import TurnWork
from todserve.runtime.wire.response import (
    ActiveDomain,
    ActPrediction,
    DatabaseMatches,
    IntentPrediction,
    ModelIdentity,
    ReadAs,
    RefusedPrediction,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
    UnconstrainedConfidence,
)


def finished_response(work: TurnWork, identity: ModelIdentity) -> TurnResponse:
    """Return the answer to a turn that went through all stages.

    Domain and database are given whenever the belief state was worked out, also where only the
    reply was asked for.
    """
    return TurnResponse(
        intent=_intent(work),
        belief_state=_belief_state(work),
        domain=_domain(work),
        database=_database(work),
        dialogue_act=_acts(work),
        response=_response(work),
        consistent=_consistent(work),
        unparsed=_unparsed(work),
        read_as=_read_as(work),
        refused=_refused(work),
        model=identity,
        unconstrained=_unconstrained(work),
        now=work.tracked.moment if work.tracked else None,
        corrected=work.tracked.memory.corrected if work.tracked else work.memory.corrected,
    )


def _asked(work: TurnWork, task: TaskName) -> bool:
    return task in work.request.tasks and task in work.readings


def _intent(work: TurnWork) -> IntentPrediction | None:
    if not _asked(work, TaskName.INTENT) or work.intent is None:
        return None
    if work.judged is not None:
        return IntentPrediction(name=work.judged.name, confidence=work.judged.confidence)
    reading = work.readings[TaskName.INTENT]
    return IntentPrediction(name=work.intent, confidence=reading.whole_probability_among_allowed)


def _belief_state(work: TurnWork) -> dict[str, dict[str, SlotPrediction]] | None:
    if not _asked(work, TaskName.BELIEF_STATE) or work.tracked is None:
        return None
    memory = work.tracked.memory
    return {
        domain: {
            slot: SlotPrediction(
                value=value,
                confidence=memory.confidence.get(domain, {}).get(slot),
                normalised=memory.meant.get(domain, {}).get(slot),
            )
            for slot, value in slots.items()
        }
        for domain, slots in memory.state.items()
    }


def _unconstrained(work: TurnWork) -> UnconstrainedConfidence | None:
    if not any(reading.constrained for reading in work.readings.values()):
        return None
    return UnconstrainedConfidence(
        intent=work.readings[TaskName.INTENT].whole_probability
        if _asked(work, TaskName.INTENT)
        else None,
        belief_state=work.tracked.unconstrained
        if _asked(work, TaskName.BELIEF_STATE) and work.tracked
        else {},
    )


def _domain(work: TurnWork) -> ActiveDomain | None:
    if work.tracked is None:
        return None
    decision = work.tracked.decision
    return ActiveDomain(active=decision.active, switched=decision.switched, reason=decision.reason)


def _database(work: TurnWork) -> DatabaseMatches | None:
    if work.tracked is None:
        return None
    if work.found is None:
        return DatabaseMatches(domain=work.tracked.memory.domain, matches=None)
    return DatabaseMatches(
        domain=work.found.domain,
        matches=work.found.matches,
        results=work.found.results[: work.request.top_k],
    )


def _acts(work: TurnWork) -> tuple[ActPrediction, ...] | None:
    if work.out_of_scope and TaskName.DIALOGUE_ACT in work.request.tasks:
        return (ActPrediction(domain=GENERAL, act=OUT_OF_SCOPE),)
    if not _asked(work, TaskName.DIALOGUE_ACT):
        return None
    return tuple(ActPrediction(domain=one.domain, act=one.act, slot=one.slot) for one in work.acts)


def _response(work: TurnWork) -> ResponsePrediction | None:
    if work.reply is None or TaskName.RESPONSE not in work.request.tasks:
        return None
    said = work.reply.candidate
    return ResponsePrediction(
        text=said.filled.text,
        delexicalised=said.delexicalised,
        unfilled=said.filled.unfilled,
        completed=said.completed,
        rules=work.reply.rules,
        source=said.source,
    )


def _consistent(work: TurnWork) -> bool | None:
    asked = _asked(work, TaskName.DIALOGUE_ACT) and _asked(work, TaskName.RESPONSE)
    if work.reply is None or not asked:
        return None
    return consistent(work.acts, work.reply.candidate.delexicalised)


def _refused(work: TurnWork) -> tuple[RefusedPrediction, ...]:
    if work.tracked is None:
        return ()
    return tuple(
        RefusedPrediction(
            domain=one.domain,
            slot=one.slot,
            value=one.value,
            reason=one.reason,
            detail=one.detail,
        )
        for one in work.tracked.refused
    )


def _read_as(work: TurnWork) -> ReadAs | None:
    renamed = work.tracked.renamed if work.tracked else ()
    changes = (*work.spelled.changes, *renamed)
    return ReadAs(text=work.utterance, changes=changes) if changes else None


def _unparsed(work: TurnWork) -> dict[str, tuple[str, ...]]:
    pieces = {
        str(task): tuple(reading.parsed.unparsed)
        for task, reading in work.readings.items()
        if task is not TaskName.BELIEF_STATE
    }
    if work.tracked is not None:
        pieces[str(TaskName.BELIEF_STATE)] = work.tracked.unparsed
    return {task: found for task, found in pieces.items() if found}
