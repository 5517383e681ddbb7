"""The plan of the house: modules a reader finds by their names, in folders he can take in."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, imports, module_name, parse, sources

MODULES = [path for path in sources("todserve") if path.name != "__init__.py"]
ROOMS = sorted({path.parent for path in MODULES})
# Named by the tools that call them.
GIVEN_NAMES = {"__main__", "env"}


def test_no_two_modules_share_a_name() -> None:
    names = Counter(path.stem for path in MODULES)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_is_named_for_a_thing_and_not_for_an_activity(path: Path) -> None:
    # belief_tracking and spoken_training are nouns of the field, with what they are of before.
    last = path.stem.rpartition("_")
    assert (
        path.stem in GIVEN_NAMES
        or last[0]
        or not path.stem.endswith("ing")
        or (path.stem in {"wording"})
    )


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_folder_can_be_taken_in_at_a_glance(room: Path) -> None:
    assert sum(path.parent == room for path in MODULES) <= 17


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_every_room_says_what_is_in_it(room: Path) -> None:
    if "migrations" not in room.parts:  # Alembic's own folders
        assert ast.get_docstring(parse(room / "__init__.py"))


def test_no_imports_go_in_a_circle() -> None:
    known = {module_name(path): path for path in sources("todserve")}
    after: dict[str, set[str]] = {
        name: {other for other in imports(parse(path), whole=False) if other in known} - {name}
        for name, path in known.items()
    }
    assert list(_circles(after)) == []


def _circles(after: dict[str, set[str]]) -> Iterator[str]:
    """Yield the modules in a circle, and those that lead into one."""
    left = dict(after)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    yield from sorted(left)


def test_a_circle_is_found() -> None:
    assert list(_circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()})) == ["a", "b", "c"]


def test_the_tests_stand_where_the_rooms_do() -> None:
    rooms = {path.name for path in (ROOT / "todserve").iterdir() if path.is_dir()}
    stand = {path.name for path in (ROOT / "tests" / "unit").iterdir() if path.is_dir()}
    assert stand - {"bench", "__pycache__"} <= rooms
