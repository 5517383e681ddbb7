from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY, archived, tiny
from todserve.corpora.registry import TOD_DATA, find
from todserve.runtime.errors import CorpusError


def test_find_takes_the_folder_of_corpora_the_corpus_folder_and_the_archive(tmp_path: Path) -> None:
    archive = archived("multiwoz21", tmp_path, inside="multiwoz21").location
    assert find("multiwoz21", TINY).location == TINY / "multiwoz21"
    assert find("multiwoz21", TINY / "multiwoz21").location == TINY / "multiwoz21"
    assert find("multiwoz21", archive).location == archive
    assert find("multiwoz21", str(tmp_path)).is_archive


def test_find_reads_the_environment_only_when_called_without_a_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(TOD_DATA, str(TINY))
    assert find("sgd").location == TINY / "sgd"
    with pytest.raises(CorpusError, match="not found in"):
        find("sgd", tmp_path)


def test_find_names_the_public_source_and_the_variable_when_a_corpus_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TOD_DATA, raising=False)
    with pytest.raises(CorpusError) as caught:
        find("sgd")
    message = str(caught.value)
    assert "dstc8-schema-guided-dialogue" in message
    assert "set TOD_DATA" in message
    assert "sgd-train-dev.tar.xz" in message


def test_find_rejects_an_unknown_corpus_and_a_file_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="unknown corpus 'woz'; expected one of banking77"):
        find("woz", TINY)
    (tmp_path / "corpus.zip").touch()
    with pytest.raises(CorpusError, match=r"no \.tar\.xz archive"):
        find("sgd", tmp_path / "corpus.zip")


@pytest.mark.parametrize("inside", ["multiwoz21", "."])
def test_an_archive_gives_the_same_files_as_the_folder(tmp_path: Path, inside: str) -> None:
    folder, archive = tiny("multiwoz21"), archived("multiwoz21", tmp_path, inside=inside)
    assert list(archive.text("train.tsv")) == list(folder.text("train.tsv"))
    assert dict(archive.files("annotated", ".json")) == dict(folder.files("annotated", ".json"))
    assert [path for path, _ in folder.files("", ".tsv")] == ["dev.tsv", "train.tsv"]
    assert sorted(path for path, _ in archive.files("", ".tsv")) == ["dev.tsv", "train.tsv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["multiwoz21.tar.xz"]


def test_a_file_the_corpus_lacks_is_named(tmp_path: Path) -> None:
    for source in (tiny("multiwoz21"), archived("multiwoz21", tmp_path, inside="multiwoz21")):
        with pytest.raises(CorpusError, match=r"has no 'test\.tsv'; its publisher has it"):
            list(source.text("test.tsv"))


def test_a_truncated_archive_is_reported_as_such(tmp_path: Path) -> None:
    source = archived("sgd", tmp_path, inside=".")
    whole = source.location.read_bytes()
    source.location.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match="cannot read archive"):
        list(source.files("dev", ".json"))
