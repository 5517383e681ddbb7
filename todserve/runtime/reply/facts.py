"""Facts: everything that is known when a reply is made, and that it may rest on.

The pipeline gathers them after the look-up and gives them to the reply stage. Example:
``facts.count({"pricerange": "expensive"})`` is how many of the places found are expensive, so that
"there are no expensive ones" can be judged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import DatabaseResult, KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.reply.booking_reference import booking_reference
from todserve.runtime.reply.clauses import Clause, clauses_of
from todserve.runtime.reply.reply_style import ReplyStyle
from todserve.runtime.reply.told_bookings import ToldBooking, references_in, told_bookings

_NO_VALUE = frozenset({"", DONTCARE, DELETED})
FEW = 10
"""Matches of which one is named beside their count."""
_MOST_RANKED = 300  # the trains of a week between two places
_RECENT = 3  # replies in which an entity that was named is still the one at hand


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known when a reply is made.

    Attributes:
        domain: the active domain; "" without one.
        state: the belief state after the utterance.
        result: the look-up in ``domain``, the entity at hand first; None where there was none.
        utterance: what the user said, lower case.
        said: the system's earlier replies, oldest first, lower case.
        heard: what the user said before, lower case.
        intent: the user's intent, if it is known.
        understood: whether the utterance changed the state of the active domain.
        before: the belief state before the utterance.
        typed: what was typed, lower case, before it was read as it is meant.
        unwanted: whether the user has turned down everything that was found.
        unranked: the word for a place in an order that nothing found has: "earlier"; else empty.
        knowledge: the database.
        schema: domains and slots.
        style: the language.
    """

    domain: str
    state: BeliefState
    result: DatabaseResult | None
    utterance: str
    said: Sequence[str]
    knowledge: KnowledgeBase
    schema: Schema
    style: ReplyStyle
    heard: Sequence[str] = ()
    intent: str | None = None
    understood: bool = False
    before: BeliefState = field(default_factory=dict)
    typed: str = ""
    unranked: str = ""
    unwanted: bool = False
    _clauses: dict[str, tuple[Clause, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        *,
        domain: str | None,
        state: BeliefState,
        found: DatabaseResult | None,
        utterance: str,
        said: Sequence[str],
        heard: Sequence[str] = (),
        intent: str | None = None,
        understood: bool = False,
        before: BeliefState | None = None,
        typed: str = "",
        knowledge: KnowledgeBase,
        schema: Schema,
        style: ReplyStyle,
    ) -> "Facts":
        """Collect the facts of a turn, and put the entity at hand first among the results."""
        lower = tuple(text.lower() for text in said)
        result, unranked, unwanted = found, "", False
        if found is not None:
            result = _at_hand_first(found, utterance.lower(), lower, style, knowledge.forms)
            wishes = knowledge.in_force(found.domain, state.get(found.domain, {}))
            result, unranked = _ranked(
                result, utterance.lower(), wishes, style, knowledge, new=understood
            )
            talk = [*(text.lower() for text in heard), utterance.lower()]
            result, unwanted = _wanted_first(result, lower, talk, wishes, style, knowledge)
        facts = cls(
            domain=domain or "",
            state=state,
            result=result,
            utterance=utterance.lower(),
            said=lower,
            heard=tuple(text.lower() for text in heard),
            intent=intent,
            understood=understood,
            before=before or {},
            typed=typed.lower(),
            unranked=unranked,
            unwanted=unwanted,
            knowledge=knowledge,
            schema=schema,
            style=style,
        )
        return facts._of_the_booking() if facts.row and not unranked else facts

    def _of_the_booking(self) -> "Facts":
        """Put first what was booked and still meets the wishes, where nothing was named since."""
        code, row = self._told_booking
        key = self.key or ""
        if self.result is None or code is None or row.get(key) in (None, self.row.get(key)):
            return self
        if not self._recent(code) or not self.count({key: row[key]}):
            return self
        others = (one for one in self.result.results if one != row)
        return replace(self, result=replace(self.result, results=(row, *others)))

    def _recent(self, code: str) -> bool:
        """Say whether the reply that told a reference is the last that spoke of an entity."""
        ranked = any(one.pattern.search(self.utterance) for one in self.style.ranks.values())
        last = next((text for text in reversed(self.said) if code in text or self.names(text)), "")
        return code in last and not self.names(last) and not ranked and not self.understood

    @property
    def forms(self) -> WordForms:
        """How the language writes a value or a name otherwise."""
        return self.knowledge.forms

    def clauses(self, delexicalised: str) -> tuple[Clause, ...]:
        """Return the clauses of a reply; one that is judged is cut several times."""
        found = self._clauses.get(delexicalised)
        if found is None:
            found = self._clauses[delexicalised] = clauses_of(delexicalised, self.style)
        return found

    @cached_property
    def slots(self) -> Mapping[str, str]:
        """The state of the active domain."""
        return self.state.get(self.domain, {})

    @cached_property
    def wishes(self) -> Mapping[str, str]:
        """What of them was looked up: all but what the entity that they name denies."""
        return self.knowledge.in_force(self.domain, self.slots)

    @property
    def denied(self) -> tuple[str, ...]:
        """The slots of the state that the entity which it names denies."""
        return tuple(slot for slot in self.slots if slot not in self.wishes)

    @property
    def is_unknown_name(self) -> bool:
        """Whether the state names an entity that the database does not have."""
        key = next((slot for slot in self.style.slots.keys if slot in self.compared), "")
        name = self.slots.get(key, "")
        return not self.matches and name not in _NO_VALUE and not self.exist({key: name})

    @cached_property
    def matches(self) -> int:
        """How many entities fit; 0 without a look-up."""
        return self.result.matches if self.result else 0

    @cached_property
    def row(self) -> Mapping[str, str]:
        """The entity at hand; empty without one."""
        return self.result.results[0] if self.result and self.result.results else {}

    @cached_property
    def key(self) -> str | None:
        """The column that names the entity at hand."""
        return next((slot for slot in self.style.slots.keys if self.row.get(slot)), None)

    @cached_property
    def columns(self) -> frozenset[str]:
        """What the database knows of an entity of the active domain."""
        return frozenset(self.knowledge.columns(self.domain))

    @cached_property
    def compared(self) -> frozenset[str]:
        """The columns that a look-up can ask for by their value."""
        table = self.knowledge.tables.get(self.domain)
        return frozenset() if table is None else frozenset(table.comparisons)

    @property
    def arranged(self) -> bool:
        """Whether the database sends an entity, as a taxi, instead of searching for some."""
        table = self.knowledge.tables.get(self.domain)
        return table is not None and table.arranged

    @cached_property
    def shared(self) -> Mapping[str, str]:
        """The columns that everything found has in common."""
        if self.matches < 2:
            return self.row if self.matches else {}
        return self.knowledge.shared(self.domain, self.wishes)

    def count(self, extra: Mapping[str, str]) -> int:
        """Return how many of what was found also satisfy ``extra``."""
        if self.result is None:
            return 0
        return self.knowledge.query(self.domain, {**self.wishes, **extra}, limit=1).matches

    def exist(self, only: Mapping[str, str]) -> int:
        """Return how many entities of the domain satisfy ``only``, whatever the user wished."""
        return self.knowledge.query(self.domain, only, limit=1).matches

    def shares(self, slot: str, value: str) -> bool:
        """Say whether everything found has this value."""
        return self.forms.same(self.shared.get(slot, ""), value)

    @property
    def unpicked(self) -> bool:
        """Whether nobody knows which entity is meant: no wish, no name, and many there are."""
        wishes = any(self.slots.get(slot, "") not in _NO_VALUE for slot in self.slots)
        if wishes or self.matches < 2 or "name" not in self.compared:
            return False
        return not self.named_before()

    @cached_property
    def asked(self) -> frozenset[str]:
        """The slots that the user asks for."""
        declined = self.style.patterns["declined"]
        return frozenset(
            slot
            for slot, pattern in self.style.asked_patterns.items()
            if (match := pattern.search(self.utterance))
            and not declined.search(self.utterance[: match.start()])
        )

    @cached_property
    def asks_unknown(self) -> bool:
        """Whether the user asks for what the database does not have here."""
        unlisted = self.style.unlisted_patterns.get(self.domain)
        if unlisted is not None and unlisted.search(self.utterance):
            return True
        spoken = (
            slot
            for slot, pattern in self.style.flag_patterns.items()
            if pattern.search(self.utterance)
        )
        if any(slot not in self.columns for slot in spoken):
            return True
        rare = self.asked & self.style.slots.rare & self.columns
        return bool(self.row) and any(not self.row.get(slot) for slot in rare)

    @property
    def narrowing(self) -> str:
        """The question by which many become fewer; empty where few are left, or nothing would."""
        if self.result is None or (self.matches <= FEW and not self.unchosen):
            return ""
        for slot in self.schema.slots(self.domain):
            known = slot in self.slots or slot in self.shared or slot in self.style.slots.keys
            if slot in self.compared and slot in self.style.questions and not known:
                return self.style.question(self.domain, slot)
        return ""

    @cached_property
    def booking_slots(self) -> tuple[str, ...]:
        """Slots without which nothing is booked here; empty where nothing can be booked.

        Where the style does not say, they are the slots that the user informs and no entity has:
        a day, a time, a number of people.
        """
        return self._slots_to_book(self.domain)

    def _slots_to_book(self, domain: str) -> tuple[str, ...]:
        named = self.style.bookings.get(domain)
        if named is not None:
            return named
        columns = self.knowledge.columns(domain)
        return tuple(slot for slot in self.schema.slots(domain) if slot not in columns)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still needed for a booking, in the order of asking."""
        return tuple(
            slot
            for slot in self.booking_slots
            if not any(self._is_known(one) for one in slot.split("|"))
        )

    def _is_known(self, slot: str) -> bool:
        # What everything found has in common need not be asked for.
        if self.slots.get(slot, "") not in _NO_VALUE:
            return True
        return slot in self.columns and slot in self.shared

    @property
    def bookable(self) -> bool:
        """Whether a booking can be made now: all is known, and there is something to book."""
        known = bool(self.booking_slots) and not self.missing and self.matches > 0
        return known and not self.unchosen

    @property
    def one_of_many(self) -> bool:
        """Whether the entity at hand is any of many that nobody named, and can be narrowed.

        Who says outright to book it has it booked.
        """
        open_still = "name" in self.compared and bool(self.narrowing)
        return open_still and not (self.orders or self.reference or self.named_before())

    @property
    def unchosen(self) -> bool:
        """Whether nobody has said what should be booked: any one of all there are, it would be."""
        if self.matches < 2 or "name" not in self.compared or self.named_before():
            return False
        # "A hotel" is the service's own name, and wishes for nothing.
        return not any(
            slot in self.compared and value != self.domain for slot, value in self.slots.items()
        )

    @property
    def may_book(self) -> bool:
        """Whether the user may want a booking now: the intent says so, or cannot say."""
        books = self.style.books
        if self.cancels and not self.orders:
            return False
        if self.intent is None or self.intent.startswith(books) or self.orders:
            return True
        return not any(one.startswith(books) for one in self.schema.intents)

    @cached_property
    def orders(self) -> bool:
        """Whether the user says outright to book what is at hand: "book that too"."""
        return self._says("orders")

    def _says(self, pattern: str) -> bool:
        return self.style.patterns[pattern].search(self.utterance) is not None

    @cached_property
    def told_references(self) -> tuple[str, ...]:
        """Every reference that earlier replies told, of whatever booking."""
        return references_in(" ".join(self.said))

    @cached_property
    def told_bookings(self) -> tuple[ToldBooking, ...]:
        """Every booking that earlier replies told, oldest first."""
        if not self.told_references:
            return ()
        return told_bookings(self.said, self.heard, self._bookable_names_in)

    def _bookable_names_in(self, text: str) -> Iterator[tuple[str, str]]:
        for domain, table in self.knowledge.tables.items():
            if self._slots_to_book(domain) and not table.arranged:
                for slot in self.style.slots.keys:
                    for name in self.knowledge.names_said(domain, slot, text):
                        yield domain, name.lower()

    @property
    def booked_here(self) -> tuple[ToldBooking, ...]:
        """The bookings of the active domain that earlier replies told."""
        if self.arranged:
            return tuple(self._arranged_before([self.domain]))
        return tuple(one for one in self.told_bookings if one.domain == self.domain)

    def _arranged_before(self, domains: Iterable[str]) -> Iterator[ToldBooking]:
        """Yield what was sent for the state before, as replies have told it: a taxi."""
        told = " ".join(self.said)
        for domain in domains:
            table, slots = self.knowledge.tables.get(domain), self.before.get(domain, {})
            if table is None or not table.arranged or not slots:
                continue
            row = self.knowledge.query(domain, slots, limit=1).results[0]
            name = next((row[slot] for slot in self.style.slots.keys if row.get(slot)), "")
            if name and all(value.lower() in told for value in row.values()):
                yield ToldBooking(code="", domain=domain, name=name.lower())

    @cached_property
    def recalled_bookings(self) -> tuple[ToldBooking, ...]:
        """The bookings whose reference the user asks for, where the state does not hold them."""
        asks = "reference" in self.asked or self._says("lists")
        if not asks or self.orders or not self.told_references:
            return ()
        if self._says("lists"):
            return self.told_bookings
        points = any(self._says(one) for one in ("first", "second", "every"))
        points = points or bool(self.booked_here and not self._says("yes"))
        if self._named_bookings:
            points = points or not (self.understood and self.may_book)
        elif self.understood:
            return ()
        if not points and self.may_book:
            return ()
        meant = self._meant_bookings
        return () if [one.code for one in meant] == [self.reference] else meant

    @property
    def cancels(self) -> bool:
        """Whether the user wants something that is booked to be booked no more."""
        return self._says("cancels")

    @cached_property
    def kept_bookings(self) -> tuple[ToldBooking, ...]:
        """The bookings that the user wants to be rid of, and that nothing here can cancel."""
        withdrawn = {domain for domain in self.before if not self.state.get(domain)}
        if withdrawn:
            told = (one for one in self.told_bookings if one.domain in {*withdrawn, ""})
            return (*told, *self._arranged_before(withdrawn))
        return self._meant_bookings if self.cancels else ()

    @property
    def unwished(self) -> bool:
        """Whether the user says of a service only that it is not wished: "i don't want a hotel"."""
        if not self.domain or self.slots or self.before.get(self.domain):
            return False
        nouns = (self.style.nouns.get(self.domain), self.style.kind_words.get(self.domain))
        said = [match.start() for one in nouns if one for match in one.finditer(self.utterance)]
        excludes = self.style.patterns["excludes"]
        return bool(said) and all(excludes.search(self.utterance[:at]) for at in said)

    @property
    def seeks_booking(self) -> bool:
        """Whether the user speaks of a booking where nothing has been booked."""
        asks = self.cancels or "reference" in self.asked or self._says("lists")
        if not asks or self.orders or self.told_references:
            return False
        booked = self.style.patterns["booked"]
        own = [self.style.sentences[one].lower() for one in ("unbooked", "offer")]
        for text in self.said:
            for one in own:
                text = text.replace(one, "")
            if booked.search(text):
                return False  # a taxi, which has no reference
        return any(self._slots_to_book(one) for one in self.schema.domains)

    @property
    def goes_on(self) -> bool:
        """Whether the utterance says or asks something new of the active domain."""
        before = self.before.get(self.domain, {})
        return bool(self.asked & self.columns) or any(
            before.get(slot) != value for slot, value in self.slots.items()
        )

    def key_of(self, booking: ToldBooking) -> str:
        """Return the column that has the name of what is booked."""
        columns = self.knowledge.columns(booking.domain)
        return next((slot for slot in self.style.slots.keys if slot in columns), "name")

    def phone_of(self, booking: ToldBooking) -> str:
        """Return the phone number of what is booked; empty where none is known."""
        table = self.knowledge.tables.get(booking.domain)
        if not booking.name or table is None:
            return ""
        slots = {self.key_of(booking): booking.name}
        wishes = self.before.get(booking.domain, {}) if table.arranged else slots
        found = self.knowledge.query(booking.domain, wishes, limit=1).results
        return found[0].get("phone", "") if found else ""

    @property
    def _named_bookings(self) -> tuple[ToldBooking, ...]:
        return tuple(
            one
            for one in self.told_bookings
            if one.name and self.forms.named_in(one.name, self.utterance)
        )

    @property
    def _meant_bookings(self) -> tuple[ToldBooking, ...]:
        """Which bookings the user speaks of: those named, those of the service, the last one."""
        own, every = self._named_bookings or self.booked_here, self.told_bookings
        if self._says("every"):
            return own if self._named_bookings else every
        if self._says("first"):
            return (own if len(own) > 1 else every)[:1]
        if self._says("second"):
            return (own if len(own) > 1 else every)[1:2]
        if self.cancels and not self._named_bookings:
            # "Cancel it": which of several is meant, nobody knows. A service's own are its.
            nouns = self.style.nouns.items()
            said = [domain for domain, noun in nouns if noun.search(self.utterance)]
            taxis = tuple(self._arranged_before(self.before))
            return tuple(one for one in (*every, *taxis) if not said or one.domain in said)
        return (own or every)[-1:]

    @property
    def rebooks(self) -> bool:
        """Whether what is wished is another booking of a service than the one there is of it."""
        if self._says("adds") or not self.booked_here:
            return False
        if self.arranged:
            return self.bookable and self.booked_here[-1].name != self.name
        return self.reference is None

    @property
    def moves(self) -> bool:
        """Whether the user wishes what is booked otherwise: "make it five people"."""
        old, new = self.before.get(self.domain, {}), self.slots
        slots = [one for slot in self.booking_slots for one in slot.split("|")]
        changed = any(old.get(one) and old.get(one) != new.get(one) for one in slots)
        same = bool(self.booked_here) and self.booked_here[-1].name == self.name
        return changed and same and self.rebooks

    @cached_property
    def reference(self) -> str | None:
        """The reference that an earlier reply told for a booking of this domain, if one did."""
        return self._told_booking[0]

    @property
    def booked_name(self) -> str:
        """What that booking is of, in lower case; empty where there is none or it has no name."""
        row = self._told_booking[1]
        return next((row[slot].lower() for slot in self.style.slots.keys if row.get(slot)), "")

    @property
    def asks_for_booking(self) -> bool:
        """Whether the user asks for a reference that is there, or of what nobody has booked."""
        return "reference" in self.asked and bool(self.booking_slots) and not self.arranged

    @property
    def recalled(self) -> frozenset[str]:
        """What of a booking the state holds: its day, its time, its people."""
        names = (one for slot in self.booking_slots for one in slot.split("|"))
        return frozenset(one for one in names if self.slots.get(one, "") not in _NO_VALUE)

    @property
    def recalls(self) -> bool:
        """Whether the user asks what was booked, or wished, so far."""
        asks = self.style.patterns["recalls"].search(self.utterance) is not None
        return asks and bool(self.recalled - self.compared)

    @property
    def exhausted(self) -> bool:
        """Whether the user wants another one than the only one there is, which has been named."""
        wanted = self.style.patterns["other"].search(self.utterance) is not None or self.rejects
        concerned = self.schema.intent_domains(self.intent)
        finds = self.domain in (concerned or (self.domain,)) and not self.may_book
        return wanted and finds and (self.unwanted or (self.matches == 1 and self.named_before()))

    @property
    def rejects(self) -> bool:
        """Whether the user turns down what was just offered."""
        return self.style.patterns["rejects"].search(self.typed or self.utterance) is not None

    @property
    def passed_over(self) -> bool:
        """Whether the user turned down what the last reply named, and wants another one."""
        last = self.said[-1] if self.said else ""
        rows = self.result.results if self.result else ()
        key = self.key or ""
        named = any(row.get(key) and self.forms.named_in(row[key].lower(), last) for row in rows)
        return self.rejects and named and not (self.told_references or self.understood)

    @property
    def spurned(self) -> bool:
        """Whether a search finds nothing but what the user has turned down, and not named since."""
        finds = self.domain in self.schema.intent_domains(self.intent) and not self.may_book
        return self.unwanted and finds and self.understood

    @cached_property
    def _told_booking(self) -> tuple[str | None, Mapping[str, str]]:
        """The reference and the entity of a booking that an earlier reply told."""
        if self.result is None or not self.told_references:
            return None, {}
        rows: list[Mapping[str, str]] = [*self.result.results, {}]
        if self.intent is not None and self.may_book and self.named_before():
            rows = [self.row]  # booked like another one before it, it is a booking of its own
        elif self.intent is not None and not self.may_book:
            # A wish that came after the booking may have left its entity out of the results.
            rows += self._named_rows()
        for row in [*rows, *self._further_rows()]:
            code = booking_reference(self.domain, self.state, row, self.booking_slots)
            if code in self.told_references:
                return code, row
        return None, {}

    def _further_rows(self) -> tuple[Mapping[str, str], ...]:
        """Return what was found beyond the first results, where it has no name: a later train."""
        few = self.result is not None and len(self.result.results) < self.matches <= _MOST_RANKED
        if not few or "name" in self.columns or self.may_book:
            return ()
        return self.knowledge.query(self.domain, self.wishes, limit=self.matches).results

    def _named_rows(self) -> list[Mapping[str, str]]:
        """Return the entities of the domain that were named by anybody before."""
        key = next((slot for slot in self.style.slots.keys if slot in self.columns), "")
        told = " ".join([*self.said, *self.heard])
        named = self.knowledge.names_said(self.domain, key, told)
        return [row for one in named if (row := self._row_named(key, one)) is not None]

    def _row_named(self, key: str, name: str) -> Mapping[str, str] | None:
        """Return the entity of a name, one that meets the wishes first: trains share their ids."""
        for wishes in (self.wishes, {}):
            found = self.knowledge.query(self.domain, {**wishes, key: name}, limit=1).results
            if found:
                return found[0]
        return None

    @cached_property
    def name(self) -> str:
        """What the entity at hand is called, lower case; empty where nothing names it."""
        return self.row.get(self.key or "", "").lower()

    def names(self, text: str) -> bool:
        """Say whether a lower-case text names the entity at hand."""
        return bool(self.name) and self.forms.named_in(self.name, text)

    @property
    def pointed(self) -> bool:
        """Whether the user only pointed at the entity at hand: "the second one"."""
        return bool(self.typed) and self.names(self.utterance) and not self.names(self.typed)

    def named_before(self) -> bool:
        """Say whether one of the latest replies, or the user, named the entity at hand."""
        latest = [*self.said[-_RECENT:], self.utterance]
        return any(self.names(text) for text in latest)


def _at_hand_first(
    found: DatabaseResult,
    utterance: str,
    said: Sequence[str],
    style: ReplyStyle,
    forms: WordForms,
) -> DatabaseResult:
    """Put first what the latest replies named last; where another one is wished for, what none did.

    The order of a look-up is fixed, so that without this "and its address?" would be answered for
    the first of the list, whichever was spoken of.
    """
    rows = found.results
    if len(rows) < 2 or not said:
        return found
    key = next((slot for slot in style.slots.keys if rows[0].get(slot)), None)
    if key is None:
        return found
    names = [row.get(key, "").lower() for row in rows]
    if style.patterns["other"].search(utterance):
        told = " ".join(said)
        new = (at for at, name in enumerate(names) if not forms.named_in(name, told))
        # Where all have been told, at least another one than just now.
        other = (at for at, name in enumerate(names) if not forms.named_in(name, said[-1]))
        chosen = next(new, next(other, None))
    else:
        chosen = _last_named([forms.without_article(name) for name in names], said)
    if not chosen:  # none, or the first already
        return found
    return replace(found, results=(rows[chosen], *rows[:chosen], *rows[chosen + 1 :]))


def _wanted_first(
    found: DatabaseResult,
    said: Sequence[str],
    heard: Sequence[str],
    wishes: Mapping[str, str],
    style: ReplyStyle,
    knowledge: KnowledgeBase,
) -> tuple[DatabaseResult, bool]:
    """Put last what the user has turned down; say whether that is all there is.

    Args:
        found: the look-up.
        said: the replies, lower case.
        heard: the user's words before each of them, and those after the last, lower case.
        wishes: what was looked up.
        style: the language.
        knowledge: the database.
    """
    first = next(iter(found.results), {})
    key = next((slot for slot in style.slots.keys if first.get(slot)), None)
    if key is None:
        return found, False
    turns = [*zip(["", *said], heard, strict=False)]
    forms = knowledge.forms
    table = knowledge.tables.get(found.domain)
    kinds = [
        column
        for column, how in ({} if table is None else table.comparisons).items()
        if how is Comparison.EQUAL and column not in wishes
    ]

    def is_of_no_kind(value: str) -> bool:
        # "Anything but indian", and nobody has asked for indian food since.
        last = next((words for words in reversed(heard) if value in words), "")
        return (
            bool(last) and style.patterns["excludes"].search(last[: last.find(value)]) is not None
        )

    def is_unwanted(row: Mapping[str, str]) -> bool:
        values = {row.get(column, "").lower() for column in kinds} - {"", *forms.answers}
        if any(is_of_no_kind(one) for one in values if not one.isdigit()):
            return True
        name, unwanted = forms.without_article(row.get(key, "").lower()), False
        for reply, words in turns:
            at = words.find(forms.without_kinds(name) or name)
            if at >= 0:
                unwanted = style.patterns["excludes"].search(words[:at]) is not None
            elif name in reply and style.patterns["rejects"].search(words):
                unwanted = not references_in(reply)
        return unwanted

    rows = found.results
    if not any(map(is_unwanted, rows)):
        return found, False
    if len(rows) < found.matches <= _MOST_RANKED:
        rows = knowledge.query(found.domain, wishes, limit=found.matches).results
    out = [row for row in rows if is_unwanted(row)]
    kept = [row for row in rows if row not in out]
    return replace(found, results=(*kept, *out)[: len(found.results)]), not kept


def _ranked(
    found: DatabaseResult,
    utterance: str,
    wishes: Mapping[str, str],
    style: ReplyStyle,
    knowledge: KnowledgeBase,
    *,
    new: bool,
) -> tuple[DatabaseResult, str]:
    """Put first what the user asks for by its place in an order; say which place nothing has.

    Where the wishes are new, "later" is one of them, and no order among what they find.
    """
    columns = knowledge.columns(found.domain)
    said = (
        (word, rank)
        for word, rank in style.ranks.items()
        if rank.slot in columns
        and rank.pattern.search(utterance)
        and not (new and rank.side.is_relative)
    )
    word, rank = next(said, ("", None))
    if rank is None or not found.results or found.matches > _MOST_RANKED:
        return found, ""
    rows = knowledge.query(found.domain, wishes, limit=found.matches).results
    chosen = rank.chosen(rows, found.results[0])
    if chosen is None:
        return found, word if rank.side.is_relative else ""
    others = (row for row in found.results if row != chosen)
    return replace(found, results=(chosen, *others)), ""


def _last_named(names: Sequence[str], said: Sequence[str]) -> int | None:
    for text in reversed(said[-_RECENT:]):
        places = [(text.find(name), at) for at, name in enumerate(names)]
        named = [one for one in places if one[0] >= 0]
        if named:
            # Of several that one reply lists, the first is the one it begins to speak of.
            return min(named)[1]
    return None
