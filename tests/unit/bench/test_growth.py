"""The curves of `benchmarks.growth`: what is grown is larger, and all that was found is told."""

from pathlib import Path

import pytest

from benchmarks.growth import entities, more_rows, more_services
from benchmarks.growth_report import draw, tables
from tests.support.source_tree import ROOT
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema

SHIPPED = ROOT / "checkpoints" / "multiwoz"
FIGURES = {
    "processor": "A processor",
    "cores": 2,
    "turns": 48,
    "source": "a corpus",
    "curves": {
        "batch": [{"size": 1, "ms_a_turn": 16.5}, {"size": 32, "ms_a_turn": 9.25}],
        "rows": [
            {"size": 3_000, "ms_a_turn": 16.5, "first_answer_s": 1.5, "memory_mb": 120},
            {"size": 30_000, "ms_a_turn": 17.5, "first_answer_s": 2.5, "memory_mb": 130},
        ],
    },
}


def test_a_grown_database_has_more_entities_and_finds_the_old_ones_as_before(
    tmp_path: Path,
) -> None:
    place = more_rows(SHIPPED, tmp_path, 3)
    assert entities(place) > 2.5 * entities(SHIPPED)
    with_more = KnowledgeBase.open(place / "knowledge.sqlite")
    asked = {"departure": "ely", "destination": "cambridge", "day": "friday", "leave": "09:00"}
    before = KnowledgeBase.open(SHIPPED / "knowledge.sqlite").query("train", asked)
    assert with_more.query("train", asked).matches == 3 * before.matches > 0
    assert with_more.entity("hotel", "acorn guest house 2") is not None


def test_a_grown_schema_has_copies_of_every_service_under_names_of_their_own(
    tmp_path: Path,
) -> None:
    before = Schema.load(SHIPPED / "schema.json")
    grown = Schema.load(more_services(SHIPPED, tmp_path, 4) / "schema.json")
    assert len(grown.services) == 4 * len(before.services) == len(set(grown.domains))
    assert {f"{intent}4" for one in before.services for intent in one.intents} <= {*grown.intents}


def test_every_figure_stands_in_the_tables() -> None:
    text = tables(FIGURES)
    assert "A processor, 2 core(s); 48 turns of a corpus." in text
    assert "| 32 | 9.25 |" in text
    assert "| entities in the database | ms a turn, median |" in text
    assert "| 30000 | 17.5 | 2.5 | 130 |" in text


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_curves_are_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"growth.{suffix}"
    draw(FIGURES, path)
    start = path.read_bytes()[:200]
    assert b"<?xml" in start if suffix == "svg" else start.startswith(b"\x89PNG")
