"""Reply rules: what a reply may not say, one function for each rule.

The reply stage asks them of every filled reply before it chooses one. A rule looks at the reply
clause by clause and strikes where the look-up, the state and what was said before do not bear it
out. Example: "there are no expensive hotels" is struck by ``none`` where one of them is expensive.

    empty       nothing is said
    unfilled    a placeholder has no value, so that a word stands there which means nothing
    none        nothing was found, it says, though something was
    refusal     a booking failed, it says; only a look-up that finds nothing can say so
    count       a number of matches that is not the look-up's
    kind        of many, the word for what another service has; of one, what is another service's
    shared      of many, what is not true of all
    some        there are several such, it says; there are not
    row         of one, what its row denies or does not know
    booking     booked, it says, though something is missing, there is nothing to book, or it asks
                whether to book it as well
    reference   a reference of no booking, another entity's, or a new one without a word of booking
    undone      a booking is cancelled or changed, which nothing here can do; or anything but that,
                where the user wants to be rid of it
    venue       a name that is of no result and that nobody has said, or that is the second of none
    invented    a time, a price, a number or a code that is from nowhere
    which       a number or an address of any one of many, where nobody knows which is meant
    untold      nothing is told of what is only looked up, such as a department, though it was found
                or of a booking whose reference, day, time or party is asked for; or something is
                told of a service of which the user only says that it is not wished
    nowhere     anything but that there is no such place, where the user names an unknown one
    only        another one, where all that was found has been named or turned down
    rank        one, where the user asks for an earlier, later or cheaper one and there is none
    answer      a yes or no that nothing known bears out, or that what is known denies
    unknown     something else, where the user asks for what the database does not have
    helpless    it can do nothing, it says, or understood nothing; it greets as if nothing had been
                said
    garbled     it goes round in circles, or says a word twice
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.reply.amendment import claimed
from todserve.runtime.reply.clauses import Clause, Subject
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.lexicalisation import Filling, Lexicalisation, Origin
from todserve.runtime.reply.literals import Literal, Literals

_DIGITS = re.compile(r"\d[\d:.]*\d|\d")
_SAME_WORD = re.compile(r"\b([^\W\d]{3,}) \1\b")
_SPELT_OUT = re.compile(r"\b[b-hj-z]\. [b-hj-z]\b")  # "postcode c. b"
_BARE = 8  # words; "no, it is not free to enter"
_FRAGMENT = 2  # words
_SHORT = 12  # characters; "yes." may come twice
_NO_VALUE = frozenset({"", DONTCARE, DELETED})


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A reply that is judged by the rules before it may be sent.

    Attributes:
        delexicalised: with placeholders, everything added.
        filled: for people.
        facts: what it may rest on.
        literals: finds values in words.
    """

    delexicalised: str
    filled: Lexicalisation
    facts: Facts
    literals: Literals

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """Its clauses."""
        return self.facts.clauses(self.delexicalised)

    @cached_property
    def claims(self) -> tuple[Clause, ...]:
        """The clauses that claim something."""
        return tuple(one for one in self.clauses if not one.asks)

    def fillings(self, clause: Clause) -> tuple[Filling, ...]:
        """Return what the placeholders of a clause became."""
        return self.filled.fillings[clause.first : clause.first + len(clause.slots)]

    def says(self, pattern: str, clause: Clause) -> bool:
        """Say whether a clause matches one of the style's patterns."""
        return self.facts.style.patterns[pattern].search(clause.text) is not None


def strikes(draft: Draft) -> tuple[str, ...]:
    """Return the names of the rules that a reply breaks; none where it holds."""
    return tuple(name for name, is_broken in RULES.items() if is_broken(draft))


def _empty(draft: Draft) -> bool:
    return not draft.filled.text.strip()


def _unfilled(draft: Draft) -> bool:
    if draft.facts.result is None and draft.facts.style.points:
        return False  # without a database "그 곡" (that song) points at what the user spoke of
    return any(
        one.value is None and not _is_said_to_be_unknown(one.slot, draft)
        for one in draft.filled.fillings
    )


def _is_said_to_be_unknown(slot: str, draft: Draft) -> bool:
    """Say whether the database has such a column and nothing in it: "its phone is not listed"."""
    facts = draft.facts
    # Of an entity, "not listed" is true; of many, a stand-in would be no value of any.
    lacking = slot in facts.columns - facts.compared and bool(facts.row) and not facts.row.get(slot)
    after = draft.delexicalised.partition(f"[value_{slot}]")[2]
    joined = after.startswith(facts.style.together) or facts.style.patterns["but"].match(after)
    # "It is not listed to enter": the sentence goes on as only a value can be followed.
    ends = bool(joined) or not after[1:2].isalpha()
    return lacking and slot not in facts.style.slots.keys and ends


def _none(draft: Draft) -> bool:
    facts = draft.facts
    for clause in draft.claims:
        if not draft.says("none", clause) or draft.says("refused", clause):
            continue
        if _speaks_of_a_flag(draft, clause):
            continue
        claims = claimed(clause, facts, draft.literals)
        claims |= _filled_values(draft, clause)
        if facts.result is None or not facts.compared:
            return True
        if facts.matches and facts.count(claims):
            return True
        # Nothing fits all wishes. Whether nothing fits the ones that it repeats is another matter.
        if not facts.matches and not draft.says("fits_all", clause) and facts.exist(claims):
            return True
    return _bare_no(draft)


def _filled_values(draft: Draft, clause: Clause) -> dict[str, str]:
    """Return what a clause's placeholders say of those it speaks of: slot -> value."""
    return {
        one.slot: one.value
        for one in draft.fillings(clause)
        # "places to stay" is what all are called, and no value of any.
        if one.slot in draft.facts.compared and one.value and one.origin is not Origin.KIND
    }


def _bare_no(draft: Draft) -> bool:
    """Say whether "no" alone answers a question that the look-up answers with something."""
    facts = draft.facts
    if not facts.matches or "?" not in facts.utterance or not draft.clauses:
        return False
    first = draft.clauses[0]
    rest = facts.style.patterns["no"].sub("", first.text)
    apart = first.text != rest and len(rest.split()) <= 4 and not first.slots
    if draft.literals.values(facts.domain, first.text):
        return False  # "it is not expensive" denies something of its own
    return apart and not any(True for _ in _flags_asked(facts)) and not draft.says("asks", first)


def _refusal(draft: Draft) -> bool:
    return any(
        draft.says("refused", clause)
        and (draft.facts.matches > 0 or draft.facts.result is None or _booked(draft, clause))
        for clause in draft.claims
    ) or (
        # One or the other: a reference beside a failure says both.
        any(draft.says("refused", clause) for clause in draft.claims)
        and "reference" in _slots(draft)
    )


def _count(draft: Draft) -> bool:
    facts = draft.facts
    # "3 have 4 stars and the other is cheap", of three: nothing is left for the other.
    parts = [one.value for one in draft.filled.fillings if one.slot == "choice"][1:]
    counted = sum(int(one) for one in parts if one and one.isdigit())
    if counted >= facts.matches > 0 and any(draft.says("remaining", one) for one in draft.claims):
        return True
    for clause in draft.claims:
        if clause.counted is not None and facts.compared:
            said = facts.style.numbers.get(clause.counted, clause.counted)
            if said != str(facts.matches):
                return True
        negated = clause.subject is Subject.NOTHING and "choice" in clause.slots
        if negated or ("choice" in clause.slots and facts.result is None):
            return True
    return False


def _kind(draft: Draft) -> bool:
    facts = draft.facts
    own = facts.style.kind_words.get(facts.domain)
    for clause in draft.claims:
        for domain, pattern in facts.style.only_words.items():
            if domain != facts.domain and pattern.search(clause.text):
                return True
        if _is_of_another_service(draft, clause):
            return True
        if clause.subject is Subject.ONE or (own and own.search(clause.text)):
            continue
        for domain, pattern in facts.style.kind_words.items():
            if domain != facts.domain and pattern.search(clause.text):
                return True
    return False


def _is_of_another_service(draft: Draft, clause: Clause) -> bool:
    """Say whether a clause tells of the venue it names what is another service's: a park's food."""
    facts, keys = draft.facts, draft.facts.style.slots.keys
    fillings = draft.fillings(clause)
    named = any(one.slot in keys and one.origin is Origin.RESULT for one in fillings)
    if not named or facts.arranged:
        return False
    own = {*facts.columns, *facts.schema.slots(facts.domain), *keys, "choice", "reference"}
    if any(one.slot not in own for one in fillings):
        return True
    nouns = facts.style.nouns
    mine = nouns.get(facts.domain)
    if mine is not None and mine.search(clause.text):
        return False
    return any(
        pattern.search(clause.text) for domain, pattern in nouns.items() if domain != facts.domain
    )


def _shared(draft: Draft) -> bool:
    facts, keys = draft.facts, draft.facts.style.slots.keys
    for clause in draft.claims:
        looked_up = facts.result is not None and facts.compared
        if looked_up and facts.matches < 2 and draft.says("pair", clause):
            return True
        if clause.subject is not Subject.ALL or facts.matches < 2:
            continue
        for one in draft.literals.values(facts.domain, clause.text):
            if one.slot in facts.columns and not facts.shares(one.slot, one.value):
                return True
            if one.slot not in facts.columns and not _of_state(one, facts):
                return True
        for filling in draft.fillings(clause):
            known = filling.slot in facts.columns and filling.origin is Origin.RESULT
            if known and filling.slot not in keys and filling.slot not in facts.shared:
                return True
        for slot, has in _flags_said(draft, clause):
            if _has_flag(facts.shared, slot, facts.style.slots.true) is not has:
                return True
    return False


def _some(draft: Draft) -> bool:
    facts = draft.facts
    for clause in draft.claims:
        if clause.subject is not Subject.SOME or not facts.compared:
            continue
        extra = {
            one.slot: one.value
            for one in draft.literals.values(facts.domain, clause.text)
            if one.slot in facts.compared
        }
        extra |= _filled_values(draft, clause)
        least = 1 if "choice" in clause.slots else 2
        if facts.count(extra) < least and not _speaks_of_a_flag(draft, clause):
            return True
    return False


def _row(draft: Draft) -> bool:
    for place, clause in enumerate(draft.claims):
        if clause.subject is Subject.ONE and _denied_by_row(draft, clause):
            return True
        if _speaks_of_an_unknown_flag(draft, clause) or _speaks_of_nothing(draft, clause):
            return True
        if place == 0 and _answers_a_flag_wrongly(draft, clause):
            return True
    return False


def _denied_by_row(draft: Draft, clause: Clause) -> bool:
    facts, keys = draft.facts, draft.facts.style.slots.keys
    fillings = draft.fillings(clause)
    row = _row_of(fillings, facts)
    denied = draft.says("denied", clause)
    for one in draft.literals.values(facts.domain, clause.text):
        if one.slot == "type" and one.value == facts.domain:
            continue  # "your hotel": the service's name, of whatever type
        if one.slot not in facts.columns or not row:
            if not _of_state(one, facts):
                return True
        elif not row.get(one.slot) or facts.forms.same(row[one.slot], one.value) is denied:
            return True
    for filling in fillings:
        # "it is not in the [value_area]", filled with where it is
        if denied and filling.slot in facts.columns and filling.slot not in keys:
            own = row.get(filling.slot, "")
            if own and filling.value is not None and facts.forms.same(own, filling.value):
                return True
    return any(
        not row or _has_flag(row, slot, facts.style.slots.true) is not has
        for slot, has in _flags_said(draft, clause)
    )


def _speaks_of_nothing(draft: Draft, clause: Clause) -> bool:
    """Say whether a clause tells of one, where nothing was found: "it has 5 stars"."""
    facts = draft.facts
    if clause.subject is not Subject.ONE or facts.matches or facts.result is None:
        return False
    columns = facts.compared - set(facts.style.slots.keys)
    return any(one.origin is Origin.STATE and one.slot in columns for one in draft.fillings(clause))


def _booking(draft: Draft) -> bool:
    facts = draft.facts
    arranged = facts.arranged and any(slot in facts.columns for slot in _slots(draft))
    claims = arranged or any(_booked(draft, clause) for clause in draft.claims)
    # "Shall I book it? It is booked": one or the other.
    asks = any(draft.says("offers", clause) for clause in draft.clauses if clause.asks)
    if not claims or asks:
        return claims
    if facts.reference:
        return False
    # Who asks for something else wants no new booking, though one could be made.
    return not facts.bookable or not (facts.may_book or facts.arranged)


def _booked(draft: Draft, clause: Clause) -> bool:
    names_one = draft.says("reference", clause)
    return _made(draft, clause) or (names_one and not draft.says("refused", clause))


def _made(draft: Draft, clause: Clause) -> bool:
    return draft.says("booked", clause) and not draft.says("refused", clause)


def _undone(draft: Draft) -> bool:
    facts = draft.facts
    asks = facts.kept_bookings or (facts.cancels and not facts.told_references)
    if asks and not facts.goes_on:
        return True
    return any(draft.says("undone", clause) for clause in draft.claims)


def _reference(draft: Draft) -> bool:
    facts = draft.facts
    if facts.recalled_bookings:
        return True
    if "reference" not in _slots(draft):
        return False
    if facts.reference:
        keys = facts.style.slots.keys
        named = [one.value for one in draft.filled.fillings if one.slot in keys and one.value]
        named += [facts.booked_name] if facts.booked_name in draft.filled.text.lower() else []
        return bool(named and facts.booked_name) and facts.booked_name not in named
    if not facts.bookable:
        return True
    # A code alone tells nobody that it is of a new booking, least of all beside an earlier one.
    alone = not any(_made(draft, clause) for clause in draft.claims)
    return alone and bool(facts.told_references or not facts.may_book)


def _venue(draft: Draft) -> bool:
    facts = draft.facts
    keys = set(facts.style.slots.keys)
    if not facts.pointed and any(
        # "The second one is curry garden": of no list that anybody was told.
        draft.says("second", one) and keys & set(one.slots)
        for one in draft.claims
    ):
        return True
    known = [row.get(key, "").lower() for row in _rows(facts) for key in facts.style.slots.keys]
    known += [value.lower() for slots in facts.state.values() for value in slots.values()]
    keys = {facts.forms.comparison_key(one) for one in known if one}
    for clause in draft.clauses:
        for name in draft.literals.names(clause.text):
            if facts.forms.comparison_key(name) not in keys and not _was_said(name, facts):
                return True
    return False


def _invented(draft: Draft) -> bool:
    facts = draft.facts
    for clause in draft.claims:
        bare = re.sub(r"\[[^\]]*\]", " ", clause.text)
        for match in facts.style.patterns["code"].finditer(bare):
            if not _is_known(match[0], facts):
                return True
    return False


def _which(draft: Draft) -> bool:
    facts = draft.facts
    if not facts.unpicked or not facts.asked & facts.columns:
        return False
    told = set(_slots(draft)) & (facts.columns - facts.compared)
    return bool(told) or any(draft.says("helpless", clause) for clause in draft.claims)


def _untold(draft: Draft) -> bool:
    facts = draft.facts
    if facts.unwished:
        return True
    if facts.seeks_booking and not facts.domain:
        return True
    if facts.asks_for_booking and "reference" not in _slots(draft):
        return not facts.may_book
    if facts.recalls and not facts.recalled & set(_slots(draft)):
        return True
    if f"told.{facts.domain}" not in facts.style.sentences or not facts.row:
        return False
    return facts.understood and not set(_slots(draft)) & facts.columns


def _nowhere(draft: Draft) -> bool:
    facts = draft.facts
    about = facts.intent is None or facts.domain in facts.schema.intent_domains(facts.intent)
    return facts.is_unknown_name and about


def _only(draft: Draft) -> bool:
    facts = draft.facts
    named = facts.style.names_one(draft.delexicalised) or "choice" in _slots(draft)
    return facts.exhausted or facts.spurned or (facts.passed_over and not named)


def _rank(draft: Draft) -> bool:
    facts = draft.facts
    return bool(facts.unranked) and not facts.may_book and facts.named_before()


def _answer(draft: Draft) -> bool:
    facts = draft.facts
    if facts.result is None or not draft.claims:
        return False
    first = draft.claims[0]
    yes, no = draft.says("yes", first), draft.says("no", first)
    patterns = facts.style.patterns
    if not (yes or no) or not patterns["asks_of_it"].search(facts.utterance):
        return False
    if (yes and (facts.denied or not facts.matches)) or facts.asked & facts.style.slots.rare:
        return True  # hours are told; whether they are now, nobody knows
    said = [
        one
        for one in draft.literals.asked(facts.domain, facts.utterance, facts.name)
        if one.slot in facts.columns
    ]
    about = facts.shared if facts.matches > 1 and not facts.named_before() else facts.row
    has = [facts.forms.same(about.get(one.slot, ""), one.value) for one in said]
    if said and about:
        return not all(has) if yes else all(has)
    bare = len(first.text.split()) <= _BARE and not first.slots and len(draft.claims) == 1
    return bare and not facts.understood and not (facts.row and _flags_asked(facts))


def _unknown(draft: Draft) -> bool:
    facts = draft.facts
    told = set(_slots(draft))
    unknowing = any(draft.says("unknowing", clause) for clause in draft.clauses)
    if not facts.asks_unknown:
        return unknowing and bool(told & set(facts.style.slots.told))
    return not (unknowing or facts.understood or facts.asked & told)


def _helpless(draft: Draft) -> bool:
    if _greets_again(draft):
        return True
    return any(draft.says("helpless", clause) for clause in draft.claims)


def _greets_again(draft: Draft) -> bool:
    """Say whether it greets in the middle of a dialogue, as if nothing had been said."""
    facts = draft.facts
    greeting = facts.style.sentences["greet"].strip(" .!").lower()
    begins = draft.delexicalised.lower().startswith(greeting)
    return begins and bool(facts.said and facts.slots) and greeting not in facts.utterance


def _garbled(draft: Draft) -> bool:
    texts = [one.text.strip(" .,!") for one in draft.clauses]
    twice = len(texts) - len(set(texts)) >= 1 and max(map(len, texts)) > _SHORT
    text = draft.delexicalised
    if any(_names_one_twice(draft, clause) for clause in draft.clauses):
        return True
    if any(_says_nothing_of_all(clause) for clause in draft.claims):
        return True
    if _says_again_what_stands(draft):
        return True
    return twice or _lists_twice(text) or bool(_SAME_WORD.search(text) or _SPELT_OUT.search(text))


def _says_again_what_stands(draft: Draft) -> bool:
    """Say whether it repeats of an earlier reply what stands behind one where it is so."""
    sentences = draft.facts.style.sentences
    heads = [sentences[one].split(":")[0].lower() for one in ("stands", "unmoved", "kept")]
    text = draft.delexicalised.lower()
    return any(text.count(head) > 1 for head in heads)


def _lists_twice(text: str) -> bool:
    """Say whether one word stands twice in a list: "restaurants, restaurants, taxis"."""
    listed = [one.strip() for one in text.split(",")[1:-1]]
    words = [one for one in listed if one.isalpha()]
    return len(words) > len(set(words))


def _says_nothing_of_all(clause: Clause) -> bool:
    """Say whether only the beginning is left of a claim about all: "both are"."""
    words = len(clause.text.split())
    return clause.subject is Subject.ALL and not clause.slots and words <= _FRAGMENT


def _names_one_twice(draft: Draft, clause: Clause) -> bool:
    """Say whether a clause lists one entity as if it were two."""
    keys = draft.facts.style.slots.keys
    names = [one.value for one in draft.fillings(clause) if one.slot in keys and one.value]
    return len(names) > len(set(names))


def _is_known(code: str, facts: Facts) -> bool:
    texts = [value for slots in facts.state.values() for value in slots.values()]
    texts += [value for row in _rows(facts)[:1] for value in row.values()]
    texts += [facts.utterance, *facts.said[-1:]]
    digits = _DIGITS.findall(code)
    return all(any(one in text for text in texts) for one in digits)


def _was_said(name: str, facts: Facts) -> bool:
    return any(
        facts.forms.named_in(name, text) for text in (facts.utterance, *facts.heard, *facts.said)
    )


def _rows(facts: Facts) -> tuple[Mapping[str, str], ...]:
    return facts.result.results if facts.result else ()


def _row_of(fillings: tuple[Filling, ...], facts: Facts) -> Mapping[str, str]:
    """Return the row that a clause speaks of: the one its name is of, else the one at hand."""
    rows = _rows(facts)
    places = [one.row for one in fillings if one.origin is Origin.RESULT]
    place = places[0] if places else 0
    return rows[place] if place < len(rows) else {}


def _of_state(one: Literal, facts: Facts) -> bool:
    """Say whether the user has said so: a day, or a wish where no entity is known."""
    said = (slots.get(one.slot, "") for slots in facts.state.values())
    return any(facts.forms.same(value, one.value) for value in said if value not in _NO_VALUE)


def _slots(draft: Draft) -> tuple[str, ...]:
    return tuple(one.slot for one in draft.filled.fillings)


def _has_flag(row: Mapping[str, str], slot: str, true: AbstractSet[str]) -> bool | None:
    value = row.get(slot)
    return None if value is None else value in true


def _flags_said(draft: Draft, clause: Clause) -> list[tuple[str, bool]]:
    """Return the yes-or-no slots that a clause speaks of, and whether it says yes."""
    found: list[tuple[str, bool]] = []
    for slot, pattern in draft.facts.style.flag_patterns.items():
        match = pattern.search(clause.text)
        if match and slot in draft.facts.columns and f"[value_{slot}]" not in clause.text:
            found.append((slot, not draft.says("denied", clause)))
    return found


def _speaks_of_a_flag(draft: Draft, clause: Clause) -> bool:
    return bool(_flags_said(draft, clause))


def _speaks_of_an_unknown_flag(draft: Draft, clause: Clause) -> bool:
    """Say whether a clause tells of a yes or no that no service spoken of has: wifi of a train."""
    facts = draft.facts
    known = {facts.domain, *facts.state}
    return any(
        pattern.search(clause.text)
        and not any(slot in facts.knowledge.columns(domain) for domain in known)
        for slot, pattern in facts.style.flag_patterns.items()
    )


def _flags_asked(facts: Facts) -> list[str]:
    asks = facts.style.patterns["asks_flag"]
    if "?" not in facts.utterance and not asks.search(facts.utterance):
        return []
    return [
        slot
        for slot, pattern in facts.style.flag_patterns.items()
        if slot in facts.columns and pattern.search(facts.utterance)
    ]


def _answers_a_flag_wrongly(draft: Draft, clause: Clause) -> bool:
    """Say whether a bare yes or no answers a question of yes or no, and wrongly."""
    facts = draft.facts
    asked = _flags_asked(facts)
    if not asked or not facts.row or _flags_said(draft, clause):
        return False
    about = facts.shared if facts.matches > 1 and not facts.named_before() else facts.row
    has = [_has_flag(about, slot, facts.style.slots.true) for slot in asked]
    if draft.says("yes", clause):
        return not all(has)
    return draft.says("no", clause) and any(one is not False for one in has)


RULES: Mapping[str, Callable[[Draft], bool]] = {
    "empty": _empty,
    "unfilled": _unfilled,
    "none": _none,
    "refusal": _refusal,
    "count": _count,
    "kind": _kind,
    "shared": _shared,
    "some": _some,
    "row": _row,
    "booking": _booking,
    "reference": _reference,
    "undone": _undone,
    "venue": _venue,
    "invented": _invented,
    "which": _which,
    "untold": _untold,
    "nowhere": _nowhere,
    "only": _only,
    "rank": _rank,
    "answer": _answer,
    "unknown": _unknown,
    "helpless": _helpless,
    "garbled": _garbled,
}
"""Name -> whether a draft breaks the rule; in the order in which they are told."""
