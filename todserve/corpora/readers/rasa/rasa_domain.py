"""Rasa's domain files: intents, entities, slots, responses, actions, forms.

`rasa_project` reads ``domain.yml``, or the files of a folder ``domain``, with it. Example: ``slots:
{city: {type: text, mappings: [{type: from_entity, entity: city}]}}``.

Several services become several files, ``domain/hotel.yml`` with slot ``hotel-area``: Rasa merges
them into one assistant, whose slots must differ in name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.rasa.rasa_slots import (
    read_slots,
    slot_tree,
    with_form_mappings,
    written_value,
)
from todserve.corpora.readers.rasa.rasa_types import Place, RasaDomain

KEYS = frozenset({"intents", "entities", "slots", "responses", "actions", "forms", "templates"}) | {
    *("session_config", "e2e_actions")
}
"""Any of these in a YAML file makes it a domain file."""

_FORM_KEYS = ("ignored_intents",)
"""Keys of a form beside its slots: Rasa 3 refuses a file with any other."""
_AS_WRITTEN = ("intents", "entities", "responses", "templates", "forms", "actions")
_SETTINGS = ("session_config", "e2e_actions", "config")


def read_domain(
    keys: dict[str, Located], service: str, place: Place, faults: list[Fault]
) -> RasaDomain:
    """Return the domain that a file's top-level keys describe; notes every fault."""
    return RasaDomain(
        service=service,
        intents=_names(keys, "intents", faults),
        entities=_names(keys, "entities", faults),
        slots=with_form_mappings(
            read_slots(_filled(keys, "slots"), faults), _mapped_in_forms(keys)
        ),
        responses=_responses(keys, faults),
        actions=_names(keys, "actions", faults),
        forms=_forms(keys, faults),
        written={
            name: written_value(keys[name])
            for name in (*_AS_WRITTEN, *_SETTINGS)
            if name in keys and keys[name].value is not None
        },
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


def _texts(keys: dict[str, Located], name: str, what: str, faults: list[Fault]) -> tuple[str, ...]:
    node = _filled(keys, name)
    entries = node.sequence(f"{name} of {what}", faults) if node else []
    return tuple(one.text(f"{name} of {what}", faults) for one in entries)


def _responses(
    keys: dict[str, Located], faults: list[Fault]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    node = _filled(keys, "responses") or _filled(keys, "templates")
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, entry in (node.mapping("responses", faults) if node else {}).items():
        texts: list[str] = []
        for variant in variations(entry):
            if isinstance(variant.value, dict):
                # A variation may hold buttons, an image or a custom payload alone.
                if "text" in variant.value:
                    texts.append(variant.value["text"].text(f"text of {name!r}", faults))
            else:
                texts.append(variant.text(f"response {name!r}", faults))
        found.append((name, tuple(texts)))
    return tuple(found)


def variations(entry: Located) -> list[Located]:
    """Return the variations of a response; one that is no list is the only one."""
    if isinstance(entry.value, list):
        return entry.value
    return [] if entry.value in (None, "", {}) else [entry]


def _forms(
    keys: dict[str, Located], faults: list[Fault]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    node = _filled(keys, "forms")
    if node is None:
        return ()
    forms: list[tuple[str, tuple[str, ...]]] = []
    if isinstance(node.value, list):
        _names(keys, "forms", faults)  # notes what is no name
    else:
        node.mapping("forms", faults)
    for name, entry in form_entries(node).items():
        inner = entry.value if isinstance(entry.value, dict) else {}
        required = _filled(inner, "required_slots")
        if required is None:
            # Rasa 2.0: the form's own keys are its slots.
            slots = tuple(name for name, one in inner.items() if _is_mappings(one))
        elif isinstance(required.value, dict):  # Rasa 2: slot -> mappings
            slots = tuple(required.value)
        elif any(isinstance(one.value, dict) for one in _entries(required)):
            # A list of slots, each with its mappings.
            slots = tuple(
                name
                for one in _entries(required)
                for name in (one.value if isinstance(one.value, dict) else [str(one.value)])
            )
        else:
            slots = _texts(inner, "required_slots", f"form {name!r}", faults)
        forms.append((name, slots))
    return tuple(forms)


def form_entries(node: Located) -> dict[str, Located]:
    """Return the forms that stand under ``forms``: by name, or in Rasa 1's list of names."""
    if isinstance(node.value, dict):
        return node.value
    found: dict[str, Located] = {}
    for entry in node.value if isinstance(node.value, list) else ():
        if isinstance(entry.value, dict):
            found |= entry.value
        elif entry.value:
            found[str(entry.value)] = replace(entry, value=None)
    return found


def _entries(node: Located) -> list[Located]:
    return node.value if isinstance(node.value, list) else []


def _is_mappings(node: Located) -> bool:
    return any(isinstance(one.value, dict) and "type" in one.value for one in _entries(node))


def _mapped_in_forms(keys: dict[str, Located]) -> dict[str, dict[str, Located]]:
    """Return form -> slot -> mappings, which Rasa 2 keeps in the form."""
    node = _filled(keys, "forms")
    found: dict[str, dict[str, Located]] = {}
    for name, entry in (form_entries(node) if node is not None else {}).items():
        inner = entry.value if isinstance(entry.value, dict) else {}
        required = inner.get("required_slots")
        if required is None:
            found[name] = {slot: one for slot, one in inner.items() if _is_mappings(one)}
        elif isinstance(required.value, dict):
            found[name] = required.value
        else:
            found[name] = {
                slot: mappings
                for one in _entries(required)
                if isinstance(one.value, dict)
                for slot, mappings in one.value.items()
            }
    return found


def domain_tree(domain: RasaDomain) -> dict[str, Any]:
    """Return the keys of a domain file."""
    written = domain.written
    responses = {**written.get("templates", {}), **written.get("responses", {})}
    tree: dict[str, Any] = {
        "intents": written.get("intents") or list(domain.intents),
        "entities": written.get("entities") or list(domain.entities),
        "slots": {
            slot.name: slot_tree(slot, frozenset(domain.entities) if written else None)
            for slot in domain.slots
        },
        "responses": {
            name: _as_list(responses[name]) if name in responses else _texts_tree(texts)
            for name, texts in domain.responses
        },
        "actions": written.get("actions") or list(domain.actions),
        "forms": {name: _form_tree(name, slots, written) for name, slots in domain.forms},
        **{name: written[name] for name in _SETTINGS if name in written},
    }
    return {name: found for name, found in tree.items() if found}


def _as_list(given: Any) -> list[Any]:
    """Return a response's variations, each with its keys: Rasa 1 has them as texts, too."""
    entries = given if isinstance(given, list) else [] if given is None else [given]
    return [_with_text(one) if isinstance(one, dict) else {"text": str(one)} for one in entries]


def _with_text(variation: Mapping[str, Any]) -> dict[str, Any]:
    # Rasa refuses a picture or buttons alone.
    said = variation.get("text") is not None or "custom" in variation
    return dict(variation) if said else {"text": "", **variation}


def _texts_tree(texts: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def _form_tree(name: str, slots: tuple[str, ...], written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a form's keys in the words of Rasa 3, whose mappings stand with the slots."""
    forms = written.get("forms")
    given = forms.get(name) if isinstance(forms, dict) else None
    kept = given if isinstance(given, dict) else {}
    more = {key: one for key, one in kept.items() if key in _FORM_KEYS}
    return {"required_slots": list(slots), **more}


def foreign_form_keys(domain: RasaDomain) -> Iterator[tuple[str, str]]:
    """Yield (form, key) of what a form says that is neither a slot nor known to Rasa 3."""
    written = domain.written.get("forms")
    for name, slots in domain.forms:
        given = written.get(name) if isinstance(written, dict) else None
        for key in given if isinstance(given, dict) else ():
            if key not in (*_FORM_KEYS, *slots, "required_slots"):
                yield name, key


def joined_written(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two files of one domain say together."""
    joined = dict(first)
    for key, value in second.items():
        known = joined.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            joined[key] = {**known, **value}
        elif isinstance(known, list) and isinstance(value, list):
            joined[key] = [*known, *(one for one in value if one not in known)]
        else:
            joined[key] = value
    return joined
