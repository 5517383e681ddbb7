"""Invented labels: domains, slots, values, intents, acts and placeholders that nobody defined.

`generation_rates` counts them in the responses. None of them reaches a belief state: the schema
refuses it, and the response lists it as unparsed. Example: ``[spa]`` in a belief state of a
checkpoint that knows no domain ``spa``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, GENERAL, Turn
from todserve.runtime.language.formats import BOOKING, placeholders
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.response import TurnResponse

_NAME = re.compile(r"\[(?!value_|db_)(\w[\w.-]*)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """The labels there are: the schema's, and for acts and placeholders, the corpus's.

    A schema lists no acts, and acts and replies name slots that no user informs (phone,
    reference number), so these are taken from a whole annotated split.

    Attributes:
        schema: domains, slots, categorical values and intents.
        acts: names of acts.
        act_slots: (domain, slot) of acts.
        placeholders: slots of placeholders.
    """

    schema: Schema
    acts: frozenset[str]
    act_slots: frozenset[tuple[str, str]]
    placeholders: frozenset[str]

    @classmethod
    def of(cls, turns: Iterable[Turn], schema: Schema) -> "Labels":
        """Collect the labels of annotated turns; every slot of the schema may be named too."""
        acts: set[str] = set()
        act_slots: set[tuple[str, str]] = set()
        shown: set[str] = set()
        for turn in turns:
            for act in turn.dialogue_acts or ():
                acts.add(act.act)
                act_slots.add((act.domain, act.slot))
            shown.update(placeholders(turn.delexicalised_response or ""))
        informed = {(domain, slot) for domain in schema.domains for slot in schema.slots(domain)}
        return cls(
            schema=schema,
            acts=frozenset(acts),
            act_slots=frozenset(act_slots | informed),
            placeholders=frozenset(shown | {slot for _, slot in informed}),
        )


INVENTED = {
    "invented_domain": "a domain in the belief state that the schema lacks",
    "invented_slot": "a slot in the belief state that its domain lacks",
    "invented_value": "a value in the belief state that a categorical slot lacks",
    "invented_intent": "an intent that the schema lacks",
    "invented_act": "an act whose domain, name or slot the corpus never uses so",
    "invented_placeholder": "a placeholder in the reply that the corpus never uses",
}
"""Kind of invented label -> what it is; each is counted by turns, and none reaches a state."""


def invented(answer: TurnResponse, labels: Labels) -> frozenset[str]:
    """Return the kinds of INVENTED that one answer shows.

    Read from the pieces the parsers gave back: a slot invented after another slot's value reads as
    a part of that value, and so counts as an invented value where the slot is categorical.
    """
    schema = labels.schema
    kinds = set(_in_belief_state(answer.unparsed.get(TaskName.BELIEF_STATE, ()), schema))
    if _names(answer.unparsed.get(TaskName.INTENT, ())) - set(schema.intents):
        kinds.add("invented_intent")
    known = {*schema.domains, GENERAL, BOOKING, *labels.acts}
    if _names(answer.unparsed.get(TaskName.DIALOGUE_ACT, ())) - known or any(
        one.act not in labels.acts or (one.slot and (one.domain, one.slot) not in labels.act_slots)
        for one in answer.dialogue_act or ()
    ):
        kinds.add("invented_act")
    reply = answer.response.delexicalised if answer.response else ""
    if set(placeholders(reply)) - labels.placeholders:
        kinds.add("invented_placeholder")
    return frozenset(kinds)


def _names(pieces: Iterable[str]) -> set[str]:
    return {match[1] for piece in pieces if (match := _NAME.fullmatch(piece))}


def _in_belief_state(pieces: Iterable[str], schema: Schema) -> Iterator[str]:
    under_invented = False
    for piece in pieces:
        first, *rest = piece.split()
        name = _NAME.fullmatch(first)
        if name and not rest:
            # What stands under a domain that is none comes as one piece right after it.
            under_invented = name[1] not in schema.domains
            if under_invented:
                yield "invented_domain"
        elif name:
            slot, value = rest[0], " ".join(rest[1:])
            # A free-text slot refuses nothing but "none"; its pieces were cut off by the cap.
            if value != DELETED and schema.normalise_value(name[1], slot, value) is None:
                yield "invented_value"
        elif not first.startswith("["):
            alone = not rest and any(schema.has(domain, first) for domain in schema.domains)
            if not alone and not under_invented:  # alone: a slot of ours without its value
                yield "invented_slot"
            under_invented = False
