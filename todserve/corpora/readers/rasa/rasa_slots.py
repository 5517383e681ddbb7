"""Slots of Rasa's domain files, of every version: types, values and what fills them.

`rasa_domain` reads the section ``slots`` with it. Example: ``seats: {type: rasa.shared.core.slots.
FloatSlot, mappings: [{type: from_entity, entity: number}]}`` is a slot of type ``float`` that
entity ``number`` fills.

Rasa 2 lets forms say what fills a slot; such a mapping becomes one of the slot's own, under the
condition that the form is under way.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.rasa.rasa_types import (
    Place,
    RasaCondition,
    RasaMapping,
    RasaSlot,
    RasaSource,
)
from todserve.runtime.untrusted.json_text import parse_json

TYPES = frozenset({"text", "categorical", "bool", "float", "list", "any", "unfeaturized"})
"""Rasa's own types, by their short names."""

ANY_FORM = ""
"""Stands for the condition "no form is under way"."""

_CLASSES = {"boolean": "bool", "unfeaturised": "unfeaturized"}
_TRUTH = ("true", "false")
_SAID = frozenset({"text", "title", "payload", "image", "intent", "action", "user", "bot", "name"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")
_READ = frozenset(
    {"type", "entity", "role", "group", "intent", "not_intent", "value", "conditions"}
)
_SLOT_KEYS = frozenset(
    {"type", "values", "mappings", "initial_value", "influence_conversation", "auto_fill"}
)


def read_slots(node: Located | None, faults: list[Fault]) -> tuple[RasaSlot, ...]:
    """Return the slots under a file's key ``slots``; notes every fault."""
    slots: list[RasaSlot] = []
    for name, entry in (node.mapping("slots", faults) if node else {}).items():
        inner = entry.mapping(f"slot {name!r}", faults)
        if inner and "type" not in inner:
            faults.append(
                entry.fault(f"slot {name!r}", got="no type", expected="a type", fix="add 'type:'")
            )
        given = inner["type"].text(f"type of slot {name!r}", faults) if "type" in inner else "text"
        kind = short_type(given)
        values = _values(inner.get("values"), name, faults)
        if kind == "categorical" and not values:
            faults.append(
                entry.fault(
                    f"slot {name!r}",
                    got="a categorical slot without values",
                    expected="values",
                    fix="list them, or make the slot's type text",
                )
            )
        mappings = _mappings(name, inner.get("mappings"), faults)
        if mappings is None and "auto_fill" in inner:
            # Rasa 1 and 2: whether an entity of its name fills it.
            filled = str(inner["auto_fill"].value).lower() != "false"
            mappings = None if filled else ()
        initial = inner.get("initial_value")
        influence = inner.get("influence_conversation")
        slots.append(
            RasaSlot(
                name=name,
                type=kind,
                values=_TRUTH if kind == "bool" else values,
                mappings=mappings,
                initial=None if initial is None else _typed_text(initial),
                influences=None if influence is None else str(influence.value).lower() == "true",
                options={
                    key: value_text(one) for key, one in inner.items() if key not in _SLOT_KEYS
                },
                place=Place(file=entry.file, line=entry.line),
            )
        )
    return tuple(slots)


def short_type(given: str) -> str:
    """Return ``categorical`` for ``rasa.shared.core.slots.CategoricalSlot``; others as given."""
    short = given.rpartition(".")[2].removesuffix("Slot").lower()
    found = _CLASSES.get(short, short)
    return found if found in TYPES else given


def value_text(node: Located) -> str | None:
    """Return a value as a text: lists and mappings as JSON, None for null."""
    plain = plain_value(node)
    if plain is None or isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False)


def _typed_text(node: Located) -> str | None:
    """Return a value as a text in which the numbers of lists and mappings are numbers."""
    if isinstance(node.value, dict | list):
        return json.dumps(written_value(node), ensure_ascii=False)
    return value_text(node)


def plain_value(node: Located) -> Any:
    """Return a node and all below it without its places."""
    if isinstance(node.value, dict):
        return {key: plain_value(one) for key, one in node.value.items()}
    if isinstance(node.value, list):
        return [plain_value(one) for one in node.value]
    return node.value


def written_value(node: Located, key: str = "") -> Any:
    """Return a node as YAML means it: ``true`` and ``60`` are no texts, but for what is said."""
    if isinstance(node.value, dict):
        return {name: written_value(one, name) for name, one in node.value.items()}
    if isinstance(node.value, list):
        return [written_value(one, key) for one in node.value]
    value = node.value
    if not isinstance(value, str) or key in _SAID:
        return value
    if value in _TRUTH:
        return value == "true"
    if _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _values(node: Located | None, name: str, faults: list[Fault]) -> tuple[str, ...]:
    what = f"values of slot {name!r}"
    filled = node is not None and node.value is not None
    entries = node.sequence(what, faults) if node is not None and filled else []
    return tuple(filter(None, (one.text(what, faults) for one in entries)))


def _mappings(
    name: str, node: Located | None, faults: list[Fault]
) -> tuple[RasaMapping, ...] | None:
    if node is None or node.value is None:
        return None
    found: list[RasaMapping] = []
    for entry in node.sequence(f"mappings of slot {name!r}", faults):
        inner = entry.mapping(f"mapping of slot {name!r}", faults)
        if inner and "type" not in inner:
            entry.text(f"type of a mapping of slot {name!r}", faults)
        elif inner:
            found += read_mappings(name, entry, inner)
    return tuple(found)


def read_mappings(slot: str, entry: Located, keys: Mapping[str, Located]) -> Iterator[RasaMapping]:
    """Yield a mapping of a slot, whatever its type: one for each entity that it lists."""
    kind = value_text(keys["type"]) or "custom"
    plain = {name: value_text(node) for name, node in keys.items()}
    entities = _names(keys.get("entity")) or (slot,)
    for entity in entities if kind == "from_entity" else (None,):
        yield RasaMapping(
            type=kind,
            entity=entity,
            role=plain.get("role"),
            group=plain.get("group"),
            intents=_names(keys.get("intent")),
            not_intents=_names(keys.get("not_intent")),
            value=plain.get("value"),
            conditions=tuple(_conditions(keys.get("conditions"))),
            options={name: plain[name] or "" for name in plain if name not in _READ},
            place=Place(file=entry.file, line=entry.line),
        )


def _names(node: Located | None) -> tuple[str, ...]:
    plain = None if node is None else plain_value(node)
    entries = plain if isinstance(plain, list) else [] if plain is None else [plain]
    return tuple(str(one) for one in entries)


def _conditions(node: Located | None) -> Iterable[RasaCondition]:
    entries = node.value if node is not None and isinstance(node.value, list) else []
    for one in entries:
        keys = one.value if isinstance(one.value, dict) else {}
        form = keys.get("active_loop")
        asked = keys.get("requested_slot")
        yield RasaCondition(
            form=None if form is None else ANY_FORM if form.value is None else str(form.value),
            asked=None if asked is None else str(asked.value),
        )


def with_form_mappings(
    slots: tuple[RasaSlot, ...], forms: Mapping[str, Mapping[str, Located]]
) -> tuple[RasaSlot, ...]:
    """Return slots with the mappings that forms of Rasa 2 keep for them.

    Args:
        slots: of any domain file.
        forms: form -> slot -> the node of its mappings.
    """
    extra: dict[str, list[RasaMapping]] = {}
    for form, inner in forms.items():
        for slot, node in inner.items():
            for entry in node.value if isinstance(node.value, list) else [node]:
                keys = entry.value if isinstance(entry.value, dict) else {}
                if "type" in keys:
                    condition = RasaCondition(form=form)
                    extra.setdefault(slot, []).extend(
                        replace(one, conditions=(condition,))
                        for one in read_mappings(slot, entry, keys)
                    )

    def filled(slot: RasaSlot) -> RasaSlot:
        if slot.name not in extra:
            return slot
        # Rasa 2 fills a slot from the entity of its name as well.
        own = slot.mappings
        if own is None:
            own = (RasaMapping(type="from_entity", entity=slot.name, assumed=True),)
        return replace(slot, mappings=(*own, *extra[slot.name]))

    return tuple(map(filled, slots))


_UNFEATURIZED = "unfeaturized"


def slot_tree(slot: RasaSlot, entities: frozenset[str] | None = None) -> dict[str, Any]:
    """Return a slot's keys, in the words of Rasa 3.

    Args:
        slot: the slot.
        entities: of its domain, which Rasa 3 asks for in every mapping; None for whichever.
    """
    # Rasa 3 has no unfeaturized slots: they are of any type, and influence nothing.
    featureless = slot.type == _UNFEATURIZED
    tree: dict[str, Any] = {"type": "any" if featureless else slot.type}
    if slot.type == "categorical":
        tree["values"] = list(slot.values)
    if slot.initial is not None:
        tree["initial_value"] = typed_value(slot.initial, slot.type)
    if slot.influences is not None and not featureless:
        tree["influence_conversation"] = slot.influences
    tree |= slot.options
    mappings = slot.mappings
    if mappings is None:
        # What earlier versions do by themselves must be said today.
        mappings = (RasaMapping(type="from_entity", entity=slot.name, assumed=True),)
    if entities is not None:
        mappings = tuple(one for one in mappings if not one.assumed or one.entity in entities)
    tree["mappings"] = [_mapping_tree(one, slot.type) for one in mappings] or [{"type": "custom"}]
    return tree


def _mapping_tree(mapping: RasaMapping, kind: str) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": mapping.type}
    for name, value in (
        ("entity", mapping.entity),
        ("role", mapping.role),
        ("group", mapping.group),
    ):
        if value is not None:
            tree[name] = value
    for name, names in (("intent", mapping.intents), ("not_intent", mapping.not_intents)):
        if names:
            tree[name] = names[0] if len(names) == 1 else list(names)
    if mapping.value is not None:
        tree["value"] = typed_value(mapping.value, kind)
    tree |= mapping.options
    if mapping.conditions:
        tree["conditions"] = [_condition_tree(one) for one in mapping.conditions]
    return tree


def _condition_tree(condition: RasaCondition) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    if condition.form is not None:
        tree["active_loop"] = condition.form or None
    if condition.asked is not None:
        tree["requested_slot"] = condition.asked
    return tree


def typed_value(value: str, kind: str) -> Any:
    """Return a value as YAML is to write it: a number as a number, a truth as a truth."""
    if kind == "bool" and value.lower() in _TRUTH:
        return value.lower() == "true"
    if kind == "float":
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "any" and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if kind in ("list", "any") and value[:1] in "[{":
        try:
            return parse_json(value)
        except ValueError:
            return value
    return value


def sources_of(slot: RasaSlot) -> tuple[RasaSource, ...]:
    """Return the entities that fill a slot; that of its own name where nothing is mapped."""
    if slot.mappings is None:
        return (RasaSource(entity=slot.name),)
    return tuple(
        RasaSource(
            entity=one.entity or slot.name,
            role=one.role,
            group=one.group,
            forms=tuple(c.form for c in one.conditions if c.form is not None),
            asked=bool(one.conditions) and all(c.asked == slot.name for c in one.conditions),
            unless=one.not_intents,
            intents=one.intents,
        )
        for one in slot.mappings
        if one.type == "from_entity"
    )
