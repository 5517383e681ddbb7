"""A checkpoint's description: every label that its model can use, for people who correct answers.

The worker calls ``describe`` when it is asked ``{"describe": true}`` and sends back what it
returns. Example: ``describe(pipeline.checkpoint, pipeline.identity).domains["train"]["day"]``.
"""

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.language.schema import Slot
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import ModelIdentity


def describe(checkpoint: Checkpoint, identity: ModelIdentity) -> ModelDescription:
    """Return what the checkpoint can speak of; the acts are those of its vocabulary."""
    labels = OutputLabels.of(checkpoint)
    services = checkpoint.schema.services
    learnt = checkpoint.labels
    return ModelDescription(
        name=identity.name,
        version=identity.version,
        checkpoint=identity.checkpoint,
        intents=checkpoint.schema.intents,
        domains={
            service.name: {slot.name: _values(slot) for slot in service.slots}
            for service in services
        },
        domain_intents={one.name: one.intents for one in services},
        # A vocabulary that has no label of its own for an act can still spell every one.
        acts=labels.acts or None,
        act_slots=labels.act_slots,
        titles={one.name: checkpoint.introduction.title(one.name) for one in services},
        prompts=checkpoint.introduction.prompts,
        types={
            service.name: {slot.name: slot.type for slot in service.slots if slot.type}
            for service in services
            if any(slot.type for slot in service.slots)
        },
        intent_shares={} if learnt is None else learnt.intents,
        slot_shares={} if learnt is None else learnt.slots,
    )


def _values(slot: Slot) -> tuple[str, ...] | None:
    return slot.values if slot.categorical and slot.values else None
