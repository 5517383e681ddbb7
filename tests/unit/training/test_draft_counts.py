"""Counting drafts: from a prepared corpus into the checkpoint, in its own tokens."""

import shutil
from pathlib import Path

import pytest

from tests.support.tiny_turns import TURNS
from todserve.runtime.decoding.drafts import DRAFTS_FILE, Drafts
from todserve.runtime.decoding.shortlist import SHORTLIST_FILE, Shortlist
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.examples import targets_of
from todserve.training.classifiers.draft_counts import LEAST, count_drafts
from todserve.training.preparation.training_turns import save_turns


def test_a_reply_that_train_says_often_is_guessed_whole(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    turn = next(one for one in TURNS if one.response is not None)
    save_turns([turn] * LEAST, tmp_path / "train.jsonl.gz")
    counted = count_drafts(tmp_path, checkpoint)
    builder = PromptBuilder(
        Tokenizer.load(checkpoint / "tokenizer.json"),
        PromptFormat.load(checkpoint / "format.json"),
        Schema.load(checkpoint / "schema.json"),
    )
    prefix = builder.prefix(TaskName.RESPONSE, turn.database_token)
    target = builder.target(TASKS[TaskName.RESPONSE], turn.response)
    loaded = Drafts.load(checkpoint / DRAFTS_FILE)
    for drafts in (counted, loaded):
        assert drafts.after(prefix, 3) == list(target[:3])


def test_what_train_says_seldom_is_not_guessed(tiny_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    save_turns(TURNS[:1], tmp_path / "train.jsonl.gz")
    assert len(count_drafts(tmp_path, checkpoint)) == 0


def test_the_shortlist_holds_every_token_of_train_s_targets_and_every_label(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    save_turns(TURNS[:1], tmp_path / "train.jsonl.gz")
    count_drafts(tmp_path, checkpoint)
    tokenizer = Tokenizer.load(checkpoint / "tokenizer.json")
    found = Shortlist.load(checkpoint / SHORTLIST_FILE, vocabulary=tokenizer.size)
    builder = PromptBuilder(
        tokenizer,
        PromptFormat.load(checkpoint / "format.json"),
        Schema.load(checkpoint / "schema.json"),
    )
    written = {
        token
        for task, target in targets_of(TURNS[0], builder.format.belief_target).items()
        for token in builder.target(TASKS[task], target)
    }
    assert found is not None
    assert set(found.ids) == written | set(tokenizer.label_ids)
    assert tokenizer.token_id("<eos_r>") in tokenizer.label_ids
    assert len(found.ids) < tokenizer.size


def test_without_a_corpus_or_a_checkpoint_the_reason_is_said(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match="no prepared corpus"):
        count_drafts(tmp_path, tiny_checkpoint)
    with pytest.raises(ConfigError, match="no checkpoint folder"):
        count_drafts(tmp_path, tmp_path / "none")
