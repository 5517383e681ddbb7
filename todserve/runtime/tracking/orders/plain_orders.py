"""PlainOrders: finds changes to the belief state that a user's words alone ask for.

Belief tracking calls it after it has taken the values that the network wrote; where both speak of a
slot, the words count. The words are data, ``ways_of_saying.json``. Example: with a day and a time
in the state, "drop the time, keep the day" takes the time back and leaves the day, though the
network may have taken both. Each kind of order has its module:

    HeardValues     "14 nights", "a broken leg", "in the east": values that nobody could miss
    Swaps           "the other way round", "i mixed up the two days"
    Retractions     "forget the time", "keep the day", "the rest is fine", "don't need it any more"
    ToldTimes       "if the train gets in by half past nine": a time is that of the words before it
    WaysThere       the way back, and a cab "from there"
    TwoServices     "hotel south, restaurant north", "make both saturday"
    RuledOutValues  "anywhere but the centre": a value that is not wished does not come in
    OtherVenues     "not that one, what else?", and a name that is of another service, or of none
    FirmWishes      "it has to have parking": a yes, whatever "can't do without" denies
    Indifference    "price and area don't matter", "surprise me": any value will do
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DONTCARE, BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.orders.firm_wishes import FirmWishes
from todserve.runtime.tracking.orders.heard_values import HeardValues
from todserve.runtime.tracking.orders.indifference import Indifference
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet, Written
from todserve.runtime.tracking.orders.order_words import OrderWords
from todserve.runtime.tracking.orders.other_venues import OtherVenues
from todserve.runtime.tracking.orders.retractions import Retractions
from todserve.runtime.tracking.orders.ruled_out_values import RuledOutValues
from todserve.runtime.tracking.orders.swaps import Swaps
from todserve.runtime.tracking.orders.told_times import ToldTimes
from todserve.runtime.tracking.orders.two_services import TwoServices
from todserve.runtime.tracking.orders.ways_there import WaysThere
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying


@dataclass(frozen=True, kw_only=True)
class PlainOrders:
    """Finds orders in what people type.

    Attributes:
        schema: services and slots.
        ways: the words.
        knowledge: knows which slots a look-up asks for.
    """

    schema: Schema
    ways: WaysOfSaying
    knowledge: KnowledgeBase

    def of(
        self,
        utterance: str,
        *,
        state: BeliefState,
        domain: str | None,
        written: Written,
        reply: str = "",
        parted: bool = False,
        unsaid: Collection[tuple[str, str]] = (),
    ) -> OrderSheet:
        """Return the orders of an utterance.

        The first that asks for a value of a slot is the one that is followed.

        Args:
            utterance: the user's words as they are read.
            state: the belief state before them.
            domain: the active domain before them.
            written: what the network wrote of them.
            reply: the last reply.
            parted: whether it read each service's part of them by itself.
            unsaid: (domain, slot) of what else it wrote, which nobody said.
        """
        heard = Hearing(
            text=utterance.lower(),
            state=state,
            domain=domain,
            written=written,
            reply=reply.lower(),
            unsaid=unsaid,
        )
        orders = OrderSheet()
        for name, slots in self.sure(heard.text).items():
            for slot, value in slots.items():
                orders.set(name, slot, value)
        if not self.ways.checked:
            return orders
        self._swaps.swapped(heard, orders)
        self._retractions.taken_back(heard, orders)
        times = self.told_times.of(heard.text, written, unsaid, heard.about, state)
        for name, slot, value in times:
            orders.set(name, slot, value)
            self._ways_there.one_time(heard, name, slot, value, orders)
        self._ways_there.not_the_other(heard, orders)
        self._ways_there.returning(heard, orders)
        self._two_services.both(heard, orders)
        self._ruled_out.ruled_out(heard, orders)
        self._venues.another(heard, orders)
        self._retractions.gone(heard, orders)
        self._retractions.unfounded(heard, orders)
        self._venues.unknown(heard, orders)
        for name, slot, value in self.firm_wishes.undenied(heard.text, written):
            orders.set(name, slot, value)
        if heard.about is not None:
            for slot, yes in self.firm_wishes.of(heard.text, heard.about):
                orders.set(heard.about, slot, yes)
            for slot in self.indifference.of(heard.text, heard.reply, heard.about, state, written):
                orders.set(heard.about, slot, DONTCARE)
        self._heard_values.wanted(heard, orders)
        self._heard_values.answered(heard, orders)
        self._heard_values.located(heard, orders)
        self._heard_values.counted(heard, orders)
        self._heard_values.misheard(heard, orders)
        self._two_services.addressed(heard, orders, parted=parted)
        self._ways_there.two_ends(heard, orders)
        self._ways_there.there(heard, orders)
        self._venues.there(heard, orders)
        self._venues.of_the_name(heard, orders)
        self._venues.brought_home(heard, orders)
        self._venues.said_again(heard, orders)
        return orders

    def sure(self, utterance: str) -> dict[str, dict[str, str]]:
        """Return the values that phrases say for certain: domain -> slot -> value."""
        return self._heard_values.sure(utterance)

    def should_be(self, utterance: str, domain: str) -> dict[str, str]:
        """Return what the words say that something of a service should be: slot -> value."""
        return self._heard_values.should_be(utterance.lower(), domain)

    def service_of(self, utterance: str, known: Collection[str]) -> str | None:
        """Return the one of some services that lower-case words name, or a kind of."""
        return self._words.service_of(utterance, known)

    def homes_of(self, written: Written) -> tuple[str, ...]:
        """Return the services of names that the network gave to another one."""
        return self._venues.homes_of(written)

    @cached_property
    def indifference(self) -> Indifference:
        """Finds slots of which any value will do."""
        return Indifference(
            schema=self.schema,
            ways=self.ways,
            knowledge=self.knowledge,
            closed=self._words.closed,
        )

    @cached_property
    def firm_wishes(self) -> FirmWishes:
        """Finds what a place must have."""
        return FirmWishes(schema=self.schema, ways=self.ways)

    @cached_property
    def told_times(self) -> ToldTimes:
        """Finds times that the network heard wrongly."""
        return ToldTimes(schema=self.schema, ways=self.ways)

    @cached_property
    def _words(self) -> OrderWords:
        return OrderWords(schema=self.schema, ways=self.ways, knowledge=self.knowledge)

    @cached_property
    def _heard_values(self) -> HeardValues:
        return HeardValues(words=self._words)

    @cached_property
    def _swaps(self) -> Swaps:
        return Swaps(words=self._words)

    @cached_property
    def _retractions(self) -> Retractions:
        return Retractions(words=self._words)

    @cached_property
    def _ways_there(self) -> WaysThere:
        return WaysThere(words=self._words)

    @cached_property
    def _two_services(self) -> TwoServices:
        return TwoServices(words=self._words)

    @cached_property
    def _ruled_out(self) -> RuledOutValues:
        return RuledOutValues(words=self._words)

    @cached_property
    def _venues(self) -> OtherVenues:
        return OtherVenues(words=self._words)
