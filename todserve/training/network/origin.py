"""Origin: the tokenizer and the first weights that a training run begins with.

``tod train`` asks for it before the loop starts. ``initial`` names a checkpoint of ours, a T5 from
elsewhere, a BERT for the encoder or ``minilm``; without it everything is learnt from scratch. What
was taken is noted in the run's folder, so that a run is never continued as another one.
Example: ``initial: checkpoints/multiwoz`` in a configuration.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
from huggingface_hub import snapshot_download
from torch import nn
from transformers import T5ForConditionalGeneration

from todserve.runtime.checkpoint import weights_checksum
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole
from todserve.training.network.copying_start import arrange_for_copying
from todserve.training.network.distillation import teacher_vocabulary
from todserve.training.network.embedding_rows import add_rows
from todserve.training.network.hugging_face import T5_TYPES, fields_of, network_of, tokenizer_of
from todserve.training.network.pretrained_encoder import (
    MINILM,
    encoder_tokenizer,
    minilm_folder,
    network_over,
)
from todserve.training.network.training_network import build_network
from todserve.training.network.vocabulary import (
    corpus_lines,
    special_tokens,
    train_tokenizer,
    with_tokens,
)
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import Start, TrainingConfig

ORIGIN_FILE = "origin.json"
"""What a run began with, in its folder."""

_ENCODER_TYPE = "bert"


def origin_of(
    config: TrainingConfig, folder: Path, turns: Sequence[TrainingTurn], schema: Schema
) -> tuple[Tokenizer, T5ForConditionalGeneration, list[str]]:
    """Return the tokenizer and network a run begins with, and what is worth saying about them.

    Args:
        config: with ``initial``, or with sizes.
        folder: the run's; keeps tokenizer.json and the record of what was taken.
        turns: whose labels the vocabulary must hold.
        schema: likewise.

    Raises:
        ConfigError: there is nothing to start from, it does not fit, or the run began otherwise.
    """
    special = special_tokens(turns, schema)
    if config.initial is None:
        _record(folder, None, None)
        return (*_from_scratch(config, folder, turns, schema, special), [])
    source = _located(config.initial)
    kind = fields_of(source).get("model_type")
    if kind not in (*T5_TYPES, _ENCODER_TYPE):
        raise ConfigError(
            f"cannot start from {config.initial!r}: its model_type is {kind!r}; expected one of "
            f"{', '.join(T5_TYPES)}, or {_ENCODER_TYPE} for the encoder alone"
        )
    _record(folder, config.initial, weights_checksum(source))
    file = folder / "tokenizer.json"
    notes: list[str] = []
    if kind == _ENCODER_TYPE:
        if not file.is_file():
            encoder_tokenizer(source, corpus_lines(turns, schema), special).save(file)
        tokenizer = Tokenizer.load(file)
        network = network_over(source, config.network, tokenizer)
    else:
        network, notes = network_of(source)
        pretrained = tokenizer_of(source)
        old = Tokenizer(tokenizers.Tokenizer.from_str(pretrained.to_str()))
        tokenizer = with_tokens(pretrained, special)
        add_rows(network, old, tokenizer)
        tokenizer.save(file)
    if config.dropout is not None:
        set_dropout(network, config.dropout)
    return tokenizer, network, notes


def set_dropout(network: nn.Module, share: float) -> None:
    """Let every layer that has dropout drop this share; the network's configuration stays."""
    for module in network.modules():
        own: Any = module
        if isinstance(module, nn.Dropout):
            own.p = share
        elif isinstance(getattr(module, "dropout", None), float):
            own.dropout = share  # T5's attention keeps it as a number


def _from_scratch(
    config: TrainingConfig,
    folder: Path,
    turns: Sequence[TrainingTurn],
    schema: Schema,
    special: Sequence[str],
) -> tuple[Tokenizer, T5ForConditionalGeneration]:
    file = folder / "tokenizer.json"
    if not file.is_file() and config.teacher is not None:
        with_tokens(teacher_vocabulary(Path(config.teacher)), special).save(file)
    elif not file.is_file():
        train_tokenizer(corpus_lines(turns, schema), config.vocabulary_size, special).save(file)
    tokenizer = Tokenizer.load(file)
    network = build_network(config.network, tokenizer.size, pad_id=0, end_id=1)
    if config.start is Start.COPYING:
        arrange_for_copying(network)
    if config.dropout is not None:
        set_dropout(network, config.dropout)
    return tokenizer, network


def _located(initial: str) -> Path:
    """Return the folder that ``initial`` names, fetched if it is an id."""
    if initial == MINILM:
        return minilm_folder()
    folder = Path(initial)
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(initial, ignore_patterns=["*.h5", "*.msgpack", "*.ot"]))
    except Exception as error:  # its own kinds, those of requests, and ValueError for a wrong id
        raise ConfigError(
            f"cannot start from {initial!r}: {error}; expected a folder with config.json, weights "
            f"and tokenizer, {MINILM!r}, or a Hugging Face id that is cached or reachable"
        ) from error


def _record(folder: Path, initial: str | None, checksum: str | None) -> None:
    """Keep what a run begins with; refuse a folder that began with something else.

    Folders from before this was kept are taken as they are.
    """
    file = folder / ORIGIN_FILE
    taken = {"initial": initial, "weights": checksum}
    if file.is_file():
        found = read_json(file)
        # The weights count, not the way to them: a folder may have been moved.
        if found["weights"] != checksum:
            raise ConfigError(
                f"{folder} began with initial {found['initial']!r}"
                + (", whose weights were others" if found["initial"] == initial else "")
                + f", expected {initial!r}; delete the folder or choose another `name`"
            )
        return
    if (folder / "tokenizer.json").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(taken, indent=2) + "\n")
