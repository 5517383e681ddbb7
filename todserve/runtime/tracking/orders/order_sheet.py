"""OrderSheet: what an utterance asks of the belief state, and what that is read from.

Each kind of order reads a `Hearing` and writes on one sheet. Example: for "drop the time" the sheet
has ``update == {"train": {"leave": DELETED}}``, whatever the network wrote.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from todserve.runtime.language.dialogue import BeliefState

Written = Mapping[str, Mapping[str, str]]
"""domain -> slot -> value that the network wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hearing:
    """One utterance and what is known when it is heard.

    Attributes:
        text: the user's words as they are read, lower case.
        state: the belief state before them.
        domain: the active domain before them.
        written: what the network wrote of them.
        reply: the last reply, lower case.
        unsaid: (domain, slot) of what else it wrote, which nobody said.
    """

    text: str
    state: BeliefState
    domain: str | None
    written: Written
    reply: str = ""
    unsaid: Collection[tuple[str, str]] = ()

    @property
    def about(self) -> str | None:
        """The one service that the words speak of; None where it may be several."""
        if len(self.written) == 1:
            return next(iter(self.written))
        return None if self.written else self.domain


@dataclass(kw_only=True, slots=True)
class OrderSheet:
    """What the words ask for.

    Attributes:
        update: domain -> slot -> value, ``DELETED`` for what is taken back.
        kept: (domain, slot) of which the network's own change does not count.
    """

    update: dict[str, dict[str, str]] = field(default_factory=dict)
    kept: set[tuple[str, str]] = field(default_factory=set)

    def set(self, domain: str, slot: str, value: str) -> None:
        """Ask for a value; the first that is asked for stands."""
        self.update.setdefault(domain, {}).setdefault(slot, value)

    @property
    def slots(self) -> tuple[tuple[str, str], ...]:
        """Every (domain, slot) that is asked for."""
        return tuple((domain, slot) for domain, slots in self.update.items() for slot in slots)

    def over(self, written: Written) -> dict[str, dict[str, str]]:
        """Return what the network wrote with the orders laid over it."""
        laid = {
            domain: {
                slot: value for slot, value in slots.items() if (domain, slot) not in self.kept
            }
            for domain, slots in written.items()
        }
        for domain, slots in self.update.items():
            laid.setdefault(domain, {}).update(slots)
        return {domain: slots for domain, slots in laid.items() if slots}
