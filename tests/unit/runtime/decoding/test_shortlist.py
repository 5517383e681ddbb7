"""Shortlist: a file of token ids, and the notes of an exported decoder."""

from pathlib import Path

import pytest

from todserve.runtime.decoding.shortlist import Shortlist, noted
from todserve.runtime.errors import ConfigError


def test_a_shortlist_comes_back_as_it_was_saved_and_noted(tmp_path: Path) -> None:
    counted = Shortlist.counted([(9, 5, 5), (7, 9)])
    assert counted.ids == (5, 7, 9)
    counted.save(tmp_path / "shortlist.json")
    assert Shortlist.load(tmp_path / "shortlist.json", vocabulary=10) == counted
    assert noted(counted.notes(10)) == (counted, 10)


def test_without_a_file_or_notes_there_is_none(tmp_path: Path) -> None:
    assert Shortlist.load(tmp_path / "shortlist.json", vocabulary=10) is None
    assert noted({"other": "1"}) is None


def test_a_shortlist_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    Shortlist(ids=(5, 9)).save(tmp_path / "shortlist.json")
    with pytest.raises(ConfigError, match="token 9; the network knows 9"):
        Shortlist.load(tmp_path / "shortlist.json", vocabulary=9)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 2, "ids": [1]}', '{"version": 1, "ids": ["a"]}']
)
def test_a_malformed_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "shortlist.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"shortlist\.json.*tod count-drafts"):
        Shortlist.load(tmp_path / "shortlist.json", vocabulary=9)


@pytest.mark.parametrize("ids", ["[]", "[-1, 3]"])
def test_a_list_of_nothing_or_of_no_token_is_refused(ids: str, tmp_path: Path) -> None:
    (tmp_path / "shortlist.json").write_text(f'{{"version": 1, "ids": {ids}}}', encoding="utf-8")
    with pytest.raises(ConfigError, match="the network knows 9"):
        Shortlist.load(tmp_path / "shortlist.json", vocabulary=9)


def test_malformed_notes_are_refused() -> None:
    notes = Shortlist(ids=(1,)).notes(9)
    for name in notes:
        with pytest.raises(ConfigError, match="export the checkpoint again"):
            noted({**notes, name: "x"})
