"""Patterns of a checkpoint: those that may take for ever are refused when it is opened."""

import json
from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.language.schema import Schema
from todserve.runtime.reply.reply_style import REPLY_FILE, ReplyStyle
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying
from todserve.runtime.untrusted.checked_pattern import check_pattern

ROOT = Path(__file__).resolve().parents[4]
HOSTILE = [
    *("(a+)+$", "(a*)*b", "(a|a)*$", "(?:a?){50}a{50}", "(a{0,99}){0,99}b", "(aa?)+$", "(a|aa)+$"),
    *("a*a*a*b", ".*.*=.*", "a?" * 30 + "a" * 30, r"(a+)\1", "(", "(" * 5_000, "a" * 9_000),
    *("(?P<x>a)(?P=x)", "(?<=a)(?:b+c)+", "((?:a+b)*c)*", "[[a]]"),
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_what_may_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(DataError, match="pattern '") as raised:
        check_pattern(pattern)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_checkpoint_with_one_is_not_opened(pattern: str, tmp_path: Path) -> None:
    (tmp_path / WAYS_FILE).write_text(json.dumps({"indifferent": [pattern]}))
    with pytest.raises(ConfigError, match=WAYS_FILE):
        WaysOfSaying.of(tmp_path)
    for part in ({"asked": {"area": pattern}}, {"removable": {"area": [pattern]}}):
        (tmp_path / REPLY_FILE).write_text(json.dumps({"language": "english", **part}))
        with pytest.raises(ConfigError, match=REPLY_FILE):
            ReplyStyle.of(tmp_path, Schema(services=()), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern", ["cheap(?:er|est)?", r"\bno (?:\w+ ){0,3}left", ".*", "a|b+", "안녕"]
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize("language", ["english", "korean"])
def test_the_patterns_that_ship_are_such(language: str) -> None:
    shipped = json.loads((ROOT / f"todserve/runtime/reply/{language}.json").read_text("utf-8"))
    removable = [text for texts in shipped.get("removable", {}).values() for text in texts]
    patterns = [*shipped["claims"].values(), *shipped.get("asked", {}).values(), *removable]
    assert patterns
    for pattern in patterns:
        check_pattern(pattern)
