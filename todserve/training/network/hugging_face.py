"""Hugging Face folders: reads a T5 in that layout, as strictly as serving reads it.

A training reads what ``initial`` names with it. Whatever does not fit is refused here, before hours
of training from weights that are half random. T5 v1.0, v1.1, flan, mT5 and PPTOD's own files are
read; weights whole, sharded or pickled.
Example: ``network_of(Path("flan-t5-small"))``.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import tokenizers
import torch
from safetensors.torch import save_file
from transformers import T5ForConditionalGeneration, T5Tokenizer

from todserve.runtime.checkpoint import load_network
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tokenizer import read_tokenizer
from todserve.runtime.networks.stored_weights import check_sizes, read_weights
from todserve.runtime.untrusted.json_text import read_json

T5_TYPES = ("t5", "mt5")
"""What ``model_type`` in a config.json may say; an mT5 is a T5 v1.1 of many languages."""

_WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DistributedDataParallel, `torch.compile` and Lightning put before every name."""


def fields_of(folder: Path) -> dict[str, object]:
    """Return the fields of a folder's config.json.

    Raises:
        ConfigError: it is missing or no JSON object.
    """
    file = folder / "config.json"
    try:
        fields = read_json(file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot start from {folder}: no readable file {file}: {error}; expected a folder "
            "with config.json, weights and a tokenizer"
        ) from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{file} holds a {type(fields).__name__}; expected an object")
    check_sizes(fields, file)
    return fields


def network_of(folder: Path) -> tuple[T5ForConditionalGeneration, list[str]]:
    """Return the network of a folder in float32, and what had to be put right to read it.

    Raises:
        ConfigError: a weight is missing, unexpected or misshapen; the message names it.
    """
    fields = fields_of(folder)
    try:
        if fields.get("model_type") == "mt5":
            return network_from(_as_t5(fields), read_weights(folder)), []
        network = load_network(folder, dtype=torch.float32)
    except ConfigError as error:
        unwrapped = _unwrapped(folder)
        if unwrapped is None:
            raise ConfigError(
                f"cannot start from {folder}: {error}; nothing is trained from weights that are "
                "in part random: take the folder as `save_pretrained` or `tod train` writes it"
            ) from error
        weights, prefix = unwrapped
        note = f"{folder}: weights are named {prefix}NAME, as what wraps a network names them"
        return network_from(_as_t5(fields), weights), [f"{note}; read without it"]
    except Exception as error:  # transformers checks the fields with kinds of its own
        raise ConfigError(
            f"cannot start from {folder}: {error}; expected a config.json that describes a T5"
        ) from error
    assert isinstance(network, T5ForConditionalGeneration)
    return network, []


def tokenizer_of(folder: Path) -> tokenizers.Tokenizer:
    """Return a folder's fast tokenizer, made from its SentencePiece model where it has no other.

    Raises:
        ConfigError: neither file is there, or it cannot be read.
    """
    fast, pieces = folder / "tokenizer.json", folder / "spiece.model"
    if not fast.is_file() and not pieces.is_file():
        raise ConfigError(
            f"cannot start from {folder}: it has neither {fast.name} nor {pieces.name}; expected "
            "the tokenizer the network was pretrained with"
        )
    try:
        if fast.is_file():
            return read_tokenizer(fast)
        # T5 has a hundred sentinels beyond its pieces, mT5's pieces hold them; what a folder's own
        # tokenizer_config.json says goes first.
        bare = fields_of(folder).get("model_type") == "mt5"
        bare = bare and not (folder / "tokenizer_config.json").is_file()
        read: Any = T5Tokenizer.from_pretrained
        made = read(folder, extra_ids=0) if bare else read(folder)
        return cast(tokenizers.Tokenizer, made.backend_tokenizer)
    except ConfigError:
        raise
    except Exception as error:  # tokenizers and protobuf raise many kinds
        file = fast if fast.is_file() else pieces
        # transformers tries other kinds of files then, and would say what to install for them.
        why = "no SentencePiece model" if "tiktoken" in str(error) else str(error)
        raise ConfigError(
            f"cannot start from {folder}: {file} is no readable tokenizer: {why}; expected a "
            "fast tokenizer's tokenizer.json or a SentencePiece model"
        ) from error


def network_from(
    fields: Mapping[str, object], weights: Mapping[str, torch.Tensor]
) -> T5ForConditionalGeneration:
    """Return the network that these fields and weights would make as a folder.

    Raises:
        ConfigError: they do not fit each other.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "config.json").write_text(json.dumps(fields), encoding="utf-8")
        # A tied weight may stand under several names; safetensors wants tensors of their own.
        plain = {name: value.contiguous().clone() for name, value in weights.items()}
        save_file(plain, folder / "model.safetensors")
        try:
            network = load_network(folder, dtype=torch.float32)
        except ConfigError as error:
            raise ConfigError(str(error).replace(f" in {folder}", "")) from error
    assert isinstance(network, T5ForConditionalGeneration)
    return network


def _as_t5(fields: Mapping[str, object]) -> dict[str, object]:
    """Return an mT5's fields as those of the T5 v1.1 that it is; a T5's as they are."""
    if fields.get("model_type") != "mt5":
        return dict(fields)
    # Unlike T5, mT5 never scales what goes into its output matrix, whatever its file says of tying.
    own = {"model_type": "t5", "tie_word_embeddings": False, "scale_decoder_outputs": False}
    return {"feed_forward_proj": "gated-gelu", **fields, **own}


def _unwrapped(folder: Path) -> tuple[dict[str, torch.Tensor], str] | None:
    """Return the weights without the prefix they all share, and it; None if they share none."""
    try:
        weights = read_weights(folder)
    except ConfigError:
        return None
    prefix = ""
    while more := _shared([name.removeprefix(prefix) for name in weights]):
        prefix += more
    found = {name.removeprefix(prefix): value for name, value in weights.items()}
    return (found, prefix) if prefix else None


def _shared(names: Sequence[str]) -> str:
    """Return the wrapper's prefix that all names begin with; "" where there is none."""
    for prefix in _WRAPPERS if names else ():
        if all(name.startswith(prefix) for name in names):
            return prefix
    return ""
