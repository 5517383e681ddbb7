"""Shorthand: writes out in whole words what a user typed short, in signs or as it is spoken.

`UtteranceReader` calls it before the speller, which would take such words for misspelt ones. What
is short for what is data: ``shorthand`` of ``ways_of_saying.json``, a list of regular expressions
with their replacements, each tried on what the one before it has left. Example: "table 4 2 @ cotto
b4 1930" is read as "table for 2 at cotto before 19:30".
"""

import re

from todserve.runtime.spelling.paraphrases import WholeNames, replaced
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying


class Shorthand:
    """Reads shorthand.

    Args:
        ways: the expressions.
        whole: what they may not tear apart.
    """

    def __init__(self, ways: WaysOfSaying, whole: WholeNames) -> None:
        self._rules = [
            (re.compile(text, re.IGNORECASE), replacement) for text, replacement in ways.shorthand
        ]
        self._whole = whole

    def read(self, utterance: str) -> Spelled:
        """Return the utterance in whole words."""
        spelled = Spelled(text=utterance)
        for pattern, replacement in self._rules:
            if pattern.search(spelled.text) is None:
                continue
            found = pattern.finditer(spelled.text)
            pieces = [(*match.span(), match.expand(replacement)) for match in found]
            spelled = spelled.then(replaced(spelled.text, pieces, self._whole))
        return spelled
