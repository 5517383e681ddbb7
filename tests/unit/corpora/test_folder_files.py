"""Corpora of strangers: a link out of the folder is refused; what it leads to is never shown."""

import shutil
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY
from todserve.bot.conversion.rasa_assistant import read_assistant
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.files.folder_files import folder_files, own_file
from todserve.corpora.read_report import ReadReport
from todserve.corpora.registry import load
from todserve.corpora.validation import run_validate
from todserve.runtime.errors import CorpusError

SECRET = "root:x:0:0:root:/root:/bin/bash\n"
_LINE = '{"dialogue_id": "1", "turns": [{"user": "hi"}]}\n'


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passwd"
    path.write_text(SECRET)
    return path


def lines(folder: Path) -> None:
    folder.mkdir()
    (folder / "schema.json").write_text("[]")
    (folder / "train.jsonl").write_text(_LINE)


def rasa(folder: Path) -> None:
    shutil.copytree(TINY / "rasa", folder)


def sgd(folder: Path) -> None:
    shutil.copytree(TINY / "sgd" / "train", folder)


LINKED = [
    (lines, "train.jsonl"),
    (lines, "dev.jsonl"),
    (lines, "schema.json"),
    (sgd, "schema.json"),
    (sgd, "dialogues_009.json"),
    (rasa, "data/linked.yml"),
    (rasa, "linked.json"),
    (rasa, "linked.md"),
]


@pytest.mark.parametrize(("make", "name"), LINKED)
def test_a_link_out_of_the_folder_is_refused_and_not_quoted(
    make: object, name: str, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = secret.parent / "corpus"
    assert callable(make)
    make(folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    for read in (run_validate, lambda path: list(open_dialogues(path)[1])):
        with pytest.raises(CorpusError, match="link leads out") as raised:
            read(folder)
        assert "root:" not in str(raised.value) + capsys.readouterr().out


def test_a_link_in_a_published_corpus_is_refused(secret: Path) -> None:
    place = secret.parent / "sgd"
    shutil.copytree(TINY / "sgd", place)
    (place / "train" / "schema.json").unlink()
    (place / "train" / "schema.json").symlink_to(secret)
    with pytest.raises(CorpusError, match="link leads out"):
        list(load("sgd", "train", place))


def test_a_link_among_an_assistants_settings_is_refused(secret: Path) -> None:
    folder = secret.parent / "corpus"
    rasa(folder)
    (folder / "endpoints.yml").symlink_to(secret)
    with pytest.raises(CorpusError, match="link leads out"):
        read_assistant(folder, ReadReport(), [])


def test_links_inside_the_folder_and_to_the_folder_are_followed(tmp_path: Path) -> None:
    lines(tmp_path / "corpus")
    (tmp_path / "corpus" / "dev.jsonl").symlink_to("train.jsonl")
    (tmp_path / "same").symlink_to("corpus")
    found = folder_files(tmp_path / "same", "*.jsonl")
    assert [one.name for one in found] == ["dev.jsonl", "train.jsonl"]
    assert len(list(open_dialogues(tmp_path / "same")[1])) == 2
    assert own_file(tmp_path, "nothing/there") == tmp_path / "nothing" / "there"


@pytest.mark.parametrize("content", [b"a,b\n\xff,\xfe\n", b'text,category\n"' + b"x" * 200_000])
def test_a_published_file_that_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    shutil.copytree(TINY / "banking77", tmp_path / "banking77")
    (tmp_path / "banking77" / "train.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=r"train\.csv"):
        list(load("banking77", "train", tmp_path / "banking77"))
