import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY, archived, tiny
from todserve.corpora.corpus_statistics import statistics_of
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.registry import CORPORA, load
from todserve.runtime.errors import CorpusError


def test_every_corpus_with_a_publisher_can_be_loaded() -> None:
    for name, corpus in CORPORA.items():
        assert corpus.publisher.name == name
        assert corpus.publisher.licence
        assert corpus.publisher.url.startswith("https://")


TINY_SPLITS = [
    (name, split)
    for name, corpus in CORPORA.items()
    for split in corpus.publisher.splits
    # The tiny copies of dialogue corpora have no test split.
    if split != "test" or name in ("banking77", "clinc150", "3i4k")
]


@pytest.mark.parametrize(("name", "split"), TINY_SPLITS)
def test_every_corpus_streams_dialogues_and_has_statistics(name: str, split: str) -> None:
    statistics = statistics_of(name, split, TINY)
    printed = "\n".join(statistics.lines())
    dialogues = list(load(name, split, TINY))
    assert dialogues
    assert len({one.dialogue_id for one in dialogues}) == len(dialogues)
    assert {(one.corpus, one.split) for one in dialogues} == {(name, split)}
    assert statistics.report.dialogues == len(dialogues)
    assert statistics.report.turns == sum(len(one.turns) for one in dialogues)
    publisher = CORPORA[name].publisher
    assert printed.startswith(f"{publisher.title}, licence {publisher.licence}, from https://")
    assert f"{name} {split}: {len(dialogues)} dialogues" in printed


@pytest.mark.parametrize("name", [one for one in CORPORA if one not in ("multiwoz21", "sgd")])
@pytest.mark.parametrize("shallow", [False, True])
def test_an_archive_gives_the_same_dialogues_and_services(
    tmp_path: Path, name: str, shallow: bool
) -> None:
    publisher = CORPORA[name].publisher
    inside = name if shallow else publisher.folder or name
    archive = archived(name, tmp_path, inside=inside)
    assert archive.is_archive
    split = publisher.splits[0]
    corpus = CORPORA[name]
    by_id = {one.dialogue_id: one for one in corpus.read(archive, split)}
    assert by_id == {one.dialogue_id: one for one in corpus.read(tiny(name), split)}
    assert corpus.services(archive) == corpus.services(tiny(name))


@pytest.mark.parametrize("name", list(CORPORA))
def test_readers_reject_a_split_the_publisher_lacks(name: str) -> None:
    with pytest.raises(CorpusError, match=r"split '?elsewhere'?|'elsewhere' split"):
        list(CORPORA[name].read(tiny(name), "elsewhere"))


def test_load_gives_train_states_only_and_dev_with_acts() -> None:
    (train, _) = load("multiwoz21", "train", TINY)
    assert train.turns[0].dialogue_acts is None
    dev = next(load("multiwoz21", "dev", TINY))
    assert dev.turns[0].dialogue_acts is not None
    assert next(load("sgd", "dev", TINY)).corpus == "sgd"


def test_load_rejects_unknown_names_and_splits_before_reading() -> None:
    with pytest.raises(CorpusError, match="unknown corpus 'sgd2'"):
        load("sgd2", "dev", TINY)
    with pytest.raises(
        CorpusError, match="unknown split 'test' of sgd; expected one of train, dev"
    ):
        load("sgd", "test", TINY)


def test_statistics_tell_licence_source_counts_and_the_reading_report() -> None:
    statistics = statistics_of("multiwoz21", "dev", TINY)
    printed = "\n".join(statistics.lines())
    assert "MultiWOZ 2.1, licence MIT, from https://" in printed
    assert "note: acts and intents exist for dev and test only" in printed
    assert "multiwoz21 dev: 3 dialogues, 6 user turns" in printed
    assert "dialogue: not in the annotated file" in printed
    assert statistics.annotated["intent"] == 5
    assert statistics.intents["book_hotel"] == 1
    assert statistics.slots["hotel-stay"] == 1
    assert statistics.longest == 3
    figures = json.loads(json.dumps(statistics.figures()))
    assert (figures["dialogues"], figures["turns"]) == (3, 6)
    assert figures["intents"]["book_hotel"] == 1
    assert {note["reason"] for note in figures["notes"]} >= {"dialogue: not in the annotated file"}


def test_report_keeps_the_first_examples_only() -> None:
    report = ReadReport(corpus="c", split="s")
    for number in range(5):
        report.skipped("reason", f"file:{number}")
    assert report.count("reason") == 5
    assert report.count("another") == 0
    assert report.notes["reason"].examples == ["file:0", "file:1", "file:2"]


def test_progress_goes_to_stderr_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress("abc", progress=True, label="letters", total=3)) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert "letters" in captured.err
    assert captured.out == ""
