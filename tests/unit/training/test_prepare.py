"""Preparing real layouts: tiny corpora in the publishers' files, made up sentence by sentence."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.corpora_at_hand import multiwoz_folder
from tests.support.corpora_fixtures import TINY
from todserve.corpora.corpus_source import TOD_DATA
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.schema import Schema, Service
from todserve.training.preparation.corpus_digests import digests
from todserve.training.preparation.preparation_record import (
    LeakAction,
    Preparation,
    changed_corpora,
    check_prepared,
)
from todserve.training.preparation.prepared_corpus import prepare
from todserve.training.preparation.training_turns import TrainingTurn, is_prepared, load_turns

TRAIN = (
    ("Where has my new card got to?", "card_arrival"),
    ("My card is still not here, why?", "card_arrival"),
    ("The card was due last week already", "card_arrival"),
    ("Which currencies can I hold, and how many?", "fiat_currency_support"),
    ("May I keep dollars in my account?", "fiat_currency_support"),
    ("Somebody gave me a refund, it never came?", "reverted_card_payment?"),
    ("Why did my payment come back today?", "reverted_card_payment?"),
    ("where has my NEW card got to", "card_arrival"),
)
TEST = (("My card is still not here - why?", "card_arrival"),)


def bank(root: Path, train: Sequence[tuple[str, str]] = TRAIN) -> None:
    folder = root / "banking77"
    folder.mkdir(parents=True)
    for name, rows in (("train.csv", train), ("test.csv", TEST)):
        lines = [f'"{text}",{intent}' for text, intent in rows]
        (folder / name).write_text("\n".join(["text,category", *lines]) + "\n")


def train_and_dev(folder: Path) -> tuple[list[TrainingTurn], list[TrainingTurn]]:
    return load_turns(folder / "train.jsonl.gz"), load_turns(folder / "dev.jsonl.gz")


BANK = Preparation(corpora=("banking77",), dev_corpus="banking77", held_out=0.6)


def test_a_corpus_of_intents_gives_intents_alone_and_a_held_out_dev(tmp_path: Path) -> None:
    bank(tmp_path)
    lines = prepare(tmp_path / "prepared", BANK, root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert is_prepared(tmp_path / "prepared")
    assert {turn.user for turn in train} & {turn.user for turn in dev} == set()
    assert len(train) + len(dev) == len(TRAIN)
    assert dev
    for turn in (*train, *dev):
        assert turn.corpus == "banking77"
        assert turn.tasks == ("intent",)
        assert turn.user == turn.user.lower()
    assert Schema.load(tmp_path / "prepared/schema.json").intents == (
        "card_arrival",
        "fiat_currency_support",
        "reverted_card_payment",
        "general",
        "out_of_scope",
    )
    assert any(f"{len(dev)}  dialogue: put aside as dev" in line for line in lines)


def test_a_last_run_trains_on_what_was_held_out_too(tmp_path: Path) -> None:
    bank(tmp_path)
    last = BANK.model_copy(update={"train_on_held_out": True})
    prepare(tmp_path / "prepared", last, root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert len(train) == len(TRAIN)
    assert all(turn in train for turn in dev)


def test_a_corpus_watched_elsewhere_is_trained_on_whole(tmp_path: Path) -> None:
    bank(tmp_path)
    both = Preparation(corpora=("banking77",), dev_corpus="sgd")
    (tmp_path / "sgd").symlink_to(TINY / "sgd")
    prepare(tmp_path / "prepared", both, root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert len(train) == len(TRAIN)
    assert {turn.corpus for turn in dev} == {"sgd"}


def test_a_leak_refuses_the_preparation_and_leaves_nothing_to_train_on(tmp_path: Path) -> None:
    bank(tmp_path)
    checked = BANK.model_copy(update={"leak_check": ("banking77/test",), "held_out": 0.01})
    with pytest.raises(CorpusError, match=r"banking77-train-00002 = banking77-test-00001"):
        prepare(tmp_path / "prepared", checked, root=tmp_path, progress=False)
    assert not is_prepared(tmp_path / "prepared")
    report = json.loads((tmp_path / "prepared/report.json").read_text())
    assert any("leak check: 1 of" in line for line in report)


@pytest.mark.parametrize("held_out", [0.01, 0.99])
def test_a_dropped_leak_stands_neither_in_train_nor_in_the_held_out_dev(
    tmp_path: Path, held_out: float
) -> None:
    bank(tmp_path)
    checked = Preparation(
        corpora=("banking77",),
        dev_corpus="banking77",
        held_out=held_out,
        leak_check=("banking77/test",),
        leak_action=LeakAction.DROP,
    )
    prepare(tmp_path / "prepared", checked, root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert len(train) + len(dev) == len(TRAIN) - 1
    assert all("still not here" not in turn.user for turn in (*train, *dev))


def test_duplicates_are_left_out_where_asked_for(tmp_path: Path) -> None:
    bank(tmp_path, (*TRAIN, TRAIN[3]))
    (tmp_path / "sgd").symlink_to(TINY / "sgd")
    once = Preparation(corpora=("banking77",), dev_corpus="sgd", deduplicate=True)
    lines = prepare(tmp_path / "prepared", once, root=tmp_path, progress=False)
    train, _ = train_and_dev(tmp_path / "prepared")
    assert len(train) == len(TRAIN)
    assert any("1 of 9 examples seen before" in line for line in lines)


def test_corpora_of_several_tasks_stand_side_by_side(tmp_path: Path) -> None:
    bank(tmp_path)
    (tmp_path / "sgd").symlink_to(TINY / "sgd")
    mixed = Preparation(corpora=("sgd", "banking77"), dev_corpus="sgd")
    prepare(tmp_path / "prepared", mixed, root=tmp_path, progress=False)
    train, _ = train_and_dev(tmp_path / "prepared")
    assert len({task for turn in train if turn.corpus == "sgd" for task in turn.tasks}) == 4
    assert {t for turn in train if turn.corpus == "banking77" for t in turn.tasks} == {"intent"}
    domains = Schema.load(tmp_path / "prepared/schema.json").domains
    assert domains[-1] == "banking"


def test_a_teams_own_folder_is_trained_on_watched_and_protected(tmp_path: Path) -> None:
    folder = tmp_path / "our bot"
    folder.mkdir()
    Schema(services=(Service(name="lamp", intents=("on", "off")),)).save(folder / "schema.json")
    for split, said in (
        ("train", ("light up the kitchen please", "make it dark in here")),
        ("dev", ("let there be light",)),
        ("test", ("Make it dark, in here!",)),
    ):
        lines = [
            {"dialogue_id": text[:4], "turns": [{"user": text, "intent": "on"}]} for text in said
        ]
        text = "\n".join(json.dumps(line) for line in lines)
        (folder / f"{split}.jsonl").write_text(text + "\n")
    own = Preparation(
        corpora=(str(folder),),
        dev_corpus=str(folder),
        leak_check=(str(folder),),
        leak_action=LeakAction.DROP,
    )
    prepare(tmp_path / "prepared", own, root=None, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert [(turn.corpus, turn.user) for turn in train] == [
        ("our_bot", "light up the kitchen please")
    ]
    assert [turn.user for turn in dev] == ["let there be light"]
    (folder / "test.jsonl").unlink()
    with pytest.raises(ConfigError, match="our_bot/test in `leak_check` holds no dialogue"):
        prepare(tmp_path / "prepared", own, root=None, progress=False)


def test_what_is_trained_on_cannot_be_protected(tmp_path: Path) -> None:
    bank(tmp_path)
    wrong = BANK.model_copy(update={"leak_check": ("banking77/train",)})
    with pytest.raises(ConfigError, match="banking77/train is trained on and in `leak_check`"):
        prepare(tmp_path / "prepared", wrong, root=tmp_path, progress=False)


def test_a_folder_prepared_from_something_else_is_noticed(tmp_path: Path) -> None:
    bank(tmp_path)
    folder = tmp_path / "prepared"
    prepare(folder, BANK, root=tmp_path, progress=False)
    check_prepared(folder, BANK)
    with pytest.raises(ConfigError, match=r"prepared with held_out 0\.6, expected 0\.2"):
        check_prepared(folder, BANK.model_copy(update={"held_out": 0.2}))


def test_a_folder_from_before_preparations_were_kept_passes_unless_a_check_is_wanted(
    tmp_path: Path,
) -> None:
    check_prepared(tmp_path, BANK)
    with pytest.raises(ConfigError, match="prepared without a leak check"):
        check_prepared(tmp_path, BANK.model_copy(update={"leak_check": ("banking77/test",)}))


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_multiwoz_is_completed_by_the_rules_that_serve(tmp_path: Path) -> None:
    # The publisher's schema and database, a handful of made-up dialogues.
    folder = multiwoz_folder(tmp_path)
    for file in (TINY / "multiwoz21").rglob("*.*"):
        target = folder / file.relative_to(TINY / "multiwoz21")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.read_bytes())
    prepare(tmp_path / "prepared", Preparation(), root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    assert train
    assert dev
    # Acts and intents stand in neither of train's files.
    assert all(turn.intent is not None for turn in train)
    assert any(turn.database_token != "[db_nores]" for turn in train)


def test_of_a_dev_split_that_is_trained_on_a_share_is_put_aside_and_watched(
    tmp_path: Path,
) -> None:
    (tmp_path / "korean").mkdir()
    folder = tmp_path / "korean" / "nlplab_music"
    folder.mkdir()
    entry, _ = json.loads((TINY / "nlplab" / "dev_dialog.json").read_text(encoding="utf-8"))
    entries = []
    for number in range(12):
        turns = [
            {**turn, "user_message": f"{number} {turn['user_message']}"} for turn in entry["turns"]
        ]
        entries.append({**entry, "dial_id": {"$oid": f"abc{number}"}, "turns": turns})
    (folder / "dev_dialog.json").write_text(json.dumps(entries), encoding="utf-8")
    shared = Preparation(corpora=("nlplab/dev",), dev_corpus="nlplab/dev", held_out=0.4)
    prepare(tmp_path / "prepared", shared, root=tmp_path, progress=False)
    train, dev = train_and_dev(tmp_path / "prepared")
    trained, watched = ({turn.dialogue_id for turn in turns} for turns in (train, dev))
    assert trained
    assert watched
    assert not trained & watched
    assert len(trained | watched) == len(entries)


def test_a_corpus_with_entities_brings_them_and_its_turns_know_how_many_match(
    tmp_path: Path,
) -> None:
    (tmp_path / "nlplab").symlink_to(TINY / "nlplab")
    songs = Preparation(corpora=("nlplab/dev",), dev_corpus="nlplab/dev", held_out=0.0001)
    prepare(tmp_path / "prepared", songs, root=tmp_path, progress=False)
    train, _ = train_and_dev(tmp_path / "prepared")
    assert train[0].state == {"music": {"singer": "가상밴드"}}
    assert train[0].database_token == "[db_1]"  # its one song
    assert train[2].state == {"music": {"song_title": "blue"}}
    assert train[2].database_token == "[db_0]"


def test_a_corpus_changed_in_place_is_noticed_and_one_moved_is_not(tmp_path: Path) -> None:
    bank(tmp_path / "one")
    folder = tmp_path / "run" / "prepared"
    prepare(folder, BANK, root=tmp_path / "one", progress=False)
    (tmp_path / "one").rename(tmp_path / "moved")
    files = digests(("banking77",), tmp_path / "moved")
    assert changed_corpora(folder, files) == []
    check_prepared(folder, BANK, files)
    with (tmp_path / "moved" / "banking77" / "train.csv").open("a") as train:
        train.write('"One more",card_arrival\n')
    files = digests(("banking77/train",), tmp_path / "moved")
    assert changed_corpora(folder, files) == ["banking77"]
    with pytest.raises(ConfigError, match=r"banking77 changed since .* or delete .*run to begin"):
        check_prepared(folder, BANK, files)


def test_a_corpus_that_is_not_at_hand_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOD_DATA, raising=False)
    assert digests(("banking77", "multiwoz21/train", str(tmp_path / "nowhere")), None) == {}


def test_a_teams_own_folder_counts_by_all_its_files_but_hidden_ones(tmp_path: Path) -> None:
    own = tmp_path / "bot"
    (own / "deep").mkdir(parents=True)
    (own / "deep" / "train.jsonl").write_text("{}\n")
    before = digests((str(own),), None)
    (own / ".git").mkdir()
    (own / ".git" / "HEAD").write_text("x")
    assert digests((str(own),), None) == before
    (own / "deep" / "train.jsonl").rename(own / "deep" / "dev.jsonl")
    assert digests((str(own),), None) != before
