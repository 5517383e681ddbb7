"""Inform and Success of one dialogue, by the standardised rules.

`multiwoz_scores` calls it for each dialogue of a set of predictions. Inform: the last venues the
system offered in each domain all satisfy the user's goal. Success: besides, everything the user was
to ask for was told. Rules: Nekvinda and Dušek, 2021, "Shades of BLEU, Flavours of Success".
Example: a reply with ``NAME`` while restaurants are talked of offers every restaurant that
satisfies the state of that turn; if one of them is not in the goal's area, Inform fails.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from todserve.evaluation.suites.multiwoz.multiwoz_goals import (
    REFERENCE,
    REQUESTABLE,
    DomainGoal,
    State,
    Task,
)
from todserve.evaluation.suites.multiwoz.multiwoz_venues import VENUE_DOMAINS, Venues

_TRAIN = "train"


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedTurn:
    """A predicted turn, ready to be scored.

    Attributes:
        reply: as counted, e.g. ``"NAME is in the AREA ."``.
        state: as counted.
        active: the domains the reply is about.
    """

    reply: str
    state: State
    active: Sequence[str]


class Loss(StrEnum):
    """Why a domain of a goal was not met; the first that applies."""

    NO_OFFER = "no_offer"  # no name or train id was ever said of it
    NOTHING_FOUND = "nothing_found"  # offered, but the state of that turn matches no venue
    WRONG_VENUE = "wrong_venue"  # some venue offered does not satisfy the goal
    NOT_TOLD = "not_told"  # the venue is right, something asked for was never said


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainOutcome:
    """How one domain of a dialogue ended.

    Attributes:
        inform: the offer meets the goal.
        success: everything asked for was told. None where Inform failed for the dialogue.
        loss: None for a domain without fault.
        untold: what was asked for and never said.
    """

    inform: bool
    success: bool | None
    loss: Loss | None
    untold: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class DialogueOutcome:
    """How a dialogue ended: by domain, and as a whole (every domain met)."""

    domains: Mapping[str, DomainOutcome]

    @property
    def inform(self) -> bool:
        """Every domain's offer meets the goal."""
        return all(one.inform for one in self.domains.values())

    @property
    def success(self) -> bool:
        """Inform, and everything asked for was told."""
        return self.inform and all(one.success for one in self.domains.values())


def judge(task: Task, turns: Sequence[CountedTurn], venues: Venues) -> DialogueOutcome:
    """Return how a dialogue ended.

    Args:
        task: its goal, and by turn what had been booked.
        turns: as predicted; turns that a shorter prediction lacks count as nothing said.
        venues: the database.
    """
    offered: dict[str, frozenset[str]] = {}
    named: set[str] = set()
    told: dict[str, set[str]] = {domain: set() for domain in task.goal}
    for turn, wizard in zip(turns, task.turns, strict=False):
        for domain in task.goal:
            if domain not in turn.active:
                continue
            if _offers(domain, turn.reply):
                named.add(domain)
                matching = _matching(domain, turn.state, venues)
                # A narrower offer of known venues' superset is no new one: the last DIFFERENT
                # offer counts, and what was offered must lie within it to be kept.
                if not offered.get(domain) or not offered[domain] <= matching:
                    offered[domain] = matching
            told[domain] |= _told(domain, turn.reply, wizard.booked)
    informs = {
        domain: _informed(domain, goal, offered.get(domain, frozenset()), venues)
        for domain, goal in task.goal.items()
    }
    whole = all(informs.values())
    return DialogueOutcome(
        domains={
            domain: _outcome(
                informs[domain],
                whole,
                untold=goal.requestable - told[domain],
                offered=domain in named,
                found=bool(offered.get(domain)),
            )
            for domain, goal in task.goal.items()
        }
    )


def _offers(domain: str, reply: str) -> bool:
    return domain in VENUE_DOMAINS and ("TRAINID" if domain == _TRAIN else "NAME") in reply


def _matching(domain: str, state: State, venues: Venues) -> frozenset[str]:
    return venues.matching(domain, state[domain]) if domain in state else frozenset()


def _told(domain: str, reply: str, booked: AbstractSet[str]) -> set[str]:
    # A reference number cannot be known before the wizard has booked: what a system says of one
    # earlier does not count.
    return {
        slot
        for slot in REQUESTABLE.values()
        if slot in reply and (slot != REFERENCE or domain in booked)
    }


def _informed(domain: str, goal: DomainGoal, offered: frozenset[str], venues: Venues) -> bool:
    if domain not in VENUE_DOMAINS or "name" in goal.informable:
        return True  # no venue, or the user names it
    if domain == _TRAIN and not offered and "TRAINID" not in goal.requestable:
        return True  # a train is not named unless its id was asked for
    return bool(offered) and offered <= venues.matching(domain, goal.informable)


def _outcome(
    inform: bool, whole: bool, *, untold: frozenset[str], offered: bool, found: bool
) -> DomainOutcome:
    loss = None
    if not inform:
        loss = Loss.WRONG_VENUE if found else Loss.NOTHING_FOUND if offered else Loss.NO_OFFER
    elif untold:
        loss = Loss.NOT_TOLD
    return DomainOutcome(
        inform=inform, success=not untold if whole else None, loss=loss, untold=untold
    )
