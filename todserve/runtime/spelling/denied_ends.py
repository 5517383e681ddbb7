"""DeniedEnds: reads "it's not a, it's b" as a correction of where a journey starts or ends.

`BackReferences` calls it once the belief state of the turn before is known. The words are data:
``put_right`` and ``leading`` of ``pointing`` in ``ways_of_saying.json``. Example: with a cab to
Cityroomz in the state, "it's not cityroomz, it's the gonville" is read as "to the gonville".
"""

import re
from collections.abc import Iterator, Mapping

from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.paraphrases import Piece
from todserve.runtime.tracking.pointing_words import PointingWords, alternatives


class DeniedEnds:
    """Finds ends of a way that are denied.

    Args:
        words: how an end is denied, and what stands before one.
        forms: the articles and the kinds of places that a name may be said without.
    """

    def __init__(self, words: PointingWords, forms: WordForms) -> None:
        self._words = words
        self._forms = forms

    def found(self, utterance: str, known: Mapping[str, str]) -> Iterator[Piece]:
        """Yield every denied end, read as what stands before the new one.

        Args:
            utterance: what was typed.
            known: slot -> value of the service at hand.
        """
        for slot in (slot for pair in self._words.pairs for slot in pair):
            value, leads = known.get(slot, ""), self._words.leading.get(slot, ())
            if not value or not leads:
                continue
            for phrase in self._words.put_right:
                pattern = phrase.replace("{old}", self._said(value))
                for match in re.finditer(pattern, utterance, re.IGNORECASE):
                    yield *match.span(), f"{leads[0]} "

    def _said(self, name: str) -> str:
        """Return a regular expression of a name in whole and in short."""
        short = (name, self._forms.without_article(name), self._forms.without_kinds(name))
        names = sorted({one for one in short if one}, key=len, reverse=True)
        return rf"{alternatives(map(re.escape, names))}(?!\w)"
