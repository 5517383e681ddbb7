"""Words for the users of Rasa's stories, which mostly name intents alone.

`story_writer` calls it before stories become dialogues. Example: the step ``intent: inform`` with
``city: ely`` and the example ``to [York](city)`` say ``to ely``.

An example is never used for what it does not say: a step whose entities no example of its intent
marks has no words, and its story is left out and counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.rasa.intent_payload import IntentPayload
from todserve.corpora.readers.rasa.entity_slots import EntitySlots
from todserve.corpora.readers.rasa.rasa_types import RasaEntity, RasaExample, UserStep

Source = tuple[str, str | None]
"""An entity's name and role."""

INFORM = "inform"
"""What Rasa's users call the intent of whoever answers a question."""

_TRUTH = ("true", "false")


class Utterances:
    """Gives steps the words of examples, each example of a kind in its turn.

    Args:
        assistant: whose examples are used.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._examples = assistant.project.nlu.examples
        self._intent_values = assistant.intent_values
        self._used: Counter[tuple[str, frozenset[Source]]] = Counter()
        self._slots = assistant.slots
        self._entity_slots = EntitySlots(assistant.project.domains)

    def slots_of(
        self, entity: RasaEntity, intent: str | None = None, form: str | None = None
    ) -> tuple[str, ...]:
        """Return the slots that an entity fills, inside a form or outside any."""
        return self._entity_slots.of(entity, intent=intent, form=form)

    def said(self, step: UserStep, values: Mapping[str, str]) -> UserStep | None:
        """Return a step with words.

        Args:
            step: names an intent, and perhaps entities.
            values: slot -> value of the slots that the story sets right after it.

        Returns:
            The step itself where it has words; None where no example says all of its entities.
        """
        payload = IntentPayload.of(step.text or "")
        if payload is not None:
            # A button was pressed: nobody's words, and nothing for a model to learn.
            entities = tuple(
                RasaEntity(entity=name, value=value)
                for name, values in payload.entities.items()
                for value in values
            )
            step = replace(step, text=None, intent=payload.name, entities=entities)
        if step.text is not None:
            return step
        needed = {_source(one): one.value for one in step.entities}
        found = [
            one
            for one in self._examples
            if _same_intent(one.intent, step.intent or "")
            and needed.keys() <= {_source(entity) for entity in one.entities}
        ]
        # Slots set right after it were mostly filled from its words.
        hinted = self._entity_slots.hinted(values)
        best = self._next(step.intent or "", found, needed.keys() | hinted)
        return None if best is None else self._worded(best, needed, values)

    def answer(
        self, slot: str, value: str | None, avoided: Iterable[str], form: str | None = None
    ) -> UserStep | None:
        """Return a step that fills a slot a form asks for.

        Args:
            slot: what is asked for.
            value: what it is to become; None for whatever an example says.
            avoided: intents that mean something of their own.
            form: that asks.

        Returns:
            None where no example marks what fills it.
        """
        shunned = frozenset(avoided)
        found = [
            one
            for one in self._examples
            if one.intent not in shunned
            and one.entities
            and all(self.slots_of(entity, one.intent, form) == (slot,) for entity in one.entities)
        ]
        found = _answering(found)
        example = self._next(f"?{slot}", found, frozenset())
        if example is not None:
            # Nobody says "true": what stands for it in the example does.
            told = {} if value in (None, *_TRUTH) else {slot: str(value)}
            return self._worded(example, {}, told)
        for intent, meant in self._intent_values.get(slot, ()):
            if value in (None, meant):
                return self.said(UserStep(intent=intent), {})
        return self._freely(slot, value)

    def _freely(self, slot: str, value: str | None) -> UserStep | None:
        """Return a step whose words themselves are the slot's value."""
        for one in self._slots[slot].mappings or () if slot in self._slots else ():
            if one.type != "from_text":
                continue
            if value is not None:
                return UserStep(intent=next(iter(one.intents), None), text=value)
            for intent in one.intents:
                said = self.said(UserStep(intent=intent), {})
                if said is not None:
                    return said
        return None

    def meaning(self, slot: str, intent: str | None) -> str | None:
        """Return the value that an intent alone gives a slot."""
        found = (value for name, value in self._intent_values.get(slot, ()) if name == intent)
        return next(found, None)

    def _next(
        self, intent: str, examples: Sequence[RasaExample], wanted: Iterable[Source]
    ) -> RasaExample | None:
        if not examples:
            return None
        sources = frozenset(wanted)

        def distance(one: RasaExample) -> tuple[int, int]:
            marked = {_source(entity) for entity in one.entities}
            return len(marked ^ sources), len(one.entities)

        nearest = min(map(distance, examples))
        equal = [one for one in examples if distance(one) == nearest]
        place = self._used[intent, sources]
        self._used[intent, sources] += 1
        return equal[place % len(equal)]

    def _worded(
        self, example: RasaExample, needed: Mapping[Source, str], values: Mapping[str, str]
    ) -> UserStep:
        pieces: list[str] = []
        entities: list[RasaEntity] = []
        position = length = 0
        for one in sorted(example.entities, key=lambda entity: entity.start or 0):
            if one.start is None or one.end is None or one.start < position:
                continue
            slots = self.slots_of(one)
            told = (values[slot] for slot in slots if values.get(slot))
            value = needed.get(_source(one)) or next(told, None) or one.value
            said = example.text[one.start : one.end]
            if value.casefold() not in (one.value.casefold(), said.casefold()):
                said = value
            before = example.text[position : one.start]
            start = length + len(before)
            entities.append(replace(one, value=value, start=start, end=start + len(said)))
            pieces += [before, said]
            length = start + len(said)
            position = one.end
        text = "".join([*pieces, example.text[position:]])
        return UserStep(
            intent=example.intent, text=text, entities=tuple(entities), place=example.place
        )


def _answering(examples: Sequence[RasaExample]) -> list[RasaExample]:
    """Return the examples of the intent that says little beside the value asked for.

    "20 dollars" answers how much; "what is my balance" does not, whatever it marks.
    """
    shares: dict[str, list[float]] = {}
    for one in examples:
        marked = sum((entity.end or 0) - (entity.start or 0) for entity in one.entities)
        shares.setdefault(one.intent, []).append(marked / len(one.text))
    if not shares:
        return []
    told = {intent: sum(found) / len(found) for intent, found in shares.items()}
    best = INFORM if INFORM in told else max(told, key=lambda intent: told[intent])
    return [one for one in examples if one.intent == best]


def _source(entity: RasaEntity) -> Source:
    return entity.entity, entity.role


def _same_intent(intent: str, named: str) -> bool:
    # Stories name a retrieval intent "faq" or one of its own, "faq/hours".
    return intent == named or intent.partition("/")[0] == named
