"""Service requests: turns with all wishes for a service in one sentence.

The kinds of spoken turn that ask for everything at once are made with it, of `spoken_values`. The
slots are put before the noun, into it and after it, in any order, as a sentence, a list or a
telegram.
Example: ``a posh indian place up north for me plus three, fri, half past six in the evening``.
"""

import random
import re
from collections.abc import Mapping

from todserve.corpora.spoken.spoken_values import Speech
from todserve.corpora.spoken.spoken_vocabulary import DAYS, plain_domain
from todserve.runtime.language.dialogue import DONTCARE

_VOWEL = re.compile(r"(?!eu|uni|one)[aeiou]|8|11(?!\d)|18")
_OPEN_WORDS = ("somewhere ", "something ")
_MOST_BEFORE = 3
_BEFORE = {"price": 0, "stars": 1, "area": 2, "food": 3}
"""The order of adjectives before a noun; other families' stand behind these."""


class Requests:
    """Makes sentences that say all wishes for a service at once."""

    def __init__(self, speech: Speech) -> None:
        """Say values by ``speech``."""
        self._speech = speech
        self._vocabulary = speech.vocabulary
        self._wordings = speech.vocabulary.wordings

    def what(
        self,
        domain: str,
        slots: Mapping[str, str],
        chance: random.Random,
        *,
        mended: str | None = None,
        article: bool = True,
        noun_last: bool = False,
    ) -> str:
        """Return what is asked for, such as ``a cheap hotel in the north``.

        Args:
            domain: of the service.
            slots: all of them are said.
            chance: chooses the words.
            mended: a slot that is said wrong first and put right inside the sentence.
            article: begin with a or an where the noun wants one.
            noun_last: say what is wanted of it first.
        """
        left = dict(slots)
        noun = self._noun(domain, left, chance, mended)
        before = self._before(domain, left, chance, mended)
        after = self._after(domain, left, chance, mended)
        articles = article and bool(self._wordings.phrases("articles"))
        head = _headed(noun, before, articles, self._wordings.phrases("mass nouns"))
        joint = chance.choice((" ", " ", ", "))
        if after and noun_last and not head.startswith(_OPEN_WORDS):
            # "4 of us on friday at 7, a cheap chinese table"
            first = [fragment.lstrip(", ") for fragment in after]
            return f"{joint.join(first)}{chance.choice((', ', ': ', ' - '))}{head}"
        text = head
        for fragment in after:
            text += fragment if fragment.startswith(",") else joint + fragment
        return text

    def fragments(self, domain: str, slots: Mapping[str, str], chance: random.Random) -> list[str]:
        """Return what is said of a thing wanted after it, such as ``in the north``."""
        return self._after(domain, dict(slots), chance, None)

    def listed(self, domain: str, slots: Mapping[str, str], chance: random.Random) -> str:
        """Return the wishes as a list, such as ``hotel: - area: north - 2 nights``."""
        head = chance.choice(self._wordings.phrases("list heads") or ("{what}:",))
        join = chance.choice(self._wordings.phrases("list joins") or (", ",))
        style = chance.choice(self._wordings.phrases("list item") or ("{slot}: {value}",))
        parts = []
        left = list(slots.items())
        chance.shuffle(left)
        for slot, value in left:
            called = self._vocabulary.called(domain, slot, chance)
            said = self._speech.alone(domain, slot, value, chance, plain=0.6)
            bare = style == "{value}" and self._clear_alone(domain, slot, value)
            entry = style if bare or "{slot}" in style else "{slot} {value}"
            flag = self._vocabulary.family(domain, slot).shape == "flag" or value == DONTCARE
            parts.append(said if flag else entry.format(slot=called, value=said))
        noun = chance.choice(self._neutral(domain, slots))
        head = head.format(what=noun)
        if join.strip() == "-":
            return head.rstrip(" -") + join + join.join(parts)
        return f"{head} {join.join(parts)}"

    def _neutral(self, domain: str, slots: Mapping[str, str]) -> tuple[str, ...]:
        service = self._vocabulary.service(domain)
        typed = any(
            self._vocabulary.family(domain, slot).name == "type"
            for slot in self._vocabulary.schema.slots(domain)
        )
        nouns = service.neutral if typed and service.neutral else service.noun
        return tuple(noun.format(domain=plain_domain(domain)) for noun in nouns)

    def _clear_alone(self, domain: str, slot: str, value: str) -> bool:
        """Say whether a bare value tells which slot it is of."""
        family = self._vocabulary.family(domain, slot).name
        return family in {"area", "price", "food", "type", "day", "name"} or value in DAYS

    def _noun(
        self, domain: str, left: dict[str, str], chance: random.Random, mended: str | None
    ) -> str:
        for slot, value in list(left.items()):
            family = self._vocabulary.family(domain, slot).name
            if family not in {"type", "food"} or (family == "food" and chance.random() < 0.7):
                continue
            noun = self._speech.noun(domain, slot, value, chance)
            if noun is None and family == "type" and value != DONTCARE:
                noun = value
            if noun is None:
                continue
            del left[slot]
            if slot != mended:
                return noun
            wrong = self._wrong(domain, slot, value, chance)
            first = self._speech.noun(domain, slot, wrong, chance) or wrong
            return first + self._inside(noun, chance)
        return chance.choice(self._neutral(domain, left))

    def _before(
        self, domain: str, left: dict[str, str], chance: random.Random, mended: str | None
    ) -> list[str]:
        said: list[tuple[int, str]] = []
        for slot, value in list(left.items()):
            family = self._vocabulary.family(domain, slot).name
            often = 0.25 if family == "area" else 0.75
            if len(said) == _MOST_BEFORE or value == DONTCARE or chance.random() > often:
                continue
            text = self._speech.before(domain, slot, value, chance)
            if text is None and family == "food":
                text = value
            if text is None:
                continue
            del left[slot]
            if slot == mended:
                wrong = self._wrong(domain, slot, value, chance)
                first = self._speech.before(domain, slot, wrong, chance) or wrong
                text = first + self._inside(text, chance)
            said.append((_BEFORE.get(family, len(_BEFORE)), text))
        return [text for _, text in sorted(said, key=lambda one: one[0])]

    def _after(
        self, domain: str, left: dict[str, str], chance: random.Random, mended: str | None
    ) -> list[str]:
        said: list[str] = []
        if mended not in left:
            said += self._route(domain, left, chance)
            said += self._span_of_days(domain, left, chance)
        for slot, value in left.items():
            if slot == mended:
                wrong = self._wrong(domain, slot, value, chance)
                first = self._speech.after(domain, slot, wrong, chance)
                right = self._speech.alone(domain, slot, value, chance, plain=0.6)
                said.append(first + self._inside(right, chance))
            else:
                said.append(self._speech.after(domain, slot, value, chance))
        chance.shuffle(said)
        # What begins with a comma interrupts a sentence less at its end.
        return sorted(said, key=lambda text: text.startswith(","))

    def _route(self, domain: str, left: dict[str, str], chance: random.Random) -> list[str]:
        ends = {self._vocabulary.family(domain, slot).name: slot for slot in left}
        start, end = ends.get("departure"), ends.get("destination")
        routes = self._wordings.phrases("route")
        if start is None or end is None or not routes or chance.random() < 0.4:
            return []
        if DONTCARE in (left[start], left[end]):
            return []
        first = self._speech.alone(domain, start, left.pop(start), chance, plain=0.75)
        last = self._speech.alone(domain, end, left.pop(end), chance, plain=0.75)
        return [chance.choice(routes).format(a=first, b=last)]

    def _span_of_days(self, domain: str, left: dict[str, str], chance: random.Random) -> list[str]:
        of = {self._vocabulary.family(domain, slot).name: slot for slot in left}
        day, stay = of.get("day"), of.get("stay")
        spans = self._wordings.phrases("span of days")
        if day is None or stay is None or not spans or chance.random() < 0.5:
            return []
        first, nights = left[day], left[stay]
        if first not in DAYS or not nights.isdigit() or not 1 <= int(nights) <= len(DAYS) - 1:
            return []
        last = DAYS[(DAYS.index(first) + int(nights)) % len(DAYS)]
        del left[day], left[stay]
        if (first, nights) == ("friday", "2") and chance.random() < 0.5:
            return [chance.choice(self._wordings.phrases("weekend"))]
        say = self._speech.alone
        begin, end = say(domain, day, first, chance, 0.6), say(domain, day, last, chance, 0.85)
        return [chance.choice(spans).format(first=begin, last=end)]

    def _wrong(self, domain: str, slot: str, value: str, chance: random.Random) -> str:
        return self._vocabulary.another(domain, slot, value, chance) or value

    def _inside(self, right: str, chance: random.Random) -> str:
        return chance.choice(self._wordings.phrases("inside") or (", {value}",)).format(value=right)


def _headed(noun: str, before: list[str], article: bool, mass: tuple[str, ...]) -> str:
    for word in _OPEN_WORDS:
        if noun.startswith(word):
            return " ".join([word.strip(), *before, noun[len(word) :]])
    text = " ".join([*before, noun])
    if not article or noun in mass or noun.endswith("s") or noun.startswith(("a ", "the ")):
        return text
    return f"{'an' if _VOWEL.match(text) else 'a'} {text}"
