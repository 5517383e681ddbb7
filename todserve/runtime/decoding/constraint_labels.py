"""OutputLabels: every domain, slot, value, act and intent that a checkpoint may write.

Read from the checkpoint when the constraint is built. Domains, slots,
categorical values and intents are the schema's. A schema lists no acts, and acts name slots that no
user informs: these are the labels it has learnt (those of its ``labels.json``, or else of its whole
vocabulary) and the columns of its database. Example: ``act_slots["train"]`` holds ``leave``
(schema), ``price`` (column) and ``reference`` (a placeholder of the vocabulary that is no domain's
own).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import GENERAL, OUT_OF_SCOPE
from todserve.runtime.language.formats import BOOKING
from todserve.runtime.language.prompts import BeliefTarget
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import Tokenizer

_LABEL = re.compile(r"\[(?!db_)(value_)?(\w[\w.-]*)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputLabels:
    """The domains, slots, values, acts and intents that may be written.

    Attributes:
        schema: domains, slots, categorical values, intents.
        target: whether a belief state may withdraw a slot.
        acts: names of acts: the vocabulary's bracketed labels that name nothing else.
        act_slots: domain of acts -> slots its acts may name.
        placeholders: slots of the placeholders a response may hold.
    """

    schema: Schema
    target: BeliefTarget
    acts: tuple[str, ...]
    act_slots: Mapping[str, tuple[str, ...]]
    placeholders: tuple[str, ...]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "OutputLabels":
        """Collect the names of a checkpoint."""
        schema, knowledge = checkpoint.schema, checkpoint.knowledge
        shown, bracketed = _labels(checkpoint.tokenizer)
        if checkpoint.labels is not None:
            shown, bracketed = list(checkpoint.labels.placeholders), list(checkpoint.labels.acts)
        informed = [slot for domain in schema.domains for slot in schema.slots(domain)]
        # What lies outside every service is an intent of the user and an act of the reply.
        taken = {*schema.domains, *schema.intents, GENERAL, BOOKING} - {OUT_OF_SCOPE}
        return cls(
            schema=schema,
            target=checkpoint.format.belief_target,
            acts=tuple(name for name in bracketed if name not in taken),
            act_slots=_act_slots(schema, knowledge, shown),
            placeholders=tuple(dict.fromkeys([*shown, *informed])),
        )


def _labels(tokenizer: Tokenizer) -> tuple[list[str], list[str]]:
    """Return the slots of the vocabulary's placeholders, and its other bracketed labels."""
    shown: list[str] = []
    bracketed: list[str] = []
    for token_id in range(tokenizer.size):
        match = _LABEL.fullmatch(tokenizer.decode([token_id]))
        if match:
            (shown if match[1] else bracketed).append(match[2])
    return shown, bracketed


def _act_slots(
    schema: Schema, knowledge: KnowledgeBase, shown: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    own = {domain: {*schema.slots(domain), *knowledge.columns(domain)} for domain in schema.domains}
    owned = set().union(*own.values())
    # A reference number or a count of matches is nobody's slot, and may be told of any domain.
    common = [slot for slot in shown if slot not in owned]
    named = {domain: tuple(sorted({*slots, *common})) for domain, slots in own.items()}
    # MultiWOZ books under a domain of its own where the venue's is unknown: any slot may follow.
    return {GENERAL: (), BOOKING: tuple(sorted({*owned, *common}))} | named
