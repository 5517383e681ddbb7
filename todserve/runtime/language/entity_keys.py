"""Entity keys: the string by which two spellings of a name are compared.

Stands inside the look-up. Example: ``Saint John's College`` and ``saint johns college`` have one
key, and "the fitzwilliam" means ``the fitzwilliam museum``.
"""

import difflib
import re

from todserve.runtime.language.phrases import words_of

_SHORTEST_PART = 4  # "ask" must not be found inside "alaska diner"
_LONGEST_KEY = 120  # comparing spellings costs the square of their length
_CLOSE_ENOUGH = 0.84  # "el shaddia" for "el shaddai"

_PHRASES = (
    (re.compile(r"\bguest houses?\b"), "guesthouse"),
    (re.compile(r"\bb\s?(?:and|&|n)\s?b\b"), "bed and breakfast"),
    (re.compile(r"\bst\.?(?=\s)"), "saint"),
    (re.compile(r"\bmutliple\b"), "multiple"),  # sic, in MultiWOZ's attraction_db.json
    (re.compile(r"\bcenter\b"), "centre"),
    (re.compile(r"\s*&\s*"), " and "),
)
_GENERIC = re.compile(
    r"guesthouse|hotel|restaurant|bedandbreakfast|museum|gallery|nightclub|theatre|cinema|college"
)


def comparison_key(value: str) -> str:
    """Return the string by which two spellings of a value are compared.

    Case, punctuation, spaces, possessives, a plural's s, number words and a leading "the" do not
    count: ``"the Fen Ditton Inn"`` and ``"fenditton inn"`` have the same key.
    """
    text = value.lower()
    for pattern, replacement in _PHRASES:
        text = pattern.sub(replacement, text)
    words = [word.key for word in words_of(text)]
    return "".join(words[1:] if len(words) > 1 and words[0] == "the" else words)[:_LONGEST_KEY]


def bare_key(key: str) -> str:
    """Return a key without the words that say what kind of place it is: ``gonville``."""
    return _GENERIC.sub("", key) or key


def meant_keys(key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known keys meant by ``key``: itself, those it is part of, or the one close to it.

    Someone who says "pizza hut" means any of them; someone who says "the nice acorn guest house"
    must not also get every name that those words happen to contain.
    """
    if key in known:
        return (key,)
    bare = {bare_key(one): one for one in known}
    wanted = bare_key(key)
    if wanted in bare or len(key) < _SHORTEST_PART:
        return (bare.get(wanted, key),)
    longer = tuple(one for one in known if key in one)
    if longer:
        return longer
    within = [one for one in known if len(one) >= _SHORTEST_PART and one in key]
    if len(within) == 1:
        return tuple(within)
    close = difflib.get_close_matches(wanted, bare, n=2, cutoff=_CLOSE_ENOUGH)
    return (bare[close[0]],) if len(close) == 1 else (key,)
