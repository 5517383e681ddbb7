"""KnownNames: the names in a checkpoint's database, and which one a misspelt value means.

Belief tracking asks it of each value that the network wrote, before the look-up. Example:
``names.meant("restaurant", "name", "golden walk")`` is ``golden wok``.

The look-up finds a misspelt name too, but the state would keep the mistake, and whoever books by
the state would book a place that does not exist. A value that is more or less of a known name
("pizza hut", "the acorn") is no mistake and stays as the user said it.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms

_SHORTEST = 5
"""Letters of a name; one mistake makes a shorter one into another word."""
_APART = 0.03  # how much nearer the nearest name must be than the next
_REMEMBERED = 4096


class KnownNames:
    """Brings the values of free-text slots to the spelling of the name they mean."""

    def __init__(
        self,
        names: Mapping[tuple[str, str], Iterable[str]],
        *,
        threshold: float,
        forms: WordForms | None = None,
    ) -> None:
        """Index names; use ``of`` for a checkpoint.

        Args:
            names: (domain, slot) -> the names that may stand there.
            threshold: least similarity of a value and the name it means.
            forms: how their language writes a name otherwise; English's without.
        """
        self._forms = forms or WordForms.of_language()
        self._threshold = threshold
        self._names = {
            place: {
                self._forms.comparison_key(name): name for name in sorted(known) if name.isascii()
            }
            for place, known in names.items()
        }
        self._bare = {
            place: {self._forms.bare_key(key): name for key, name in known.items()}
            for place, known in self._names.items()
        }
        self._nearest = lru_cache(maxsize=_REMEMBERED)(self._search)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "KnownNames":
        """Return the names of a checkpoint's database."""
        return cls(
            names_of(checkpoint.schema, checkpoint.knowledge),
            threshold=checkpoint.name_closeness.threshold,
            forms=checkpoint.knowledge.forms,
        )

    def meant(self, domain: str, slot: str, value: str) -> str:
        """Return the name that ``value`` means, or ``value`` itself.

        Numbers, times and codes stay, and so does whatever is not clearly nearest to one name.
        """
        if value in (DELETED, DONTCARE) or not self._names.get((domain, slot)):
            return value
        if not value.isascii() or any(character.isdigit() for character in value):
            return value
        return self._nearest(domain, slot, value) or value

    def is_known(self, domain: str, slot: str, value: str) -> bool:
        """Say whether ``value`` is a name there, or more or less of one."""
        key = self._forms.comparison_key(value)
        known, bare = self._names[domain, slot], self._bare[domain, slot]
        if key in known or self._forms.bare_key(key) in bare:
            return True
        return any(key in one or one in key for one in known if len(one) >= _SHORTEST)

    def _search(self, domain: str, slot: str, value: str) -> str | None:
        wanted = self._forms.bare_key(self._forms.comparison_key(value))
        if len(wanted) < _SHORTEST or self.is_known(domain, slot, value):
            return None
        bare = self._bare[domain, slot]
        found = process.extract(
            wanted,
            list(bare),
            scorer=OSA.normalized_similarity,
            score_cutoff=self._threshold - _APART,
            limit=2,
        )
        if not found or found[0][1] < self._threshold:
            return None
        clear = len(found) == 1 or found[0][1] - found[1][1] >= _APART
        return bare[found[0][0]] if clear else None


def names_of(schema: Schema, knowledge: KnowledgeBase) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (domain, slot) -> the database's values of every slot of free text.

    A slot that is no column, such as where a taxi goes, may hold the name of any entity.
    """
    everywhere = [
        name
        for table in knowledge.tables.values()
        for column, how in table.comparisons.items()
        if how is Comparison.NAME
        for name in knowledge.values(table.domain, column)
    ]
    return {
        (service.name, slot.name): knowledge.values(service.name, slot.name)
        or tuple(dict.fromkeys(everywhere))
        for service in schema.services
        for slot in service.slots
        if not (slot.categorical and slot.values)
    }
