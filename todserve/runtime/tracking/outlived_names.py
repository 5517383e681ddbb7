"""OutlivedNames: finds names in the state that a newer wish contradicts, so that they are dropped.

Belief tracking calls it after it has taken the values that the network wrote. Example: after "the
hilton", which no database has, or after a venue in the south, "is there anything in the centre
then" speaks of other venues: the name goes, the wish stays. "Is it in the centre?" asks about the
venue, and its name stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_NO_VALUE = frozenset({"", DONTCARE, DELETED})


@dataclass(frozen=True, kw_only=True)
class OutlivedNames:
    """Finds names that no longer fit what is wished.

    Attributes:
        knowledge: knows what a named entity is like.
        ways: tell whether the words point at it.
    """

    knowledge: KnowledgeBase
    ways: WaysOfSaying

    def of(
        self, utterance: str, state: BeliefState, written: Mapping[str, Mapping[str, str]]
    ) -> dict[str, str]:
        """Return domain -> slot of the names that go.

        Args:
            utterance: the user's words.
            state: the belief state before them.
            written: domain -> slot -> value, what they change.
        """
        if not self.ways.checked or self.ways.pointing.pronouns.search(utterance.lower()):
            return {}
        gone: dict[str, str] = {}
        for domain, slots in written.items():
            table = self.knowledge.tables.get(domain)
            known = state.get(domain, {})
            for column, how in {} if table is None else table.comparisons.items():
                name = known.get(column, "")
                if how is not Comparison.NAME or name in _NO_VALUE or column in slots:
                    continue
                if self.knowledge.forms.named_in(name, utterance.lower()):
                    continue
                new = {
                    slot: value
                    for slot, value in slots.items()
                    if value not in _NO_VALUE and value != known.get(slot)
                }
                if self._denied(domain, column, name, new):
                    gone[domain] = column
        return gone

    def _denied(self, domain: str, column: str, name: str, new: Mapping[str, str]) -> bool:
        """Say whether no entity of that name meets a new wish of the look-up."""
        compared = self.knowledge.tables[domain].comparisons
        return any(
            slot in compared
            and not self.knowledge.query(domain, {column: name, slot: value}, limit=1).matches
            for slot, value in new.items()
        )
