"""Counts the drafts and the shortlist that a checkpoint carries, from a prepared corpus.

``tod count-drafts`` calls it; it is independent of the network's weights. Train's targets alone are
read, in the checkpoint's own tokens.
Example: ``count_drafts(Path("runs/multiwoz/prepared"), Path("checkpoints/multiwoz"))`` writes
``checkpoints/multiwoz/drafts.json`` and ``shortlist.json``.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from todserve.runtime.decoding.drafts import DRAFTS_FILE, Drafts
from todserve.runtime.decoding.shortlist import SHORTLIST_FILE, Shortlist
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.examples import targets_of
from todserve.training.preparation.training_turns import TrainingTurn, load_turns

LEAST = 5
"""How often something must have followed; less takes more room and guesses no better."""

_TASKS = (TaskName.BELIEF_STATE, TaskName.DIALOGUE_ACT, TaskName.RESPONSE)
"""An intent is short, and what is asked beside it takes longer."""


def count_drafts(prepared: Path, checkpoint: Path) -> Drafts:
    """Count what train's targets write, and after what; save both in a checkpoint folder.

    Args:
        prepared: a prepared corpus; its train turns alone are read.
        checkpoint: the folder, with its tokenizer, format and schema.

    Raises:
        ConfigError: no such folder, or a file of it is missing or wrong.
        CorpusError: no prepared train turns.
    """
    if not checkpoint.is_dir():
        raise ConfigError(f"no checkpoint folder {checkpoint}; `tod train` writes one")
    file = prepared / "train.jsonl.gz"
    if not file.is_file():
        raise CorpusError(f"no prepared corpus {file}; `tod train` prepares one")
    builder = PromptBuilder(
        Tokenizer.load(checkpoint / "tokenizer.json"),
        PromptFormat.load(checkpoint / "format.json"),
        Schema.load(checkpoint / "schema.json"),
    )
    return save_counts(load_turns(file), builder, checkpoint)


def save_counts(turns: Iterable[TrainingTurn], builder: PromptBuilder, checkpoint: Path) -> Drafts:
    """Write what the targets of ``turns`` let an engine guess and leave out; return the guesses."""
    turns = list(turns)
    shortlist_of(turns, builder).save(checkpoint / SHORTLIST_FILE)
    drafts = Drafts.counted(_drafted(turns, builder), least=LEAST)
    drafts.save(checkpoint / DRAFTS_FILE)
    return drafts


def shortlist_of(turns: Iterable[TrainingTurn], builder: PromptBuilder) -> Shortlist:
    """Return the tokens that the targets of ``turns`` are made of, and every label there is.

    Turns that are made up while a network trains bring labels that no prepared turn has.
    """
    targets = (
        builder.target(TASKS[task], target)
        for turn in turns
        for task, target in targets_of(turn, builder.format.belief_target).items()
    )
    return Shortlist.counted(chain(targets, [sorted(builder.tokenizer.label_ids)]))


def _drafted(turns: Iterable[TrainingTurn], builder: PromptBuilder) -> Iterator[tuple[int, ...]]:
    """Yield what the decoder has before it and should write, for each task with a draft."""
    for turn in turns:
        targets = targets_of(turn, builder.format.belief_target)
        for task in _TASKS:
            if task in targets:
                yield (
                    *builder.prefix(task, turn.database_token),
                    *builder.target(TASKS[task], targets[task]),
                )
