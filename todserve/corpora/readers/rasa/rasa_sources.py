"""Which files below a folder are a Rasa project's own.

The readers of Rasa projects call it before they read any file. Example: of ``bot/domain.yml``,
``bot/venv/.../domain.yml``, ``bot/README.md`` and ``bot/results/failed_test_stories.yml`` only the
first is the project's.

Left alone are what was installed or made beside it: environments, results of tests, trained
models, our own conversions, and Markdown that is for people. What the project is tested with is
its own, and yet nothing to train with.
"""

import codecs
import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = frozenset({".yml", ".yaml", ".json", ".md"})

_INSTALLED = frozenset({"venv", "env", "virtualenv", "site-packages", "node_modules"})
_MADE_HERE = frozenset({"results", "models", "train_test_split"})
_ENVIRONMENT = "pyvenv.cfg"
_OURS = ("bot.yml", "dialogues")
_OF_TESTS = frozenset(
    {"failed_test_stories", "successful_test_stories", "stories_with_warnings", "story_report"}
)
_TEST = "test_"
_TESTS_OF_RASA_ONE = frozenset({"conversation_tests", "e2e_stories"})
_TEST_FOLDERS = frozenset({"tests", "test"})
_FOR_PEOPLE = ("readme", "changelog", "contributing", "license", "code_of_conduct", "security")


def own_sources(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files that may be the project's, and the folders and files left alone, sorted."""
    found: list[Path] = []
    left: list[Path] = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        kept = sorted(one for one in folders if not one.startswith("."))
        alien = [one for one in kept if _is_alien(here / one, top=here == folder)]
        left += [here / one for one in alien]
        folders[:] = [one for one in kept if one not in alien]
        for file in _possible(here, files):
            (left if _is_aside(file) else found).append(file)
    return sorted(found), sorted(left)


def read_loosely(file: Path) -> str:
    """Return a file's text, whatever it is written in; what is no UTF-8 reads as U+FFFD."""
    content = file.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def is_test(file: Path, folder: Path) -> bool:
    """Say whether a project is tested with a file, by its name or its place below ``folder``.

    Rasa trains with none of these.
    """
    return (
        file.name.startswith(_TEST)
        or file.stem in _TESTS_OF_RASA_ONE
        or file.relative_to(folder).parts[0] in _TEST_FOLDERS
    )


def _possible(here: Path, files: list[str]) -> Iterator[Path]:
    for name in files:
        file = here / name
        if not name.startswith(".") and file.suffix in SUFFIXES and file.is_file():
            yield file


def _is_alien(folder: Path, *, top: bool) -> bool:
    name = folder.name.lower()
    return (
        name in _INSTALLED
        # Rasa makes these beside domain.yml; deeper down anybody may call a folder so.
        or (top and name in _MADE_HERE)
        or (folder / _ENVIRONMENT).exists()
        or all((folder / one).exists() for one in _OURS)
    )


def _is_aside(file: Path) -> bool:
    if file.suffix == ".md":
        return file.stem.lower().startswith(_FOR_PEOPLE)
    return file.stem in _OF_TESTS
