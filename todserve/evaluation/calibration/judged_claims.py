"""Judged claims: what the network claimed, token by token, and whether it was right.

The temperatures are fitted to these claims. A claim is what a confidence is reported for (or could
be): the value of a slot, the intent, one act, the whole set of acts. Example: the generation
``[train] day friday`` makes one claim, carried by the tokens of ``friday``.

Kuleshov & Liang, Calibrated Structured Prediction, NIPS 2015, call them events of interest: a
structured output is calibrated for the claims a reader acts on, not token by token.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from todserve.evaluation.metrics.belief_scores import slots_of
from todserve.evaluation.metrics.forced_passages import Passage
from todserve.runtime.decoding.parsed_generation import Reading
from todserve.runtime.language.dialogue import DELETED, Turn
from todserve.runtime.language.formats import parse_dialogue_acts
from todserve.runtime.language.prompts import BeliefTarget, PromptBuilder
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.tracking.belief_tracking import accepted_spans
from todserve.runtime.turn_work import TurnWork


class ClaimKind(StrEnum):
    """The kinds of claims: a value, an intent, an act and so on."""

    SLOT = "slot"
    """The value of a slot that the turn wrote is the one in the corpus's state."""
    INTENT = "intent"
    """The intent is the corpus's."""
    ACT = "act"
    """One act of the reply is among the corpus's."""
    ACT_SET = "act_set"
    """All acts of the reply are the corpus's, none missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Something that the network wrote and that is right or wrong.

    Attributes:
        kind: what it is about.
        task: whose generation.
        tokens: places of the generation's tokens that say it; the place after the last token is
            the end token.
        right: whether the corpus agrees.
    """

    kind: ClaimKind
    task: TaskName
    tokens: tuple[int, ...]
    right: bool


def generated_passages(work: TurnWork, builder: PromptBuilder) -> dict[TaskName, Passage]:
    """Return what each task wrote in a turn, after the prompt it really had."""
    return {
        task: Passage(
            task=task,
            context=builder.context(work.source, task, work.database_token),
            prefix=builder.prefix(task, work.database_token),
            target=(
                *reading.generation.ids,
                *([builder.end_id(task)] if reading.generation.finished else []),
            ),
        )
        for task, reading in work.readings.items()
    }


def claims(work: TurnWork, turn: Turn, form: BeliefTarget, schema: Schema) -> Iterator[Claim]:
    """Yield the claims of a turn that the corpus annotates.

    A slot withdrawn, or an intent that was not understood, is served without a confidence and so
    claims nothing here.

    Args:
        work: the turn, worked out.
        turn: the corpus's labels.
        form: what the belief-state task writes.
        schema: spells values and knows domains.
    """
    beliefs = work.readings.get(TaskName.BELIEF_STATE)
    if beliefs is not None and turn.belief_state is not None:
        yield from _slots(beliefs, slots_of(turn.belief_state, schema), form, schema)
    intents = work.readings.get(TaskName.INTENT)
    if intents is not None and turn.intent is not None and work.intent is not None:
        yield Claim(
            kind=ClaimKind.INTENT,
            task=TaskName.INTENT,
            tokens=_whole(intents),
            right=work.intent == turn.intent,
        )
    acts = work.readings.get(TaskName.DIALOGUE_ACT)
    if acts is not None and turn.dialogue_acts is not None:
        wanted = set(turn.dialogue_acts)
        for act, (start, end) in zip(acts.parsed.acts, act_places(acts.text, schema), strict=True):
            yield Claim(
                kind=ClaimKind.ACT,
                task=TaskName.DIALOGUE_ACT,
                tokens=acts.tokens(start, end),
                right=act in wanted,
            )
        yield Claim(
            kind=ClaimKind.ACT_SET,
            task=TaskName.DIALOGUE_ACT,
            tokens=_whole(acts),
            right=set(acts.parsed.acts) == wanted,
        )


def act_places(text: str, schema: Schema) -> list[tuple[int, int]]:
    """Return the characters that say each act of ``text``, in the order of its acts.

    An act is said by what was written since the act before: in ``[train] [inform] choice id`` the
    first is ``[train] [inform] choice``, the second ``id``. What could not be parsed belongs to
    the act after it.
    """
    final = parse_dialogue_acts(text, schema).acts
    places: list[tuple[int, int]] = []
    start = end = 0
    for word in text.split():
        end = text.index(word, end) + len(word)
        # The parser reads from left to right, so an act stands once it opens the whole answer.
        so_far = parse_dialogue_acts(text[:end], schema).acts
        while len(places) < len(final) and so_far[: len(places) + 1] == final[: len(places) + 1]:
            places.append((start, end))
            start = end
    return places


def _slots(
    reading: Reading, wanted: frozenset[tuple[str, str, str]], form: BeliefTarget, schema: Schema
) -> Iterator[Claim]:
    # A slot written twice keeps its last value and that value's confidence.
    last = {
        (span.domain, span.slot): (span, value)
        for span, value in accepted_spans(reading, form, schema)
    }
    for span, value in last.values():
        if value != DELETED:
            yield Claim(
                kind=ClaimKind.SLOT,
                task=TaskName.BELIEF_STATE,
                tokens=reading.tokens(span.start, span.end),
                right=(span.domain, span.slot, value) in wanted,
            )


def _whole(reading: Reading) -> tuple[int, ...]:
    generation = reading.generation
    return tuple(range(len(generation.ids) + generation.finished))
