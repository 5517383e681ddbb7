"""Company: counts people who are listed by who they are.

The paraphrases and the relative values use it to read how many people are meant. The words are
data: ``counted`` and ``company`` of ``ways_of_saying.json``. Example: "me, my wife and the twins"
are 4.
"""

import re
from collections.abc import Iterator, Mapping

from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_PAIR = 2
"""People that every checkpoint counts by itself: "me and my wife"."""


class Company:
    """Counts people who are listed by who they are.

    Args:
        ways: who is counted, and for how many.
        numbers: number word -> digits.
    """

    def __init__(self, ways: WaysOfSaying, numbers: Mapping[str, str]) -> None:
        counted, words = ways.counted, ways.company
        self._counted = {
            number: re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
            for number, phrases in counted.items()
            if number != "+"
        }
        self._numbers = numbers
        joining = alternatives(words.joining)
        beside = alternatives((*words.joining, *words.beside, "&"))
        # "Six people, I forgot one": behind a bare comma a speaker begins a sentence.
        speaks = rf"{alternatives(ways.speakers)}\s+(?!{beside}\b)\w"
        comma = rf"\s*,\s*(?:{joining}\s+|(?!{speaks}))"
        number = alternatives((r"\d{1,2}", *(word for word in numbers if numbers[word] != "0")))
        whose, several = alternatives(words.whose), alternatives(counted.get("+", ()))
        # "2 adults 2 kids": nothing has to stand between them.
        listed = rf"(?<=[^\W\d])\s+(?={number}\s+{several}(?!\w))"
        joined = rf"(?:{comma}|\s+{beside}\s+|\s*[+&]\s*|{listed})"
        one = "|".join(phrase for name, known in counted.items() if name != "+" for phrase in known)
        person = rf"(?:{whose}\s+(?:\w+\s+)?)?(?:{one})"
        many = rf"(?:{whose}\s+)?{number}\s+(?:\w+\s+)?{several}"
        # A bare number is one of people only behind a word that joins: "me, 3 nights" is not.
        bare = rf"{number}(?=\s*(?:[.,;!?]|$|{alternatives(words.after)}\b))"
        as_many = rf"{alternatives(words.as_many)}\s+(?:\w+\s+)?{several}"
        more = rf"(?:{joined}(?:{person}|{many}|{as_many})(?!\w)|\s+{joining}\s+{bare})"
        self._list = re.compile(rf"(?<!\w)(?:{person}|{many}){more}+(?!\w)", re.IGNORECASE)
        self.people = rf"(?:{person}|{many})(?:{joined}(?:{person}|{many}))*"
        """A regular expression of one person or several."""
        self._as_many = re.compile(rf"\s*{as_many}\s*", re.IGNORECASE)
        # "Twelve of us and the bride" may count her twice, "twelve of us plus the bride" does not.
        besides = alternatives(words.besides)
        self._and_more = re.compile(
            rf"(?<!\w)(?P<all>{number})\s+{alternatives(words.all_of)}\s+"
            rf"{besides}\s+(?P<more>{self.people})(?!\w)",
            re.IGNORECASE,
        )
        # "For 4 plus a child": a bare number that something is for.
        self._for_more = re.compile(
            rf"(?:^|(?<!\w){alternatives(ways.pair_behind)}\s+)(?P<all>{number})\s*"
            rf"{besides}\s*(?P<more>{self.people})(?!\w)",
            re.IGNORECASE,
        )
        # One more of whom nobody knows how many there are: "and the kids".
        self._goes_on = re.compile(
            rf"{joined}{alternatives((*words.whose, *words.unnumbered))}\s", re.IGNORECASE
        )
        self._absent = re.compile(rf"\s+{alternatives(words.absent)}(?!\w)", re.IGNORECASE)
        self._number = re.compile(rf"(?<!\w){number}(?!\w)", re.IGNORECASE)
        self._joined = re.compile(joined, re.IGNORECASE)
        self._speaker = any_of(ways.speakers)
        self._for = re.compile(
            rf"(?<!\w)(?:{'|'.join(ways.pair_behind) or '(?!)'})\s+$", re.IGNORECASE
        )
        self._wants = re.compile(
            rf"\s+(?:{'|'.join(ways.pair_before) or '(?!)'})(?!\w)", re.IGNORECASE
        )

    def found(self, utterance: str) -> Iterator[tuple[int, int, int]]:
        """Yield where a list begins and ends, and how many it holds.

        Lists of more than two, and of two of whom one speaks and who want a thing.
        """
        for match in self._and_more.finditer(utterance):
            yield *match.span(), self._number_of(match["all"]) + self.number_of(match["more"])
        for match in self._for_more.finditer(utterance):
            total = self._number_of(match["all"]) + self.number_of(match["more"])
            yield match.start("all"), match.end(), total
        for match in self._list.finditer(utterance):
            if self._goes_on.match(utterance, match.end()):
                continue
            if self._absent.match(utterance, match.end()):
                continue  # "4 people, my sister can't come"
            people = self._joined.split(match[0])
            total = self.number_of(match[0])
            if total > _PAIR or (
                total == _PAIR and self._is_wanting_pair(utterance, match, people)
            ):
                yield *match.span(), total

    def _is_wanting_pair(self, utterance: str, match: re.Match[str], people: list[str]) -> bool:
        """Say whether a pair is one that something is for: "for me and my wife"."""
        if len([one for one in people if self._speaker.fullmatch(one.strip())]) != 1:
            return False
        behind = self._for.search(utterance[: match.start()])
        return behind is not None or self._wants.match(utterance, match.end()) is not None

    def number_of(self, text: str) -> int:
        """Return how many people a list holds; 0 where nobody can say."""
        total = last = 0
        for one in self._joined.split(text):
            # "My two sisters and their husbands": as many again as those before.
            last = last if self._as_many.fullmatch(one) else self._number_of(one)
            total += last
        return total

    def speaks(self, text: str) -> bool:
        """Say whether whoever speaks is one of a list."""
        return self._speaker.search(text) is not None

    def _number_of(self, text: str) -> int:
        number = self._number.search(text)
        if number is not None:
            return int(self._numbers.get(number[0].lower(), number[0]))
        return next(
            (int(value) for value, pattern in self._counted.items() if pattern.search(text)), 0
        )
