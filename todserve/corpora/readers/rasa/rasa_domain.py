"""Rasa's domain files: intents, entities, slots, responses, actions, forms.

Stands between ``domain.yml``, or the files of a folder ``domain``, and `rasa_types`. Example:
``slots: {city: {type: text, mappings: [{type: from_entity, entity: city}]}}``.

Several services become several files, ``domain/hotel.yml`` with slot ``hotel-area``: Rasa merges
them into one assistant, whose slots must differ in name.
"""

from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.rasa.rasa_types import Place, RasaDomain, RasaSlot

KEYS = frozenset({"intents", "entities", "slots", "responses", "actions", "forms", "templates"})
"""Any of these in a YAML file makes it a domain file."""


def read_domain(
    keys: dict[str, Located], service: str, place: Place, faults: list[Fault]
) -> RasaDomain:
    """Return the domain that a file's top-level keys describe; notes every fault."""
    return RasaDomain(
        service=service,
        intents=_names(keys, "intents", faults),
        entities=_names(keys, "entities", faults),
        slots=_slots(keys, faults),
        responses=_responses(keys, faults),
        actions=_names(keys, "actions", faults),
        forms=_forms(keys, faults),
        place=place,
    )


def _filled(keys: dict[str, Located], name: str) -> Located | None:
    """Return the node of a key; None where it is absent or left empty, as Rasa allows."""
    node = keys.get(name)
    return None if node is None or node.value is None else node


def _names(keys: dict[str, Located], name: str, faults: list[Fault]) -> tuple[str, ...]:
    """Return a list of names, each a text or a key with options (``- greet: {...}``)."""
    node = _filled(keys, name)
    found: dict[str, None] = {}
    for entry in node.sequence(name, faults) if node else []:
        if isinstance(entry.value, dict) and len(entry.value) == 1:
            label = next(iter(entry.value))
        else:
            label = entry.text(f"entry of {name}", faults)
        if label in found:
            faults.append(
                entry.fault(
                    f"entry of {name}",
                    got=f"{label!r} a second time",
                    expected="each name once",
                    fix="take one out",
                )
            )
        if label:
            found[label] = None
    return tuple(found)


def _slots(keys: dict[str, Located], faults: list[Fault]) -> tuple[RasaSlot, ...]:
    node = _filled(keys, "slots")
    slots: list[RasaSlot] = []
    for name, entry in (node.mapping("slots", faults) if node else {}).items():
        inner = entry.mapping(f"slot {name!r}", faults)
        if inner and "type" not in inner:
            faults.append(
                entry.fault(f"slot {name!r}", got="no type", expected="a type", fix="add 'type:'")
            )
        kind = inner["type"].text(f"type of slot {name!r}", faults) if "type" in inner else "text"
        values = _texts(inner, "values", f"slot {name!r}", faults)
        if kind == "categorical" and not values:
            faults.append(
                entry.fault(
                    f"slot {name!r}",
                    got="a categorical slot without values",
                    expected="values",
                    fix="list them, or make the slot's type text",
                )
            )
        if kind == "bool":
            values = ("true", "false")
        place = Place(file=entry.file, line=entry.line)
        sources = _sources(name, inner, faults)
        slots.append(RasaSlot(name=name, type=kind, values=values, sources=sources, place=place))
    return tuple(slots)


def _texts(keys: dict[str, Located], name: str, what: str, faults: list[Fault]) -> tuple[str, ...]:
    node = _filled(keys, name)
    entries = node.sequence(f"{name} of {what}", faults) if node else []
    return tuple(one.text(f"{name} of {what}", faults) for one in entries)


def _sources(
    name: str, keys: dict[str, Located], faults: list[Fault]
) -> tuple[tuple[str, str | None], ...] | None:
    node = _filled(keys, "mappings")
    if node is None:
        return None
    sources: list[tuple[str, str | None]] = []
    for entry in node.sequence(f"mappings of slot {name!r}", faults):
        inner = entry.mapping(f"mapping of slot {name!r}", faults)
        if inner and "type" not in inner:
            entry.text(f"type of a mapping of slot {name!r}", faults)
        if "type" in inner and inner["type"].value == "from_entity":
            entity = inner["entity"].value if "entity" in inner else name
            role = inner["role"].value if "role" in inner else None
            sources.append((str(entity), None if role is None else str(role)))
    return tuple(sources)


def _responses(
    keys: dict[str, Located], faults: list[Fault]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    node = _filled(keys, "responses") or _filled(keys, "templates")
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, entry in (node.mapping("responses", faults) if node else {}).items():
        texts: list[str] = []
        for variant in entry.sequence(f"response {name!r}", faults):
            if isinstance(variant.value, dict):
                # A variation may hold buttons, an image or a custom payload alone.
                if "text" in variant.value:
                    texts.append(variant.value["text"].text(f"text of {name!r}", faults))
            else:
                texts.append(variant.text(f"response {name!r}", faults))
        found.append((name, tuple(texts)))
    return tuple(found)


def _forms(
    keys: dict[str, Located], faults: list[Fault]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    node = _filled(keys, "forms")
    if node is None:
        return ()
    if isinstance(node.value, list):  # Rasa 1: names alone
        return tuple((name, ()) for name in _names(keys, "forms", faults))
    forms: list[tuple[str, tuple[str, ...]]] = []
    for name, entry in node.mapping("forms", faults).items():
        inner = entry.value if isinstance(entry.value, dict) else {}
        required = _filled(inner, "required_slots")
        if required is None:
            slots: tuple[str, ...] = ()
        elif isinstance(required.value, dict):  # Rasa 2: slot -> mappings
            slots = tuple(required.value)
        else:
            slots = _texts(inner, "required_slots", f"form {name!r}", faults)
        forms.append((name, slots))
    return tuple(forms)


def domain_tree(domain: RasaDomain) -> dict[str, Any]:
    """Return the keys of a domain file."""
    tree: dict[str, Any] = {
        "intents": list(domain.intents),
        "entities": list(domain.entities),
        "slots": {slot.name: _slot_tree(slot) for slot in domain.slots},
        "responses": {name: [{"text": text} for text in texts] for name, texts in domain.responses},
        "actions": list(domain.actions),
        "forms": {name: {"required_slots": list(slots)} for name, slots in domain.forms},
    }
    return {name: found for name, found in tree.items() if found}


def _slot_tree(slot: RasaSlot) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": slot.type}
    if slot.type == "categorical":
        tree["values"] = list(slot.values)
    if slot.sources is not None:
        tree["mappings"] = [
            {"type": "from_entity", "entity": entity} | ({"role": role} if role else {})
            for entity, role in slot.sources
        ] or [{"type": "custom"}]
    return tree
