"""Words for the users of Rasa's stories, which mostly name intents alone.

On the way of a conversion, before stories become dialogues. Example: the step ``intent: inform``
with ``city: ely`` and the example ``to [York](city)`` say ``to ely``.

An example is never used for what it does not say: a step whose entities no example of its intent
marks has no words, and its story is left out and counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.readers.rasa.rasa_types import RasaEntity, RasaExample, UserStep

Source = tuple[str, str | None]
"""An entity's name and role."""

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
        self._fills: dict[Source, dict[str, None]] = {}
        for domain in assistant.project.domains:
            for slot in domain.slots:
                for source in ((slot.name, None),) if slot.sources is None else slot.sources:
                    self._fills.setdefault(source, {})[slot.name] = None

    def slots_of(self, entity: RasaEntity) -> tuple[str, ...]:
        """Return the slots that an entity fills."""
        exact = self._fills.get((entity.entity, entity.role), {})
        return tuple(exact or self._fills.get((entity.entity, None), {}))

    def said(self, step: UserStep, values: Mapping[str, str]) -> UserStep | None:
        """Return a step with words.

        Args:
            step: names an intent, and perhaps entities.
            values: slot -> value of the slots that the story sets right after it.

        Returns:
            The step itself where it has words; None where no example says all of its entities.
        """
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
        hinted = {
            source for source, slots in self._fills.items() if any(slot in values for slot in slots)
        }
        best = self._next(step.intent or "", found, needed.keys() | hinted)
        return None if best is None else self._worded(best, needed, values)

    def answer(self, slot: str, value: str | None, avoided: Iterable[str]) -> UserStep | None:
        """Return a step that fills a slot a form asks for.

        Args:
            slot: what is asked for.
            value: what it is to become; None for whatever an example says.
            avoided: intents that begin a form.

        Returns:
            None where no example marks what fills it.
        """
        shunned = frozenset(avoided)
        found = [
            one
            for one in self._examples
            if one.intent not in shunned
            and one.entities
            and all(self.slots_of(entity) == (slot,) for entity in one.entities)
        ]
        example = self._next(f"?{slot}", found, frozenset())
        if example is not None:
            # Nobody says "true": what stands for it in the example does.
            told = {} if value in (None, *_TRUTH) else {slot: str(value)}
            return self._worded(example, {}, told)
        for intent, meant in self._intent_values.get(slot, ()):
            if value in (None, meant):
                return self.said(UserStep(intent=intent), {})
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
        return UserStep(intent=example.intent, text=text, entities=tuple(entities))


def _source(entity: RasaEntity) -> Source:
    return entity.entity, entity.role


def _same_intent(intent: str, named: str) -> bool:
    # Stories name a retrieval intent "faq" or one of its own, "faq/hours".
    return intent == named or intent.partition("/")[0] == named
