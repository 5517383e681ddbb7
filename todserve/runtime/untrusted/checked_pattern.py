"""Checked patterns: refuses regular expressions of a checkpoint whose time may grow fast.

Called for the expressions in ``reply.json``, ``word_forms.json`` and ``ways_of_saying.json``, which
run on every turn. Python's engine takes exponential time where repeats stand in one another, so
those and all else that grows fast are refused when the checkpoint is opened. Example:
``check_pattern("(a+)+$")`` raises; ``check_pattern("cheap(?:er|est)?")`` does not.
"""

import re
import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

from todserve.runtime.errors import DataError

_parser: Any = import_module("re._parser")  # what `re` itself reads expressions with

_LONGEST = 4_000  # letters; one of ours has 600
_MANY = 16  # a repeat that may go on for longer counts as one without an end
_MOST_OPEN = 1
_MOST_REPEATS = 8
_SHOWN = 60


class _Growth(NamedTuple):
    """How the time of an expression may grow: open repeats, and those of any size that vary."""

    open: int = 0
    varying: int = 0


def check_pattern(text: str) -> None:
    """Refuse an expression that is none, or whose time may grow fast with the text.

    Raises:
        DataError: it is one of those; also a ``ValueError``.
    """
    shown = repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
    if len(text) > _LONGEST:
        raise DataError(f"pattern {shown} has {len(text)} letters; expected at most {_LONGEST}")
    try:
        with warnings.catch_warnings():
            # Python asks to be told what `[[` means; so may whoever wrote it.
            warnings.simplefilter("error", FutureWarning)
            re.compile(text)
        growth = _growth(_parser.parse(text), inside=False)
    except DataError as error:
        raise DataError(f"pattern {shown} {error.problem}") from None
    except (re.error, FutureWarning, RecursionError, OverflowError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"pattern {shown} is no regular expression: {why}") from None
    if growth.open > _MOST_OPEN or growth.varying > _MOST_REPEATS:
        raise DataError(
            f"pattern {shown} has {growth.open} repeats without an end and {growth.varying} in "
            f"all; expected at most {_MOST_OPEN} and {_MOST_REPEATS}: write several patterns"
        )


def _growth(parsed: Iterable[tuple[Any, Any]], *, inside: bool) -> _Growth:
    total = _Growth()
    for operator, argument in parsed:
        found = _of(str(operator), argument, inside=inside)
        total = _Growth(total.open + found.open, total.varying + found.varying)
    return total


def _of(operator: str, argument: Any, *, inside: bool) -> _Growth:
    if operator.endswith("_REPEAT"):
        least, most, repeated = argument
        is_open, varies = most > _MANY, least != most
        if inside and varies:
            raise DataError("has a repeat inside a repeat; expected one that needs none")
        found = _growth(repeated, inside=inside or is_open)
        return _Growth(found.open + is_open, found.varying + varies)
    if operator == "BRANCH":
        if inside:
            raise DataError("has a choice inside a repeat; expected one that needs none")
        each = [_growth(one, inside=inside) for one in argument[1]]
        return _Growth(max(one.open for one in each), max(one.varying for one in each))
    if operator in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return _growth(argument[-1], inside=inside)
    if operator == "ATOMIC_GROUP":
        return _growth(argument, inside=inside)
    if operator in ("GROUPREF", "GROUPREF_IGNORE", "GROUPREF_EXISTS"):
        raise DataError("refers back to a group; expected one that needs none")
    return _Growth()
