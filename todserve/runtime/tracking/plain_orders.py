"""PlainOrders: what the words alone ask of the belief state, whatever the network made of them.

Stands inside the tracker, behind the slots that the network wrote. The words are data,
``ways_of_saying.json``. Example: with a day and a time in the state, "drop the time, keep the day"
takes the time back and leaves the day, though the network may have taken both.

    taken back  "forget the time" takes that slot back, and no other
    kept        "keep the day", "the rest is fine": what the network took back of it stays
    indifferent "price and area don't matter", "surprise me": any value will do
    insisted    "it has to have parking": a yes, whatever "can't do without" denies
    told        "if the train gets in by half past nine": a time is that of the words before it
    swapped     "the other way round", "i mixed up the two days": two values change places
    addressed   "hotel south, restaurant north": each service gets the value said behind it
    both        "make both saturday": each of the services gets the value
    ruled out   "anywhere but the centre": a value that is not wished does not come in
    another     "not that one, what else?": the wishes stay, and the venue goes
    gone        "don't need it any more": the whole service is taken back
    unknown     a name that no venue has does not take the place of one that has it
    unfounded   what the network took back though nobody said a word of it stays
    counted     "14 nights": a number is of the slot whose unit stands behind it
    located     "guesthouses in the east": a place or a day that the network did not hear
    elsewhere   a venue that the network gave to a service which has none of that name
    there       "a table at cotto and a cab from there": an end is the venue just named
    sure        "a broken leg": phrases that say a value which the network cannot write
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.firm_wishes import FirmWishes
from todserve.runtime.tracking.indifference import Indifference
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.told_times import ToldTimes
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_MARKS = r"[,.;:!?]+\s+|[,;]|\s+(?:-|–|—)\s+"
_TWO = 2

Written = Mapping[str, Mapping[str, str]]
"""domain -> slot -> value that the network wrote."""


@dataclass(kw_only=True, slots=True)
class Orders:
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

    @cached_property
    def indifference(self) -> Indifference:
        """Finds slots of which any value will do."""
        return Indifference(
            schema=self.schema, ways=self.ways, knowledge=self.knowledge, closed=self._closed
        )

    @cached_property
    def firm_wishes(self) -> FirmWishes:
        """Finds what a place must have."""
        return FirmWishes(schema=self.schema, ways=self.ways)

    @cached_property
    def told_times(self) -> ToldTimes:
        """Finds times that the network heard wrongly."""
        return ToldTimes(schema=self.schema, ways=self.ways)

    def sure(self, utterance: str) -> dict[str, dict[str, str]]:
        """Return the values that phrases say for certain: domain -> slot -> value."""
        found: dict[str, dict[str, str]] = {}
        if not self._any_sure.search(utterance):
            return found
        for (domain, slot), by_value in self._sure.items():
            for value, pattern in by_value.items():
                if pattern.search(utterance):
                    found.setdefault(domain, {}).setdefault(slot, value)
        return found

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
    ) -> Orders:
        """Return the orders of an utterance.

        Args:
            utterance: the user's words as they are read.
            state: the belief state before them.
            domain: the active domain before them.
            written: what the network wrote of them.
            reply: the last reply.
            parted: whether it read each service's part of them by itself.
            unsaid: (domain, slot) of what else it wrote, which nobody said.
        """
        text = utterance.lower()
        orders = Orders()
        for name, slots in self.sure(text).items():
            for slot, value in slots.items():
                orders.set(name, slot, value)
        if not self.ways.checked:
            return orders
        self._swapped(text, state, domain, orders)
        self._taken_back(text, state, domain, orders)
        # Of what is said anew nothing is kept: "i could stay for 1 night".
        orders.kept = {
            (name, slot)
            for name, slot in orders.kept
            if (value := written.get(name, {}).get(slot, DELETED)) == DELETED or value not in text
        }
        for name, slot, value in self.told_times.of(text, written, unsaid):
            orders.set(name, slot, value)
        self._not_the_other(text, state, written, orders)
        self._returning(text, state, domain, written, orders)
        self._both(text, state, written, orders)
        self._ruled_out(text, state, written, orders)
        self._another(text, state, domain, written, orders)
        self._gone(text, state, domain, written, orders)
        self._unfounded(text, state, reply.lower(), written, orders)
        self._unknown(state, written, orders)
        about = _about(domain, written)
        if about is not None:
            for slot, yes in self.firm_wishes.of(text, about):
                orders.set(about, slot, yes)
            for slot in self.indifference.of(text, reply.lower(), about, state, written):
                orders.set(about, slot, DONTCARE)
            self._located(text, about, state, written, orders)
        self._counted(text, (about,) if about else written, state, written, orders)
        if not parted:
            self._addressed(text, state, written, orders)
        self._two_ends(text, written, orders)
        self._there(text, written, orders)
        self._of_the_name(state, written, orders)
        for (name, slot), (other, value) in self.misplaced(written).items():
            orders.set(other, slot, value)
            orders.kept.add((name, slot))
        return orders

    def misplaced(self, written: Written) -> dict[tuple[str, str], tuple[str, str]]:
        """Return names that are of another service: (domain, slot) -> (its domain, name)."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for domain, slots in written.items():
            for slot in self._name_slots.get(domain, ()):
                value = slots.get(slot, "")
                home = self._home(slot, value)
                if home is not None and home != domain and home not in written:
                    found[domain, slot] = (home, value)
        return found

    def homes_of(self, written: Written) -> tuple[str, ...]:
        """Return the services of names that the network gave to another one."""
        return tuple(home for home, _ in self.misplaced(written).values())

    def _home(self, slot: str, value: str) -> str | None:
        """Return the one service whose database has exactly this name."""
        homes = (
            self._homes.get((slot, self.schema.forms.comparison_key(value)), ()) if value else ()
        )
        return homes[0] if len(homes) == 1 else None

    def _two_ends(self, text: str, written: Written, orders: Orders) -> None:
        """Part the ends of a way that the network wrote as one, or as more than was said."""
        leads = self.ways.pointing.ends
        for domain, slots in written.items():
            for pair in self.ways.pointing.pairs:
                one, other = (slots.get(slot, "") for slot in pair)
                for slot in pair:
                    said = leads[slot].search(text) if slots.get(slot) and slot in leads else None
                    if said is not None and self._is_more_than(slots[slot], said[1]):
                        orders.set(domain, slot, said[1])
                if not one or one != other:
                    continue
                for slot in pair:
                    said = leads[slot].search(text) if slot in leads else None
                    if said is not None and said[1] != one:
                        free = not self.schema.values(domain, slot)
                        orders.set(domain, slot, said[1] if free else DELETED)

    def _there(self, text: str, written: Written, orders: Orders) -> None:
        """Name the end of a way that is the venue which the same words name for another service."""
        for domain, slots in written.items():
            for slot in (slot for pair in self.ways.pointing.pairs for slot in pair):
                points = self._pointing_ends.get(slot)
                if points is None or not self.schema.has(domain, slot) or not points.search(text):
                    continue
                names = {
                    value
                    for one, known in orders.over(written).items()
                    for name, value in known.items()
                    if one != domain and name in self._name_slots.get(one, ())
                    if value not in (DELETED, DONTCARE)
                } - {value for end, value in slots.items() if end != slot}
                if len(names) == 1:
                    orders.set(domain, slot, names.pop())

    def _of_the_name(self, state: BeliefState, written: Written, orders: Orders) -> None:
        """Leave a wish that is nothing but the venue's name: "kohinoor" is no kind of food."""
        key = self.schema.forms.comparison_key
        for domain, slots in written.items():
            known = {**state.get(domain, {}), **slots}
            own = self._name_slots.get(domain, ())
            names = {key(known[slot]) for slot in own if slot in known}
            names -= {key(DELETED), key(DONTCARE)}
            orders.kept |= {
                (domain, slot)
                for slot, value in slots.items()
                if slot not in own and self._is_compared(domain, slot) and key(value) in names
            }

    def _is_compared(self, domain: str, slot: str) -> bool:
        table = self.knowledge.tables.get(domain)
        return table is not None and table.comparisons.get(slot) is Comparison.EQUAL

    def _is_more_than(self, value: str, said: str) -> bool:
        """Say whether a value is a venue's name and more: "cotto museum" for "cotto"."""
        key = self.schema.forms.comparison_key
        return key(said) != key(value) and key(said) in key(value) and self._is_name(said)

    def _is_name(self, text: str) -> bool:
        key = self.schema.forms.comparison_key(text)
        slots = {slot for known in self._name_slots.values() for slot in known}
        return any((slot, key) in self._homes for slot in slots)

    def _taken_back(
        self, text: str, state: BeliefState, domain: str | None, orders: Orders
    ) -> None:
        pointing = self.ways.pointing
        if not (pointing.dropping.search(text) or pointing.keeping.search(text)):
            return
        rest = False
        before: list[str] = []
        named: set[tuple[str, str]] = set()
        for clause in self._phrases.split(text):
            about = self._service_of(clause, state) or domain
            if about is None:
                continue
            dropping = pointing.dropping.search(clause)
            # The first word of "leave the day open" is none of a slot's.
            verb = re.match(r"\w+", dropping[0]) if dropping else None
            telling = clause.replace(verb[0], "", 1) if verb else clause
            slots = [slot for slot in state.get(about, {}) if self.ways.names(slot, telling)]
            if dropping:
                if not slots and pointing.pronouns.search(clause):
                    slots = before  # "i'm not sure about the time, leave it out"
                for slot in slots:
                    if not self._says_a_value(about, slot, text):
                        orders.set(about, slot, DELETED)
                        named.add((about, slot))
            elif pointing.keeping.search(clause):
                orders.kept |= {(about, slot) for slot in slots}
                rest = rest or pointing.resting.search(clause) is not None
            before = slots
        if rest or (named and orders.kept):
            # What was named is taken back and nothing else.
            orders.kept |= {
                (about, slot)
                for about, slots in state.items()
                for slot in slots
                if not self._says_a_value(about, slot, text)
            }
        orders.kept -= named

    def _swapped(self, text: str, state: BeliefState, domain: str | None, orders: Orders) -> None:
        if not self.ways.pointing.turning.search(text):
            return
        slots = dict.fromkeys(slot for known in state.values() for slot in known)
        for slot in slots:
            having = [one for one in state if slot in state[one]]
            if len(having) != _TWO or not self.ways.names(slot, text):
                continue
            one, other = having
            if state[one][slot] != state[other][slot] and not self._says_a_value(one, slot, text):
                orders.set(one, slot, state[other][slot])
                orders.set(other, slot, state[one][slot])
        known = state.get(domain or "", {})
        for first, last in self.ways.pointing.pairs:
            ends = (known.get(first, ""), known.get(last, ""))
            # "I mixed up two things: it's thursday" says itself what was wrong.
            telling = self._values_in(domain or "", text) and not any(
                self.ways.names(slot, text) for slot in (first, last)
            )
            if all(ends) and not (orders.update or telling or any(end in text for end in ends)):
                orders.set(domain or "", first, ends[1])
                orders.set(domain or "", last, ends[0])

    def _returning(
        self, text: str, state: BeliefState, domain: str | None, written: Written, orders: Orders
    ) -> None:
        """Leave the times of the way there where the way back is spoken of."""
        if domain is None or not self.ways.pointing.going_back.search(text):
            return
        known, new = state.get(domain, {}), written.get(domain, {})
        for first, last in self.ways.pointing.pairs:
            if new.get(first) != known.get(last) or new.get(last) != known.get(first):
                continue
            for slot in self.ways.pointing.of_way:
                value = new.get(slot, known.get(slot))
                if value is not None and value not in self.schema.forms.times_in(text):
                    if slot in known:
                        orders.set(domain, slot, DELETED)
                    else:
                        orders.kept.add((domain, slot))

    def _not_the_other(
        self, text: str, state: BeliefState, written: Written, orders: Orders
    ) -> None:
        """Take back the time that is denied where another is said: "arrive by 9, not leave"."""
        for domain, slots in written.items():
            for slot in self.ways.pointing.of_way:
                new = slots.get(slot, DELETED)
                known = state.get(domain, {}).get(slot)
                others = {one for one in self.ways.pointing.of_way if one != slot}
                if (
                    known is not None
                    and new in (DELETED, known)
                    and any(slots.get(one, DELETED) != DELETED for one in others)
                    and self.ways.pointing.excludes(slot, text)
                ):
                    orders.set(domain, slot, DELETED)

    def _addressed(self, text: str, state: BeliefState, written: Written, orders: Orders) -> None:
        """Give each of two services the values that are said in its own part of the sentence."""
        known = {*state, *written}
        if len(known) < _TWO:
            return
        parts = [(self._service_of(part, known), part) for part in self._phrases.split(text)]
        said = [(about, part) for about, part in parts if about is not None]
        begun = len([one for one in written if one not in state]) >= _TWO
        for about, part in said:
            if self.ways.ruling_out.search(part) or self._denies(part):
                continue
            for slot, value in self._values_in(about, self._nouns[about].sub("|", part)):
                old = {**state.get(about, {}), **written.get(about, {})}.get(slot)
                if old == value:
                    continue
                # Put right is what was there; new is only what two services begin with.
                is_right = slot in state.get(about, {}) and len({*state}) >= _TWO
                if is_right or (begun and about in written and old is None):
                    orders.set(about, slot, value)
                    if is_right:  # what is put right is not taken back
                        taken = written.get(about, {})
                        names = self._name_slots.get(about, ())
                        orders.kept |= {(about, one) for one in names if taken.get(one) == DELETED}
        for about, part in said:
            if self.ways.pointing.keeping.search(part) and not self._values_in(about, part):
                # "hotel should be west, the restaurant is fine": what is said is of the hotel.
                of_others = " ".join(one for name, one in said if name != about)
                orders.kept |= {
                    (about, slot)
                    for slot, value in written.get(about, {}).items()
                    if slot in state.get(about, {}) and (value == DELETED or value in of_others)
                }

    def _counted(
        self,
        text: str,
        services: Iterable[str],
        state: BeliefState,
        written: Written,
        orders: Orders,
    ) -> None:
        """Hear a number with its unit, where one service alone may be counted so."""
        for slot, pattern in self.ways.pointing.counting.items():
            having = [one for one in services if self.schema.has(one, slot)]
            if len(having) != 1:
                continue
            (domain,) = having
            if slot in written.get(domain, {}) or slot in self.knowledge.columns(domain):
                continue  # "is it a 4 star hotel?" wishes for nothing
            words = self.schema.forms.words_of(text)
            found = [one.key for one in words if one.key.isdigit() and pattern.match(text, one.end)]
            if len(found) != 1:
                continue
            value = self.schema.normalise_value(domain, slot, found[0])
            if value is not None and state.get(domain, {}).get(slot) != value:
                orders.set(domain, slot, value)

    def _both(self, text: str, state: BeliefState, written: Written, orders: Orders) -> None:
        """Give each service that is spoken of the one value that is said of both."""
        if not self.ways.pointing.both_of.search(text):
            return
        known = dict.fromkeys((*state, *written))
        words = self.schema.forms.words_of(text)
        for slot, unit in self.ways.pointing.counting.items():
            counted = {one.key for one in words if unit.match(text, one.end) and one.key.isdigit()}
            self._to_all(slot, counted, known, orders)
        if known.keys() - state.keys():
            # A wish that begins says more of one than of both: "a cheap room and a table".
            parts = self._phrases.split(text)
            text = " ".join(one for one in parts if self.ways.pointing.both_of.search(one))
        for slot in dict.fromkeys(slot for slots in state.values() for slot in slots):
            said = {
                value
                for domain in known
                for found, value in self._values_in(domain, text)
                if found == slot
            }
            self._to_all(slot, said, known, orders)

    def _to_all(self, slot: str, values: set[str], known: Iterable[str], orders: Orders) -> None:
        having = [domain for domain in known if self.schema.has(domain, slot)]
        if len(values) == 1 and len(having) >= _TWO:
            for domain in having:
                orders.set(domain, slot, next(iter(values)))

    def _ruled_out(self, text: str, state: BeliefState, written: Written, orders: Orders) -> None:
        leaves_open = self.ways.pointing.excluding.search(text) is not None
        for domain, slots in written.items():
            for slot, value in slots.items():
                # "Anything but trinity" speaks of one, and is indifferent to nothing.
                one = leaves_open and value == DONTCARE and not self.ways.names(slot, text)
                if not one and not self._is_excluded(domain, slot, value, text):
                    continue
                if state.get(domain, {}).get(slot) == value:
                    orders.set(domain, slot, DELETED)
                else:
                    orders.kept.add((domain, slot))

    def _is_excluded(self, domain: str, slot: str, value: str, text: str) -> bool:
        excludes = self.ways.pointing.excludes
        if slot not in self._name_slots.get(domain, ()):
            return excludes(value, text)
        # "Not the acorn" rules out the Acorn Guest House.
        short = self.schema.forms.without_kinds(value)
        return excludes(value, text) or (short not in ("", value) and excludes(short, text))

    def _another(
        self,
        text: str,
        state: BeliefState,
        domain: str | None,
        written: Written,
        orders: Orders,
    ) -> None:
        """Leave the wishes as they are where another venue is asked for."""
        known = state.get(domain or "", {})
        if not known or _about(domain, written) != domain:
            return
        if not self.ways.pointing.another_one.search(text):
            return
        new = written.get(domain or "", {})
        for slot in known:
            if slot in self._name_slots.get(domain or "", ()):
                if new.get(slot, known[slot]) in (known[slot], DONTCARE):
                    orders.set(domain or "", slot, DELETED)
            elif new.get(slot) in (DELETED, DONTCARE) and not self.ways.names(slot, text):
                orders.kept.add((domain or "", slot))

    def _gone(
        self,
        text: str,
        state: BeliefState,
        domain: str | None,
        written: Written,
        orders: Orders,
    ) -> None:
        """Take back the whole of a service of which the network took back a part."""
        known = state.get(domain or "", {})
        taken = written.get(domain or "", {}).values()
        if DELETED not in taken or not self.ways.pointing.going.search(text):
            return
        if any(value != DELETED and value in text for value in taken):
            return
        if not any(self.ways.names(slot, text) for slot in known):
            for slot in known:
                orders.set(domain or "", slot, DELETED)

    def _unfounded(
        self, text: str, state: BeliefState, reply: str, written: Written, orders: Orders
    ) -> None:
        """Keep what the network changed though no word of the user's speaks of it.

        That is what it took back where nothing is taken back, and what it left open, or took back,
        where the indifference is to something else: "whatever, we eat everything".
        """
        careless = self.ways.carelessness.search(text) is not None
        rest = self.ways.carelessness.sub(" ", text)
        rest = self.ways.indifference.sub(" ", rest) if careless else rest
        ways = self._taking_back[1:] if careless else self._taking_back
        if any(one.search(rest) for one in ways):
            return
        asked = reply if careless else ""
        orders.kept |= {
            (domain, slot)
            for domain, slots in written.items()
            for slot, value in slots.items()
            if value == DELETED
            or (careless and value == DONTCARE and slot in state.get(domain, {}))
            if slot not in self._name_slots.get(domain, ())
            and not self.ways.names(slot, f"{text} {asked}")
        }

    def _unknown(self, state: BeliefState, written: Written, orders: Orders) -> None:
        """Leave a venue that is known for none of a name that nothing has: "dave can't come"."""
        for domain, slots in written.items():
            for slot in self._name_slots.get(domain, ()):
                value, known = slots.get(slot, ""), state.get(domain, {}).get(slot, "")
                if value in ("", DELETED, DONTCARE) or self._is_known(domain, slot, value):
                    continue
                elsewhere = orders.update.keys() - {domain}
                if elsewhere or (known and self._is_known(domain, slot, known)):
                    orders.kept.add((domain, slot))

    def _is_known(self, domain: str, slot: str, name: str) -> bool:
        return bool(self.knowledge.query(domain, {slot: name}, limit=1).matches)

    def _located(
        self, text: str, domain: str, state: BeliefState, written: Written, orders: Orders
    ) -> None:
        """Hear a value that is said as where or when it should be: "guesthouses in the east"."""
        known = {**state.get(domain, {}), **written.get(domain, {})}
        for slot in self.ways.pointing.heard:
            if slot in known or not self.schema.has(domain, slot) or domain not in written:
                continue
            said = {
                value
                for found, value in self._values_in(domain, text)
                if found == slot and self.ways.pointing.locates(value, text)
            }
            if len(said) == 1 and not self._denies(text):
                orders.set(domain, slot, said.pop())

    def _service_of(self, clause: str, known: object) -> str | None:
        """Return the one service of the state that a part of a sentence names."""
        named = [
            domain
            for domain, pattern in self._nouns.items()
            if isinstance(known, Mapping | set) and domain in known and pattern.search(clause)
        ]
        return named[0] if len(named) == 1 else None

    def _says_a_value(self, domain: str, slot: str, text: str) -> bool:
        return any(found == slot for found, _ in self._values_in(domain, text))

    def _values_in(self, domain: str, text: str) -> list[tuple[str, str]]:
        """Return the closed values of a service that a text says: (slot, value)."""
        index = self._closed[domain]
        found: list[tuple[str, str]] = []
        for span in index.find(self.schema.forms.words_of(text)):
            slot, _, value = span.slot.partition("=")
            found.append((slot, value))
        return found

    def _denies(self, clause: str) -> bool:
        return self._denial.search(clause) is not None

    @cached_property
    def _phrases(self) -> re.Pattern[str]:
        """Parts a text where it goes on at all."""
        words = "|".join((*self.ways.parting, *self.ways.joining)) or r"(?!)"
        return re.compile(rf"{_MARKS}|\s+(?:{words})\s+")

    @cached_property
    def _taking_back(self) -> tuple[re.Pattern[str], ...]:
        """Finds what may take something back, in however roundabout a way."""
        ways = self.ways
        pointing = ways.pointing
        return (
            ways.indifference,
            ways.withdrawal,
            pointing.dropping,
            pointing.another_one,
            pointing.turning,
            self._denial,
        )

    @cached_property
    def _denial(self) -> re.Pattern[str]:
        return any_of(self.ways.denying)

    @cached_property
    def _nouns(self) -> Mapping[str, re.Pattern[str]]:
        return self.ways.pointing.services(self.schema.domains)

    @cached_property
    def _of_ways(self) -> frozenset[str]:
        """The slots of ends of a way: nobody is indifferent to where he goes."""
        return frozenset(slot for pair in self.ways.pointing.pairs for slot in pair)

    @cached_property
    def _closed(self) -> Mapping[str, PhraseIndex]:
        """Domain -> its closed values that are words; those of a pair of slots are of neither."""
        found: dict[str, PhraseIndex] = {}
        for domain in self.schema.domains:
            index = found[domain] = PhraseIndex(self.schema.forms)
            for slot in self.schema.slots(domain):
                words = [one for one in self.schema.values(domain, slot) if not one.isdigit()]
                for value in words if slot not in self._of_ways else ():
                    if value not in (*self.schema.forms.answers, domain):
                        index.add(f"{slot}={value}", [value])
        return found

    @cached_property
    def _pointing_ends(self) -> Mapping[str, re.Pattern[str]]:
        """Slot of a pair -> what finds that it is the venue which was just named: "from there"."""
        pointing = self.ways.pointing
        there = alternatives(pointing.there)
        return {
            slot: any_of([rf"{alternatives(leads)}\s+{there}"])
            for slot, leads in pointing.leading.items()
        }

    @cached_property
    def _name_slots(self) -> Mapping[str, tuple[str, ...]]:
        """Domain -> its slots that hold names of its database."""
        return {
            domain: tuple(
                column
                for column, how in table.comparisons.items()
                if how is Comparison.NAME and self.schema.has(domain, column)
            )
            for domain, table in self.knowledge.tables.items()
        }

    @cached_property
    def _homes(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(slot, key of a name) -> the domains that have it."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for domain, slots in self._name_slots.items():
            for slot in slots:
                for name in self.knowledge.values(domain, slot):
                    place = (slot, self.schema.forms.comparison_key(name))
                    if domain not in found.get(place, ()):
                        found[place] = (*found.get(place, ()), domain)
        return found

    @cached_property
    def _any_sure(self) -> re.Pattern[str]:
        """Finds any of them at once: most utterances hold none."""
        by_value = self.ways.sure.values()
        return any_of(phrase for one in by_value for known in one.values() for phrase in known)

    @cached_property
    def _sure(self) -> Mapping[tuple[str, str], Mapping[str, re.Pattern[str]]]:
        found = {}
        for place, by_value in self.ways.sure.items():
            domain, _, slot = place.partition(".")
            if self.schema.has(domain, slot):
                found[domain, slot] = {value: any_of(known) for value, known in by_value.items()}
        return found


def _about(domain: str | None, written: Written) -> str | None:
    """Return the one service that an utterance speaks of; None where it may be several."""
    return next(iter(written)) if len(written) == 1 else domain if not written else None
