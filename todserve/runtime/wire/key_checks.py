"""Key checks: checks the keys and values of a request, and words the refusal of a wrong one.

The modules that parse requests, here and in the servers, call it. A message says what, got,
expected and the fix, and never repeats an utterance. Example: ``wrong("user", 5, "a text")`` reads
``user: got a number; expected a text``.
"""

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.limits import RequestLimits

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
    tuple: "an array",
    dict: "an object",
}


class Budget:
    """Counts characters of one request down from ``max_total_characters``."""

    def __init__(self, limits: RequestLimits) -> None:
        self.limits = limits
        self._left = limits.max_total_characters

    def take(self, what: str, text: str, most: int) -> str:
        """Return ``text`` if it fits, as it is and as it is read, and is Unicode text."""
        if len(text) > most:
            raise RequestError(f"{what}: got {len(text)} characters; expected at most {most}")
        if "\0" in text:
            place = text.index("\0")
            raise RequestError(f"{what}: character {place} is a NUL (U+0000); leave it out")
        size = len(text) if text.isascii() else _read_length(what, text, most)
        self._left -= size
        if self._left < 0:
            raise RequestError(
                f"{what}: the request exceeds {self.limits.max_total_characters} characters "
                "in all; send fewer or shorter turns of history"
            )
        return text


def _read_length(what: str, text: str, most: int) -> int:
    """Return how long a text is once every letter is written plainly: one may stand for 18."""
    _check_unicode(what, text)
    size = len(unicodedata.normalize("NFKC", text))
    if size > most:
        raise RequestError(
            f"{what}: got {len(text)} characters that stand for {size} (ligatures and the like, "
            f"written out); expected at most {most}"
        )
    return max(size, len(text))


def _check_unicode(what: str, text: str) -> None:
    # JSON may carry half of a surrogate pair ("\ud800"), which no tokenizer can take.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(
            f"{what}: character {error.start} is half of a surrogate pair (U+D800 to U+DFFF); "
            "send whole characters"
        ) from None


def check_keys(what: str, mapping: Mapping[object, object], known: tuple[str, ...]) -> None:
    """Raise RequestError at the first key of ``mapping`` that is not known."""
    for key in mapping:
        if key not in known:
            raise RequestError(
                f"{what}: unknown key {quote(key)}{nearest(key, known)}; "
                f"expected one of {', '.join(known)}"
            )


def wrong(what: str, value: object, expected: str, fix: str = "") -> RequestError:
    """Return the error for a value of the wrong kind."""
    # The kind, never the content: it may be an utterance, and its repr may be huge.
    kind = _KINDS.get(type(value), type(value).__name__)
    return RequestError(f"{what}: got {kind}; expected {expected}{'; ' + fix if fix else ''}")


def quote(value: object, most: int = 40) -> str:
    """Return ``value``, a name or a number, short and in ASCII, for a message."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of very many digits"  # Python itself refuses to print thousands
    if not isinstance(value, str):
        return ascii(value)[:most]
    return ascii(value if len(value) <= most else value[:most] + "...")


def is_request_id(text: str) -> bool:
    """Say whether a client's own id of a request may stand in a log: somebody else wrote it."""
    return _REQUEST_ID.fullmatch(text) is not None


def nearest(value: object, known: tuple[str, ...]) -> str:
    """Return a suggestion for a misspelt name, or nothing."""
    # Only short names are compared: difflib is quadratic.
    if not isinstance(value, str) or len(value) > 40:
        return ""
    close = get_close_matches(value.lower(), known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
