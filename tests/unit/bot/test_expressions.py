"""Expressions of bot.yml: they find what Python's would, in linear time, or are refused by name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.bot.expressions import Expression
from todserve.runtime.errors import ConfigError


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(.*)*x", "(a*)*b", r"(\w+\s?)*!", "(?:a?){500}a{500}$"]
)
def test_no_expression_takes_longer_than_its_message(pattern: str) -> None:
    # In Python's engine each of these takes longer than anybody lives.
    assert Expression(pattern).groups("a" * 2_000 + "?") in (None, {})


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)", "(?<!a)b", r"(a)\1", "(?P<a>x)(?P=a)", "(?>a)", "a*+", "(?x) a", "(?#b)"),
        *("(", "[", "a{2,1}", "a{1001}", "(" * 900, "\ud800", "a" * 2_000, r"\b예약\b", r"[\W]"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"actions\.phrases: got '.*expected for example") as told:
        Expression(pattern)
    assert len(str(told.value)) < 600


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        (r"cancel (?P<what>\w+)", "please CANCEL it", {"what": "it"}),
        (r"(?P<what>\w+) 취소", "내일 예약 취소", {"what": "예약"}),
        (r"(?P<day>[\w-]+)일", "스물셋일", {"day": "스물셋"}),
        (r"^\W*(?P<number>\d{3})\Z", "… ٣٤٥", {"number": "٣٤٥"}),
        (r"\bcancel\b", "cancelled", None),
        (r"\uc608(?P<b>\uc57d)", "예약", {"b": "약"}),
        (r"a\sb", "a\u3000b", {}),
        (r"[a[]b", "[b", {}),
        ("[]]", "]", {}),
        ("[^]]", "]a", {}),
        ("straße", "STRASSE", None),
    ],
)
def test_letters_and_digits_are_those_of_every_language(
    pattern: str, text: str, groups: dict[str, str] | None
) -> None:
    assert Expression(pattern).groups(text) == groups
    own = re.search(pattern, text, re.IGNORECASE)
    assert (own.groupdict() if own else None) == groups


_CLASSES = (r"\w", r"\d", r"\s", r"\W", r"\D", "[ab]", "[^a예]", r"[\w-]")
_PIECES = st.sampled_from([*"ab é예.", *_CLASSES, "(?:ab|é)", "a?", "(?:b*)", "(?:예+)"])


@given(st.lists(_PIECES, max_size=6).map("".join), st.text("abéAB예약 1٣-", max_size=20))
def test_it_finds_what_pythons_engine_finds(pattern: str, text: str) -> None:
    assert (Expression(pattern).groups(text) is None) == (
        re.search(pattern, text, re.IGNORECASE) is None
    )
