"""Slots of a Rasa project as the key ``slots`` of bot.yml: types, first values, what fills them.

`converted_bot` calls it when a project is converted. Example: ``outdoor: {type: bool, mappings:
[{type: from_intent, intent: affirm, value: true}]}`` that a form requires gets
``fill: [{intents: [affirm], value: "true", asked: true}]``.

What an entity fills, the model learns; what an intent or the words alone decide, a rule does.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.rasa.action_slots import REQUESTED
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_slots import ANY_FORM, TYPES, sources_of, typed_value
from todserve.corpora.readers.rasa.rasa_types import RasaCondition, RasaMapping, RasaSlot

_TEXT, _INTENT, _TRIGGER, _ENTITY = "from_text", "from_intent", "from_trigger_intent", "from_entity"
_AS_ANY = "unfeaturized"


class ConvertedSlots:
    """Makes the key ``slots`` of a bot.yml from the slots of a Rasa project.

    Args:
        assistant: the project.
        made: names of the forms that bot.yml has.
        report: counts what no rule can say.
    """

    def __init__(self, assistant: Assistant, made: frozenset[str], report: ReadReport) -> None:
        self._assistant = assistant
        self._made = made
        self._report = report

    def slots(self, named: Callable[[str], str]) -> dict[str, dict[str, Any]]:
        """Return each slot by the name that ``named`` gives it in bot.yml."""
        return {
            named(slot.name): self._slot(slot, named(slot.name))
            for slot in self._assistant.slots.values()
            if slot.name != REQUESTED  # every bot's own
        }

    def _slot(self, slot: RasaSlot, name: str) -> dict[str, Any]:
        where = f"{slot.place.file}:{slot.place.line} {slot.name}"
        kind = "any" if slot.type == _AS_ANY else slot.type
        if slot.type not in TYPES:
            self._report.changed(f"slot: {slot.type}, taken for text", where)
            kind = "text"
        for option in slot.options:
            self._report.skipped(f"slot: {option}", where)
        understood = slot.mappings is None or any(one.type == _ENTITY for one in slot.mappings)
        tree: dict[str, Any] = {"name": slot.name} if slot.name != name else {}
        tree["type"] = kind
        if slot.type == "categorical":
            tree["values"] = list(slot.values)
        spellings = [one for one in self._spellings(slot) if one not in slot.values]
        if spellings:
            tree["spellings"] = spellings
        if slot.initial is not None:
            tree["initial"] = typed_value(slot.initial, kind)
        if not understood:
            tree["understood"] = False
        if slot.influences is False:
            tree["influences"] = False
        fill = [one for mapping in slot.mappings or () for one in self._fill(slot, mapping)]
        if fill:
            tree["fill"] = fill
        elif self._is_unmarked(slot):
            # Duckling or spaCy found it for Rasa, or a button says it.
            self._report.missing("form: no example marks what fills a slot it asks for", where)
        entities = self._entities(slot)
        return tree | ({"entities": entities} if entities else {})

    def _entities(self, slot: RasaSlot) -> list[dict[str, Any]]:
        """Return what fills the slot; nothing where it is the entity of its own name alone."""
        found: list[dict[str, Any]] = []
        for one in sources_of(slot):
            forms = [form for form in one.forms if form in ("", *self._made)]
            if one.forms and not forms:
                continue  # inside a form that is left out
            tree: dict[str, Any] = {
                "entity": one.entity,
                "role": one.role,
                "group": one.group,
                "forms": forms,
                "asked": one.asked,
                "intents": [label(intent) for intent in one.intents],
                "unless": [label(intent) for intent in one.unless],
            }
            kept = {key: value for key, value in tree.items() if value not in (None, [], False)}
            if kept not in found:
                found.append(kept)
        return [] if found == [{"entity": slot.name}] else found

    def _is_unmarked(self, slot: RasaSlot) -> bool:
        """Say whether a form asks for a slot of which no example shows a model how it is said."""
        sources = {one.entity for one in sources_of(slot)}
        asked = not self._made.isdisjoint(self._asking(slot))
        examples = self._assistant.project.nlu.examples
        marked = (entity.entity for one in examples for entity in one.entities)
        return asked and bool(sources) and sources.isdisjoint(marked)

    def _spellings(self, slot: RasaSlot) -> list[str]:
        """Return the values with capitals that the project knows: a model learns them without."""
        nlu = self._assistant.project.nlu
        sources = {source.entity for source in sources_of(slot)}
        # What is said in an example is the value, unless a synonym says what is meant.
        meant = {text.lower(): one.name for one in nlu.synonyms for text in one.examples}
        known = [value for one in nlu.lookups if one.name in sources for value in one.examples]
        marked = [
            meant.get(entity.value.lower(), entity.value)
            for one in nlu.examples
            for entity in one.entities
            if entity.entity in sources
        ]
        found: dict[str, str] = {}
        for value in (*known, *marked):
            found.setdefault(value.lower(), value)
        return [value for lower, value in found.items() if value != lower]

    def _fill(self, slot: RasaSlot, mapping: RasaMapping) -> Iterator[Mapping[str, Any]]:
        where = f"{mapping.place.file}:{mapping.place.line} {slot.name}"
        for option in mapping.options:
            self._report.skipped(f"slot mapping: {option} of {mapping.type}", where)
        if mapping.type in (_ENTITY, _TEXT) and mapping.value is not None:
            self._report.skipped(f"slot mapping: value of {mapping.type}", where)
        if mapping.type == _ENTITY:
            # A model's business: what its examples show, it does.
            if any(self._assistant.ignored(form) for form in self._asking(slot)):
                self._report.changed("form: ignored_intents and entities, not a rule", where)
            return
        if mapping.type not in (_TEXT, _INTENT, _TRIGGER):
            self._report.skipped(f"slot mapping: {mapping.type}, set by an action alone", where)
            return
        if mapping.type != _TEXT and mapping.value is None:
            self._report.skipped(f"slot mapping: {mapping.type} without a value", where)
            return
        for condition in mapping.conditions or (RasaCondition(),):
            if condition.form not in (None, ANY_FORM) and condition.form not in self._made:
                self._report.skipped("slot mapping: inside a form that is left out", where)
            elif condition.asked not in (None, slot.name):
                self._report.skipped("slot mapping: while another slot is asked for", where)
            else:
                yield self._filling(slot, mapping, condition, where)

    def _filling(
        self, slot: RasaSlot, mapping: RasaMapping, condition: RasaCondition, where: str
    ) -> dict[str, Any]:
        asking = self._asking(slot)
        inside = asking if condition.form is None else [condition.form]
        begins = mapping.type == _TRIGGER
        asked = not begins and any(form in asking for form in inside)
        if asked and condition.asked is None and mapping.type == _TEXT:
            self._report.changed("slot mapping: any words, taken while its form asks alone", where)
        # What begins a form is said before it is under way: it ignores nothing yet.
        inner = () if begins else inside
        ignored = [one for form in inner for one in self._assistant.ignored(form)]
        unless = list(dict.fromkeys(map(label, (*mapping.not_intents, *ignored))))
        found: dict[str, Any] = {
            "intents": [label(one) for one in mapping.intents],
            "unless": unless,
            "value": mapping.value,
            "form": condition.form,
            "asked": asked,
            "begins": begins,
        }
        return {key: one for key, one in found.items() if one not in ([], None, False)}

    def _asking(self, slot: RasaSlot) -> list[str]:
        return [form for form, slots in self._assistant.forms.items() if slot.name in slots]
