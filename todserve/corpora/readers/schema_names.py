"""Schema names: somebody's names and values, spelled so that a schema can hold them.

`dialogue_layouts` renames with it what people's own corpora bring, before training sees it. A
domain, act or intent becomes one bracketed token, a slot one word, a value what serving would
write. Example: intent ``faq/ask-hours`` is ``faq_ask_hours``, value ``Rome`` is ``rome``.
"""

from collections.abc import Iterable
from dataclasses import replace

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import counted_label, label
from todserve.corpora.readers.slot_values import known_spelling, schema_value
from todserve.corpora.services import merged
from todserve.runtime.language.dialogue import BeliefState, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service, Slot


class Fitting:
    """Fits the dialogues of one set of services.

    Attributes:
        services: the services, fitted.
    """

    def __init__(self, services: Iterable[Service], report: ReadReport) -> None:
        self.services = merged(_service(one) for one in services)
        self._schema = Schema(services=self.services)
        self._report = report

    def dialogue(self, dialogue: Dialogue) -> Dialogue:
        """Return a dialogue fitted; everything that changes is counted."""
        where = dialogue.dialogue_id
        return replace(dialogue, turns=tuple(self._turn(turn, where) for turn in dialogue.turns))

    def _turn(self, turn: Turn, where: str) -> Turn:
        state, acts = turn.belief_state, turn.dialogue_acts
        return replace(
            turn,
            intent=self._label(turn.intent, where),
            active_domain=self._label(turn.active_domain, where),
            belief_state=None if state is None else self._state(state, where),
            dialogue_acts=None
            if acts is None
            else tuple(
                DialogueAct(
                    domain=counted_label(act.domain, where, self._report),
                    act=counted_label(act.act, where, self._report),
                    slot=counted_label(act.slot, where, self._report),
                )
                for act in acts
            ),
        )

    def _label(self, name: str | None, where: str) -> str | None:
        return None if name is None else counted_label(name, where, self._report)

    def _state(self, state: BeliefState, where: str) -> BeliefState:
        fitted: dict[str, dict[str, str]] = {}
        for domain, slots in state.items():
            service = counted_label(domain, where, self._report)
            for slot, raw in slots.items():
                name = counted_label(slot, where, self._report)
                value = schema_value(self._schema, (service, name), raw, where, self._report)
                if value is not None:
                    fitted.setdefault(service, {})[name] = value
        return fitted


def _service(service: Service) -> Service:
    return Service(
        name=label(service.name),
        description=service.description,
        intents=tuple(dict.fromkeys(label(intent) for intent in service.intents)),
        slots=tuple(
            Slot(
                name=label(slot.name),
                description=slot.description,
                categorical=slot.categorical,
                values=tuple(dict.fromkeys(known_spelling(value) for value in slot.values)),
                type=slot.type,
            )
            for slot in service.slots
        ),
    )
