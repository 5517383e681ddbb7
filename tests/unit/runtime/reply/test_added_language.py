"""docs/languages.md, followed to the letter."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.followed_docs import followed
from tests.support.source_tree import ROOT
from tests.support.tiny_checkpoint import SCHEMA
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.value_patterns import ValuePatterns
from todserve.runtime.reply.reply_style import REPLY_FILE, ReplyStyle

ROOMS = ROOT / "todserve" / "runtime"


def german() -> dict[str, Any]:
    """Return German's words as a checkpoint says them of a language that the package lacks."""
    reply: dict[str, Any] = json.loads((ROOMS / "reply" / "german.json").read_text("utf-8"))
    path = ROOMS / "knowledge" / "german_values.json"
    values = json.loads(path.read_text("utf-8"))
    del values["language"]
    return {**reply, "language": "dutch", "values": values}


def style(folder: Path, content: dict[str, Any]) -> ReplyStyle:
    (folder / REPLY_FILE).write_text(json.dumps(content), encoding="utf-8")
    return ReplyStyle.of(folder, SCHEMA, None)  # type: ignore[arg-type]


def test_a_language_is_added_by_following_the_page(tmp_path: Path, tiny_checkpoint: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "checkpoints" / "dutch")
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = followed("languages.md", tmp_path, PATH=commands, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "der zug nach [value_destination] geht ab [value_leave], für [value_people] personen.",
        "Am Montag ist Curry Garden geöffnet.",
        "Ich habe 2 Restaurants gefunden. Eines davon ist Curry Garden. "
        "Kann ich sonst noch etwas für Sie tun?",
        "Es tut mir leid, ich kann Ihnen nur mit Restaurants, Zügen und Taxis helfen. "
        "Machen wir mit dem Thema Restaurant weiter?",
        "True",
    ]


def test_values_are_bent_by_the_language_own_rules(tmp_path: Path) -> None:
    wording = style(tmp_path, german()).wording
    assert wording.bent("pricerange", "günstig", "das ist ein ", " restaurant") == "günstiges"
    assert wording.bent("pricerange", "günstig", "das ist ", ".") == "günstig"
    assert wording.plural("straße") == "straßen"
    assert wording.finished("übrigens : am freitag .") == "Übrigens: am Freitag."
    assert wording.stand_in("address", "") == "die Angabe zu address"


def test_english_patterns_find_nothing_in_a_language_that_brings_its_own(tmp_path: Path) -> None:
    values = style(tmp_path, german()).values
    assert not [*values.spans("there are several, for 20 pounds")]
    assert values.all_spellings("area", {"zentrum"}) == {
        *("zentrum", "innenstadt", "stadtmitte", "stadtzentrum")
    }
    assert [*ValuePatterns.of_language().spans("there are several, for 20 pounds")]


@pytest.mark.parametrize(
    ("part", "name"),
    [("sentences", "bye"), ("questions", "doubt"), ("told", "this"), ("kinds", "")],
)
def test_a_language_that_lacks_words_is_refused_by_what_it_lacks(
    tmp_path: Path, part: str, name: str
) -> None:
    content = german()
    del content[part][name]
    with pytest.raises(ConfigError, match=f"{part} lacks {name!r}"):
        style(tmp_path, content)


@pytest.mark.parametrize(
    "part",
    [
        {"wording": {"rewritten": [["a", r"\2"]]}},
        {"wording": {"written": {"name": "shouted"}}},
        {"wording": {"rewritten": [["(a+)+$", ""]]}},
        {"values": {"patterns": [["clock", "(a+)+$"]]}},
        {"values": {"patterns": [["clock", "("]]}},
        {"values": ["clock"]},
        {"values": {"clocks": "a"}},
        {"particles": "finnish"},
    ],
)
def test_rules_that_cannot_be_followed_are_refused(tmp_path: Path, part: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=REPLY_FILE):
        style(tmp_path, {"language": "english", **part})
