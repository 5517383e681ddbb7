"""The entity databases of corpora."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.knowledge_file import write_knowledge
from todserve.corpora.readers.nlplab.nlplab_reader import SONGS, nlplab_songs
from todserve.corpora.registry import CORPORA, find
from todserve.runtime.errors import CorpusError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase

NOTHING = dict.fromkeys(
    ("song title", "singer", "genre", "composer", "lyricist", "playlist title"), ""
)


@pytest.fixture
def songs(tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Return the songs of a corpus of one turn, told and asked."""

    def of(told: dict[str, str], asked: dict[str, str]) -> list[dict[str, str]]:
        turn = {"user_slots": {**NOTHING, **told}, "system_slots": {**NOTHING, **asked}}
        folder = tmp_path / "korean" / "nlplab_music"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dev_dialog.json").write_text(json.dumps([{"turns": [turn]}]))
        return list(nlplab_songs(find("nlplab", tmp_path)))

    return of


@pytest.mark.parametrize(
    ("told", "asked", "expected"),
    [
        (
            {"song title": "별", "singer": "달", "composer": "해"},
            {"genre": "발라드"},
            [{"song_title": "별", "singer": "달", "composer": "해", "genre": "발라드"}],
        ),
        (
            {"song title": "별//나무", "singer": "달//해"},
            {},
            [{"song_title": "별", "singer": "달"}, {"song_title": "나무", "singer": "해"}],
        ),
        (
            {"song title": "별 // 나무", "singer": "달", "genre": "댄스//인디"},
            {},
            [{"song_title": "별", "singer": "달"}, {"song_title": "나무", "singer": "달"}],
        ),
        (
            {"song title": "별", "singer": "달//해", "genre": "댄스//인디"},
            {},
            [{"song_title": "별", "singer": "달, 해", "genre": "댄스, 인디"}],
        ),
        ({"song title": "별//나무//비", "singer": "달//해"}, {}, []),  # who sings which?
        ({"song title": "별"}, {}, []),  # nor is it found
        # A list to play from is no genre, though it is annotated as one.
        (
            {"song title": "별", "singer": "달"},
            {"genre": "최근 재생 목록"},
            [{"song_title": "별", "singer": "달"}],
        ),
    ],
)
def test_songs_are_what_replies_tell_of_them(
    songs: Callable[..., list[dict[str, str]]],
    told: dict[str, str],
    asked: dict[str, str],
    expected: list[dict[str, str]],
) -> None:
    assert songs(told, asked) == expected


def test_songs_are_found_by_what_the_user_asks_for(tmp_path: Path) -> None:
    rows = [
        {"song_title": "별", "singer": "달", "genre": "발라드"},
        {"song_title": "나무", "singer": "해", "genre": "발라드"},
        {"song_title": "PCR", "singer": "해"},
    ]
    path = tmp_path / "knowledge.sqlite"
    assert write_knowledge([SONGS], {"music": rows}, path) == {"music": 3}
    knowledge = KnowledgeBase.open(path)
    found = {
        asked: knowledge.query("music", dict([asked])).matches
        for asked in (("singer", "해"), ("singer", "별"), ("song_title", "pcr"))
    }
    assert found == {("singer", "해"): 2, ("singer", "별"): 0, ("song_title", "pcr"): 1}
    assert knowledge.query("music", {"genre": "발라드", "singer": "달"}).results == (
        {"song_title": "별", "singer": "달", "genre": "발라드"},
    )
    knowledge.close()


def test_a_corpus_without_a_database_has_no_entities() -> None:
    assert CORPORA["sgd"].entities is None


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "korean" / "nlplab_music"
    folder.mkdir(parents=True)
    (folder / "dev_dialog.json").write_text('[{"turns": [{}]}]')
    source: CorpusSource = find("nlplab", tmp_path)
    read = CORPORA["nlplab"].entities
    assert read is not None
    with pytest.raises(CorpusError, match="HG-TODS"):
        read(source)
