"""Labels: what people write is held against what the model can be taught.

The routes of corrections and of examples call it before anything is stored. Example: the intent
``find_trian`` is refused with ``intent: unknown intent 'find_trian' (did you mean 'find_train'?);
...``.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_errors import GatewayError, LabelError, MissingError, ModelAwayError
from todserve.runtime.language.dialogue import DELETED
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.wire.key_checks import nearest, quote
from todserve.runtime.wire.model_description import ModelDescription

LABELS = ("intent", "belief_state", "dialogue_act")
"""The keys of a correction or an example whose names the model must know."""

_SHOWN = 12


def check_labels(
    content: Mapping[str, Any], models: Models, names: Iterable[str], *, request_id: str
) -> None:
    """Check the labels of a correction or an example.

    Args:
        content: its keys; those that are no labels are not looked at.
        models: tell what they know.
        names: whom to ask: the model that spoke, and others if that one is there no more.
        request_id: passed on.

    Raises:
        LabelError: a name that the model does not know.
        ModelAwayError: none of the models answers.
    """
    if any(content.get(key) for key in LABELS):
        known = _described(models, names, request_id)
        # An archive from before models could tell refuses nothing.
        if known is not None:
            _check(content, known)


def _described(models: Models, names: Iterable[str], request_id: str) -> ModelDescription | None:
    away: GatewayError = ModelAwayError("no model to ask for its labels")
    for name in dict.fromkeys(names):
        try:
            return models.describe(name, request_id=request_id)
        except (ModelAwayError, MissingError) as error:
            away = error
    raise away


def _check(content: Mapping[str, Any], known: ModelDescription) -> None:
    intent = content.get("intent")
    if intent is not None:
        _must_be("intent: unknown intent", intent, known.intents)
    for domain, slots in (content.get("belief_state") or {}).items():
        _must_be("belief_state: unknown domain", domain, known.domains)
        for slot, value in slots.items():
            _must_be(f"belief_state.{domain}: unknown slot", slot, known.domains[domain])
            _must_be_a_value(domain, slot, value, known.domains[domain][slot])
    for place, one in enumerate(content.get("dialogue_act") or ()):
        what = f"dialogue_act[{place}]"
        _must_be(f"{what}.domain: unknown domain", one["domain"], known.act_slots)
        if known.acts is not None:
            _must_be(f"{what}.act: unknown act", one["act"], known.acts)
        if one["slot"]:
            _must_be(f"{what}.slot: unknown slot", one["slot"], known.act_slots[one["domain"]])


def _must_be_a_value(domain: str, slot: str, value: str, known: tuple[str, ...] | None) -> None:
    """Refuse what the model would refuse to go on from; its spelling is forgiven as there."""
    what = f"belief_state.{domain}.{slot}"
    only = Slot(name=slot, categorical=known is not None, values=known or ())
    schema = Schema(services=(Service(name=domain, slots=(only,)),))
    no_value = value.strip().lower() == DELETED
    if not no_value and schema.normalise_value(domain, slot, value) is not None:
        return
    if no_value or not known:
        raise LabelError(f"{what}: got {quote(value)}, which is no value; leave the slot out")
    _must_be(f"{what}: unknown value", value, known)


def _must_be(what: str, got: str, known: Collection[str]) -> None:
    if got in known:
        return
    names = tuple(known)
    expected = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raise LabelError(
        f"{what} {quote(got)}{nearest(got, names)}; expected "
        + (f"one of {expected}" if names else "none")
    )
