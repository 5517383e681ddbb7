"""The studio's files: all languages complete, nothing from elsewhere, everything licensed."""

import re
from pathlib import Path

import pytest

from todserve.studio.studio_page import STATIC

SCRIPTS = sorted((STATIC / "scripts").glob("*.js"))
OURS = sorted(path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts)
LANGUAGES = ("en", "de", "ko")


def words(language: str) -> dict[str, str]:
    """Return key -> text of a language."""
    source = (STATIC / "words" / f"{language}.js").read_text(encoding="utf-8")
    pairs = re.findall(r'^ +(?:"([^"]+)"|(\w+)):\s*"(.*)",$', source, re.MULTILINE)
    return {quoted or bare: text for quoted, bare, text in pairs}


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things_with_the_same_fields(language: str) -> None:
    english, other = words("en"), words(language)
    assert len(english) > 100
    assert english.keys() == other.keys()
    assert [key for key in english if fields(english[key]) != fields(other[key])] == []


def test_every_file_of_words_can_be_chosen_by_its_name() -> None:
    assert {path.stem for path in (STATIC / "words").glob("*.js")} == {*LANGUAGES}
    (offered,) = re.findall(
        r"NAMES = \{(.*)\}", (STATIC / "scripts" / "header.js").read_text(encoding="utf-8")
    )
    assert re.findall(r"(\w+):", offered) == [*LANGUAGES]


def test_every_key_is_used_and_every_used_key_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    known = words("en").keys()
    used = set(re.findall(r'\bt\(\s*"([^"]+)"', source))
    used |= set(re.findall(r'"([a-z_.]+\.[a-z_0-9.]+)"', source)) & known
    assert used <= known
    # Keys made of a part and a name, e.g. `view.${name}`.
    families = tuple(re.findall(r"`([a-z]+\.)\$\{", source))
    chosen = set(re.findall(r'"([a-z]+)"', source))
    unused = {key for key in known - used - chosen if not key.startswith(families)}
    assert unused == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_file_names_another_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"(?:https?:)?//[\w-]+\.[\w./-]+", text)
    assert [one for one in found if not one.endswith("www.w3.org/2000/svg")] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text)


def test_the_page_holds_no_script_or_style_of_its_own() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page) == []


def test_every_file_that_the_page_names_is_there() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = [STATIC / name for name in re.findall(r'(?:src|href)="([^"]+)"', page)]
    for script in SCRIPTS:
        imported = re.findall(r'from "(\.[^"]+)"', script.read_text(encoding="utf-8"))
        named += [script.parent / name for name in imported]
    assert len(named) > len(SCRIPTS)
    assert [path for path in named if not path.is_file()] == []


def test_what_others_wrote_comes_with_its_licence() -> None:
    folders = sorted((STATIC / "vendor").iterdir())
    assert [folder.name.partition("-")[0] for folder in folders] == ["htm", "inter", "preact"]
    for folder in folders:
        licence = (folder / "LICENSE").read_text(encoding="utf-8")
        assert re.search(r"Apache License|MIT License|SIL Open Font License", licence)
