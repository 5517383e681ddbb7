r"""Regular expressions of bot.yml, run in time that grows with the message and nothing else.

The patterns of bot.yml are matched against users' messages with this module. Python's own engine
may take years over thirty letters and ``(a+)+$``; RE2 never does, and has no look-around and no
back-references for it.
Example: ``Expression("cancel (?P<what>\w+)").groups("Cancel it")`` is ``{"what": "it"}``.
"""

import re
from collections.abc import Iterator

import re2

from todserve.runtime.errors import ConfigError

_LONGEST = 1_000  # letters
_SHOWN = 80
_LETTERS = r"\p{L}\p{N}_"
# RE2's own letters and digits are those of English; bot.yml means those of its language.
_ALONE = {"w": f"[{_LETTERS}]", "W": f"[^{_LETTERS}]", "d": r"\p{Nd}", "D": r"\P{Nd}"} | {
    "s": r"[\s\p{Z}]",
    "S": r"[^\s\p{Z}]",
    "Z": r"\z",
}
_IN_BRACKETS = {"w": _LETTERS, "d": r"\p{Nd}", "D": r"\P{Nd}", "s": r"\s\p{Z}"}
_NUMBERED = re.compile(r"[xuU](?:[0-9a-fA-F]{8}|[0-9a-fA-F]{4}|[0-9a-fA-F]{2})")


class Expression:
    """One expression, compiled; finds its first place in a text, in any case.

    Args:
        pattern: as it stands in bot.yml.
        place: where it stands there, for the message about a wrong one.

    Raises:
        ConfigError: it is no regular expression, or one that RE2 does not carry.
    """

    def __init__(self, pattern: str, place: str = "actions.phrases") -> None:
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        if len(pattern) > _LONGEST:
            raise _refused(pattern, place, f"it has {len(pattern)} letters of at most {_LONGEST}")
        try:
            self._compiled = re2.compile(_carried(pattern, place), options)
        except (re2.error, UnicodeError) as error:
            why = error.args[0].decode() if isinstance(error, re2.error) else "half a letter"
            raise _refused(pattern, place, why[:_SHOWN]) from None

    def groups(self, text: str) -> dict[str, str] | None:
        """Return what the named groups of its first place hold; None where it has no place."""
        found = self._compiled.search(text)
        if found is None:
            return None
        return {name: value for name, value in found.groupdict().items() if value}

    def places(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where it stands in a text, from its left: beginning, end and what is meant.

        That is its group ``value`` where it has one, else all of it.
        """
        for found in self._compiled.finditer(text):
            value = found.groupdict().get("value") or found.group()
            if value:
                yield found.start(), found.end(), value


def _carried(pattern: str, place: str) -> str:
    """Return Python's expression as RE2 writes it."""
    pieces: list[str] = []
    inside = False
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        position += 1
        if letter == "\\" and position < len(pattern):
            escaped = pattern[position]
            position += 1
            numbered = _NUMBERED.match(pattern, position - 1) if escaped in "uU" else None
            if numbered is not None:
                pieces.append(rf"\x{{{numbered[0][1:]}}}")
                position = numbered.end()
            elif escaped in "bB" and not inside and not pattern.isascii():
                raise _refused(
                    pattern,
                    place,
                    rf"\{escaped} knows the words of English alone; write a space, ^ or $",
                )
            elif escaped == "W" and inside:
                raise _refused(pattern, place, r"\W cannot stand in brackets; write it beside them")
            else:
                known = _IN_BRACKETS if inside else _ALONE
                pieces.append(known.get(escaped, f"\\{escaped}"))
            continue
        if letter == "[" and not inside:
            inside = True
            # A bracket that closes nothing yet stands for itself.
            for first in ("^", "]"):
                if pattern.startswith(first, position):
                    letter += first
                    position += 1
        elif letter == "[":
            letter = r"\["  # RE2 would take `[:alpha:]` for a class of its own
        elif letter == "]":
            inside = False
        pieces.append(letter)
    return "".join(pieces)


def _refused(pattern: str, place: str, why: str) -> ConfigError:
    shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}..."
    return ConfigError(
        f"{place}: got {shown!r}, no regular expression of RE2 ({why}); expected for "
        "example 'cancel my booking', without look-around (?=, back-references \\1 and atomic "
        "groups (?>"
    )
