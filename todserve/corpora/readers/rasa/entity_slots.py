"""Which slots an entity of a message fills.

`rasa_dialogues` asks it for the states of dialogues, and the conversion of a Rasa project for its
flows. Example: with ``size: from_entity number, active_loop: shoe_form`` and the same for
``rating`` in ``survey_form``, ``[5](number)`` fills ``size`` inside the one form, ``rating`` inside
the other, and nothing elsewhere, since nobody can tell which is meant.
"""

from collections.abc import Iterable

from todserve.corpora.readers.rasa.rasa_slots import ANY_FORM, sources_of
from todserve.corpora.readers.rasa.rasa_types import RasaDomain, RasaEntity, RasaSource


class EntitySlots:
    """The slots by the entities that fill them.

    Args:
        domains: of one project.
    """

    def __init__(self, domains: Iterable[RasaDomain]) -> None:
        self._sources: dict[str, list[tuple[RasaSource, str]]] = {}
        for domain in domains:
            for slot in domain.slots:
                for source in sources_of(slot):
                    self._sources.setdefault(source.entity, []).append((source, slot.name))

    def of(
        self, entity: RasaEntity, *, intent: str | None = None, form: str | None = None
    ) -> tuple[str, ...]:
        """Return the slots that an entity fills.

        Args:
            entity: as it is marked.
            intent: of its message; None where it is not known.
            form: the form that is under way; None for none.
        """
        possible = [
            one
            for one in self._sources.get(entity.entity, [])
            if intent is None
            or (intent not in one[0].unless and (not one[0].intents or intent in one[0].intents))
        ]
        found = [one for one in possible if _is(one[0], entity)]
        if not found:
            # A mapping without a role takes an entity of whichever role.
            found = [one for one in possible if one[0].role is None and one[0].group is None]
        return self._inside(found, form)

    def hinted(self, slots: Iterable[str]) -> frozenset[tuple[str, str | None]]:
        """Return the (entity, role) pairs that fill any of some slots."""
        wanted = frozenset(slots)
        return frozenset(
            (source.entity, source.role)
            for found in self._sources.values()
            for source, slot in found
            if slot in wanted
        )

    def _inside(self, found: list[tuple[RasaSource, str]], form: str | None) -> tuple[str, ...]:
        always = {
            slot: None
            for source, slot in found
            if not source.forms or (ANY_FORM if form is None else form) in source.forms
        }
        if always or form is not None:
            return tuple(always)
        # Of a message by itself: what can be meant only one way is meant so.
        inside = dict.fromkeys(slot for _, slot in found)
        return tuple(inside) if len(inside) == 1 else ()


def _is(source: RasaSource, entity: RasaEntity) -> bool:
    if source.role is None and source.group is None:
        return entity.role is None and entity.group is None
    return source.role in (None, entity.role) and source.group in (None, entity.group)
