"""JSON of strangers: read as the standard library reads it, and refused beyond the limits."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.errors import DataError, TodError
from todserve.runtime.untrusted.json_text import MOST_LEVELS, parse_json, read_json, read_limited

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**100), 2**100) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.booleans())
def test_what_is_within_the_limits_reads_as_ever(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 500 + "1" + "}" * 500, "nested too deeply"),
        ("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1), "nested too deeply"),
        ("9" * 100_000, "whole number"),
        ('{"a": [' + "9" * 100 + "]}", "whole number"),
        (r'{"a": "\ud800"}', "surrogate"),
        (r'{"\udfff": 1}', "surrogate"),
        (r'["\ud83dx"]', "surrogate"),
        ("{", "line 1: not JSON"),
        ("", "not JSON"),
        (b"\xff\xfe\xfa", "UTF-8"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_plainly(text: str | bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_json(text)


def test_whole_characters_and_the_deepest_level_are_read() -> None:
    assert parse_json(r'"\ud83d\ude00"') == "\U0001f600"
    assert parse_json("[" * MOST_LEVELS + "]" * MOST_LEVELS) is not None


def test_a_file_larger_than_the_limit_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text("[" + " " * 1000 + "]")
    assert read_json(path) == []
    with pytest.raises(DataError, match="more than 100 bytes"):
        read_json(path, most=100)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="more than 100 bytes"):
        read_limited(path, most=100)


def test_a_refusal_is_an_error_of_ours_and_a_value_error_for_those_who_know_the_file() -> None:
    assert issubclass(DataError, TodError)
    assert issubclass(DataError, ValueError)
