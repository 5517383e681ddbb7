"""Embedding rows: a pretrained network's table, enlarged for tokens it never saw.

A training from pretrained weights begins with it. A new label begins as the mean of the rows of the
words it is made of, with some noise, so that it means something from the first step; a control
token, which is made of no words, as one more draw from the table's own distribution. An output
matrix of its own stays one: T5 v1.1, flan and mT5 have one, and tying it to the embedding would
throw it away.
Example: ``[find_train]`` begins between "find" and "train".
"""

from operator import itemgetter
from typing import Any

import torch
from torch import nn
from transformers import T5ForConditionalGeneration

from todserve.runtime.language.tokenizer import Tokenizer

_NOISE = 0.1  # of a column's deviation: labels of the same words must come apart
_SEED = 1


@torch.no_grad()
def add_rows(network: T5ForConditionalGeneration, old: Tokenizer, new: Tokenizer) -> None:
    """Give every token of ``new`` that ``old`` lacks its row, in place.

    Rows of known tokens stay as they are, bit for bit, and so do their logits.

    Args:
        network: its table, and its output matrix if it has one of its own.
        old: the vocabulary it was pretrained with.
        new: the same with tokens added.
    """
    model: Any = network
    table = network.get_input_embeddings().weight
    tied = model.lm_head.weight is table
    rows = max(new.size, int(table.shape[0]))
    # By id: the vocabulary itself comes in no particular order.
    known = sorted(new.vocabulary.items(), key=itemgetter(1))
    added = {token: token_id for token, token_id in known if not old.has(token)}
    enlarged = _enlarged(table, rows, added, old)
    output = enlarged if tied else _enlarged(model.lm_head.weight, rows, added, old)
    network.shared.weight = enlarged
    network.shared.num_embeddings = rows
    model.encoder.set_input_embeddings(network.shared)
    model.decoder.set_input_embeddings(network.shared)
    model.lm_head.weight = output
    model.lm_head.out_features = rows
    network.config.vocab_size = rows


def label_words(token: str) -> str:
    """Return the words of a bracketed label, nothing for a control token."""
    if not token.startswith("["):
        return ""
    return token.strip("[]").removeprefix("value_").replace("_", " ")


def _enlarged(
    table: torch.Tensor, rows: int, added: dict[str, int], old: Tokenizer
) -> nn.Parameter:
    known = table[: old.size]
    mean, deviation = known.mean(0), known.std(0)
    chance = torch.Generator(device="cpu").manual_seed(_SEED)
    result = torch.zeros(rows, table.shape[1], dtype=table.dtype)
    result[: table.shape[0]] = table
    for token, row in added.items():
        ids = old.encode(label_words(token))
        noise = torch.randn(table.shape[1], generator=chance) * deviation
        result[row] = table[ids].mean(0) + _NOISE * noise if ids else mean + noise
    return nn.Parameter(result)
