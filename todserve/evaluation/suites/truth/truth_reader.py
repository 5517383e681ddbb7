"""The truth reader: reads replies independently, and counts what they say that nobody knows.

``tod evaluate truth`` calls it. It shares nothing with the reply stage, which has such rules too:
it reads the final text alone, with its own regular expressions and its own SQL, and holds it
against the database, the state and all that was said before. Example: "The phone number is
01223999999" is untrue where no row that the turn speaks of, and no text before, has that number.

What it looks at: names of venues and trains, counts, claims that there is none, claims about
bookings and their references, phone numbers, postcodes, times and prices, ``is a cheap ...``.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

State = Mapping[str, Mapping[str, str]]

_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_WORDS.split(" "))}
_COUNT = re.compile(
    r"\b(?:there (?:is|are)|i have(?: found)?|we have|i found|i see) "
    r"(\d+|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
    r"((?: [a-z'-]+){0,6})"
)
_NONE = re.compile(
    r"\b(?:there (?:are|is) no(?:t any)?|there aren't any|there isn't (?:a|any)|i (?:do not|don't) "
    r"have (?:any|a)|i have (?:found )?no|i (?:could not|can not|cannot|can't) find(?: any| an?)?|"
    r"no) ((?:[a-z'-]+ ?){1,9})"
)
_FAILED = re.compile(
    r"unable to book|not able to book|could not book|couldn't book|booking (?:was|has) (?:not|un)|"
    r"unsuccessful|fully booked|no (?:rooms?|tables?|availability|seats?) |is not available"
)
_BOOKED = re.compile(
    r"\b(?:i have|i've|i) booked|was able to book|\bis booked\b|\bbeen booked|"
    r"booking was successful|\breserved\b|reservation (?:is|has been) (?:made|confirmed)|"
    r"i have made (?:that|those|the|your|a) "
)
_REFERENCE = re.compile(r"\b(?=[A-Z2-7]*[A-Z])[A-Z2-7]{7}\d\b")
_PHONE = re.compile(r"\b\d{10,11}\b")
_POSTCODE = re.compile(r"\b[A-Z]{2}\d{1,2} ?\d[A-Z]{2}\b")
_TRAIN = re.compile(r"\bTR\d{4}\b")
_TIME = re.compile(r"\b\d{1,2}:\d{2}\b")
_MONEY = re.compile(r"\b(\d+(?:\.\d+)?) pounds")
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_QUESTION = re.compile(
    r"\b(?:would|do|did|are|have) you\b|\bwhat\b|\bwhich\b|\bhow (?:about|many)\b|\bshall i\b|"
    r"\bcan i\b|\bif\b|\bis there\b|\bwhere (?:do|would|will|are)\b|\bwhen (?:do|would)\b|"
    r"\bor (?:another|a different|would)\b"
)
_WISHES = re.compile(r"\bmeets?\b|\bmatch|\bcriteria|\bwishes|\bfit\b|\brequest|like that|such")
_PRICES = {"cheap": "cheap", "moderate": "moderate", "moderately": "moderate"} | {
    "expensive": "expensive",
    "inexpensive": "cheap",
}
_BOOKING = {
    "restaurant": ("day", "time", "people"),
    "hotel": ("day", "stay", "people"),
    "train": ("people",),
    "taxi": ("departure", "destination"),
}
_KINDS = {
    "restaurant": r"restaurants?",
    "hotel": r"hotels?|guest ?houses?|places? to stay",
    "attraction": r"attractions?|museums?|colleges?|parks?|theatres?|churches",
    "train": r"trains?",
}
_WITHOUT = frozenset({"", "dontcare", "none"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Untruth:
    """A statement that nothing bears out: what kind it is, and the words."""

    kind: str
    words: str


@dataclass(frozen=True, kw_only=True)
class SaidTurn:
    """A turn as the truth reader sees it: what was said, and what was known then.

    Attributes:
        user: the user's words.
        reply: the final text.
        state: after the turn.
        domain: the active domain.
        before: everything said before, users and replies.
        booked: domains of which an earlier reply told a reference -> that reference.
    """

    user: str
    reply: str
    state: State
    domain: str | None
    before: Sequence[str] = ()
    booked: Mapping[str, str] = field(default_factory=dict)


class TruthReader:
    """Reads replies against a knowledge base, through a connection of its own.

    Args:
        path: the ``knowledge.sqlite``.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        self._rows: dict[str, list[dict[str, str]]] = {}
        for (domain,) in self._connection.execute("SELECT domain FROM meta").fetchall():
            table = self._connection.execute(f'SELECT * FROM "entities_{domain}"')  # noqa: S608
            self._rows[domain] = [
                {
                    name: str(row[name])
                    for name in row.keys()  # noqa: SIM118
                    if not name.startswith("key_") and row[name]
                }
                for row in table.fetchall()
            ]
        self._names = {
            _plain(row["name"]): row["name"]
            for domain, rows in self._rows.items()
            for row in rows
            if domain in _KINDS and len(_plain(row.get("name", ""))) > 5
        }

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def untruths(self, turn: SaidTurn) -> list[Untruth]:
        """Return what a reply says and nothing bears out."""
        found = [*self._names_of(turn), *self._codes_of(turn), *self._bookings_of(turn)]
        for sentence in _SENTENCES.split(turn.reply):
            asks = _QUESTION.search(sentence.lower())
            claim = sentence[: asks.start()] if asks else sentence
            if claim.strip() and not (asks is None and sentence.endswith("?")):
                found += self._claims_of(claim.lower(), turn)
        return found

    def fitting(self, domain: str, wishes: Mapping[str, str]) -> list[dict[str, str]]:
        """Return the rows of a domain that satisfy some wishes, found here without the look-up.

        Where nothing does, those of the name that is wished: whoever names a place means it.
        """
        everything = rows = self._rows.get(domain, [])
        columns = {name for row in rows for name in row}
        for slot, value in wishes.items():
            if value in _WITHOUT or slot not in columns:
                continue
            rows = [row for row in rows if _fits(slot, value, row, domain)]
        name = wishes.get("name", "")
        if rows or name in _WITHOUT:
            return rows
        return [row for row in everything if _fits("name", name, row, domain)]

    def _claims_of(self, claim: str, turn: SaidTurn) -> Iterable[Untruth]:
        domain = _spoken_of(claim, turn)
        if domain not in _KINDS:
            return
        wishes = turn.state.get(domain, {})
        fitting = self.fitting(domain, wishes)
        negated = _NONE.search(claim)
        counted = _COUNT.search(claim)
        if negated and not _FAILED.search(claim):
            about = _said_values(negated[1], domain, self._rows[domain])
            # What no row has, such as a food that is not served, only the wishes can name.
            told = f" {_plain(negated[1])} "
            for slot, value in wishes.items():
                if any(f" {_plain(value)}{ending} " in told for ending in ("", "s", "es")):
                    about[slot] = value
            named = self.fitting(domain, about)
            if (fitting and self.fitting(domain, {**wishes, **about})) or (
                named and not _WISHES.search(claim) and (about or fitting)
            ):
                yield Untruth(kind="none", words=claim)
        elif counted:
            said = _NUMBERS.get(counted[1])
            number = int(counted[1]) if said is None else said
            about = _said_values(counted[2], domain, self._rows[domain])
            other = [
                one
                for one, words in _KINDS.items()
                if re.search(rf"\b(?:{words})\b", counted[2]) and one != domain
            ]
            if re.search(r"\b(?:stars?|tickets?|nights?|people|person)\b", counted[2][:14]):
                return
            unlike = len(self.fitting(domain, {**wishes, **about})) != len(fitting)
            of_own = re.search(rf"\b(?:{_KINDS[domain]})\b", counted[2])
            if number != len(fitting) or unlike or (other and not of_own):
                yield Untruth(kind="count", words=claim)

    def _names_of(self, turn: SaidTurn) -> Iterable[Untruth]:
        text = f" {_plain(turn.reply)} "
        known = _plain(" ".join([turn.user, *turn.before]))
        held = " ".join(_plain(value) for slots in turn.state.values() for value in slots.values())
        fitting = {
            _plain(row.get("name", ""))
            for domain in {turn.domain or "", *turn.state}
            for row in self.fitting(domain, turn.state.get(domain, {}))
        }
        said = [name for name in self._names if f" {name} " in text]
        for name in said:
            longer = any(name != other and name in other for other in said)
            if longer or name in fitting or name in known or name in held:
                continue
            if turn.domain in _KINDS:
                yield Untruth(kind="venue", words=self._names[name])

    def _codes_of(self, turn: SaidTurn) -> Iterable[Untruth]:
        domain = turn.domain or ""
        rows = self.fitting(domain, turn.state.get(domain, {}))
        if domain == "taxi":
            return  # a taxi's number is made up by the database itself
        before = " ".join([turn.user, *turn.before]).lower()
        held = {value for slots in turn.state.values() for value in slots.values()}
        known = {value.lower() for row in rows for value in row.values()} | held
        squeezed = {value.replace(" ", "") for value in known}
        for kind, pattern in (("phone", _PHONE), ("postcode", _POSTCODE), ("train", _TRAIN)):
            for match in pattern.finditer(turn.reply):
                code = match[0].lower()
                is_known = code.replace(" ", "") in squeezed or code in before
                if not is_known and not self._is_of_a_venue_named(code, turn):
                    yield Untruth(kind=kind, words=match[0])
        for match in _TIME.finditer(turn.reply):
            if match[0].zfill(5) not in known and match[0] not in before:
                yield Untruth(kind="time", words=match[0])
        for match in _MONEY.finditer(turn.reply):
            told = any(match[1] in value for value in known) or match[1] in before
            if not told and not _is_total(match, turn, rows):
                yield Untruth(kind="price", words=match[0])
        yield from self._rows_told(turn, rows)

    def _is_of_a_venue_named(self, code: str, turn: SaidTurn) -> bool:
        """Say whether the sentence of a number names one venue, said before, that has it."""
        before = f" {_plain(' '.join(turn.before))} "
        for sentence in _SENTENCES.split(turn.reply):
            if code not in sentence.lower():
                continue
            plain = f" {_plain(sentence)} "
            rows = [
                row
                for domain in _KINDS
                for row in self._rows.get(domain, [])
                if f" {_plain(row.get('name') or '-')} " in plain
            ]
            one = len({row["name"] for row in rows}) == 1
            if not one or f" {_plain(rows[0]['name'])} " not in before:
                return False
            if not any(code.replace(" ", "") in row.values() for row in rows):
                return False
        return True

    def _rows_told(self, turn: SaidTurn, rows: Sequence[Mapping[str, str]]) -> Iterable[Untruth]:
        """Find what a sentence that names one entity says of it and its row does not."""
        for sentence in _SENTENCES.split(turn.reply):
            asks = _QUESTION.search(sentence.lower())
            claim = sentence[: asks.start()] if asks else sentence
            plain = f" {_plain(claim)} "
            named = [
                row for row in rows if f" {_plain(row.get('name') or row.get('id', ''))} " in plain
            ]
            if len(named) != 1:
                continue
            row = named[0]
            name = _plain(row.get("name") or row.get("id", ""))
            rest = plain.replace(name, " ")
            denied = re.search(r"\b(?:not|no|without)\b", rest)
            for word in rest.split():
                price = _PRICES.get(word)
                if price and "pricerange" in row and not denied and row["pricerange"] != price:
                    yield Untruth(kind="row", words=claim)
            for match in re.finditer(r"\bin the (north|south|east|west|centre)\b", rest):
                if row.get("area") not in (None, match[1]) and not denied:
                    yield Untruth(kind="row", words=claim)
            for match in _TIME.finditer(claim):
                times = {row.get("leave"), row.get("arrive")}
                wished = {value for slots in turn.state.values() for value in slots.values()}
                if "id" in row and match[0].zfill(5) not in times | wished:
                    yield Untruth(kind="row", words=claim)

    def _bookings_of(self, turn: SaidTurn) -> Iterable[Untruth]:
        text = turn.reply
        domain = turn.domain or ""
        failed, booked = _FAILED.search(text.lower()), _BOOKED.search(_claims_alone(text))
        references = _REFERENCE.findall(text)
        slots = turn.state.get(domain, {})
        fitting = self.fitting(domain, slots)
        if failed and (fitting or references):
            yield Untruth(kind="refusal", words=text)
        needed = _BOOKING.get(domain)
        missing = needed is None or any(slots.get(slot, "") in _WITHOUT for slot in needed)
        if (booked or references) and missing and domain not in turn.booked:
            yield Untruth(kind="booking", words=text)
        earlier = turn.booked.get(domain)
        if references and earlier and not booked and earlier not in references:
            yield Untruth(kind="reference", words=text)


def references_in(reply: str) -> tuple[str, ...]:
    """Return the booking references that a reply tells."""
    return tuple(_REFERENCE.findall(reply))


def _is_total(match: re.Match[str], turn: SaidTurn, rows: Sequence[Mapping[str, str]]) -> bool:
    """Say whether an amount is said to be the total, and is so many times the price of a row."""
    people = turn.state.get(turn.domain or "", {}).get("people", "")
    if not people.isdigit() or "total" not in turn.reply[: match.start()].lower():
        return False
    amounts = (_MONEY.search(row.get("price", "")) for row in rows)
    pence = {round(float(one[1]) * 100) * int(people) for one in amounts if one}
    return round(float(match[1]) * 100) in pence


def _claims_alone(text: str) -> str:
    kept = []
    for sentence in _SENTENCES.split(text.lower()):
        asks = _QUESTION.search(sentence)
        kept.append(sentence[: asks.start()] if asks else sentence)
    return " ".join(kept)


def _spoken_of(claim: str, turn: SaidTurn) -> str:
    """Return the service that a sentence is about: another one only where it names that alone."""
    named = [one for one, words in _KINDS.items() if re.search(rf"\b(?:{words})\b", claim)]
    other = named[0] if len(named) == 1 else ""
    return other if turn.state.get(other) else turn.domain or ""


def _plain(text: str) -> str:
    plain = " ".join(re.sub(r"[^a-z0-9 ]", "", text.lower().replace("-", " ")).split())
    return plain.replace("bed and breakfast", "b and b")


def _fits(slot: str, value: str, row: Mapping[str, str], domain: str) -> bool:
    own = row.get(slot, "")
    if domain == "train" and slot in ("leave", "arrive"):
        if not _TIME.fullmatch(value):
            return True  # "after lunch" cannot be compared, so it imposes nothing
        if slot == "leave":
            return own.zfill(5) >= value.zfill(5)
        overnight = own.zfill(5) < row.get("leave", "").zfill(5)
        return not overnight and own.zfill(5) <= value.zfill(5)
    one, other = _letters(value), _letters(own)
    if slot == "name":
        return bool(one) and (one in other or other in one or _near(one, other))
    return one == other or one == f"{other}s" or other == f"{one}s"


def _letters(text: str) -> str:
    plain = text.lower().replace("guest house", "guesthouse").replace("mutliple", "multiple")
    plain = plain.replace("bed and breakfast", "b and b").replace("center", "centre")
    return re.sub(r"^the|[^a-z0-9]", "", plain)


def _near(one: str, other: str) -> bool:
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio() > 0.8


def _said_values(words: str, domain: str, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the values of closed columns that some words say: "cheap places in the north"."""
    found: dict[str, str] = {}
    text = f" {_plain(words)} "
    for slot in ("pricerange", "area", "food", "type"):
        values = {row[slot] for row in rows if slot in row}
        # The longest last: "modern european" is not "european".
        for value in sorted(values, key=lambda one: (len(one), one)):
            plain = _plain(value)
            if slot == "type" and value == "hotel":
                continue
            if any(f" {one} " in text for one in (plain, f"{plain}s", f"{plain}es")):
                found[slot] = value
    for word in text.split():
        if word in _PRICES and any("pricerange" in row for row in rows):
            found["pricerange"] = _PRICES[word]
    return found
