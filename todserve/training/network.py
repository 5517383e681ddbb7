"""The network in training: build it, and its loss on a packed batch.

Stands between batches and the optimiser.
Example: ``loss_of(network, batch)`` has ``nats`` summed and ``tokens`` counted per task.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import T5Config, T5ForConditionalGeneration

from todserve.training.batching import IGNORED, Batch
from todserve.training.config import Network
from todserve.training.examples import TASK_ORDER


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """Cross-entropy of one batch.

    Attributes:
        mean: nats per target token, weighted and smoothed as asked; differentiable.
        nats: (tasks,) summed cross-entropy per task.
        tokens: (tasks,) target tokens per task.
        correct: (tasks,) target tokens whose most probable prediction was right.
        exact: (tasks,) targets predicted right in every token, given their own past.
        targets: (tasks,) number of targets.
    """

    mean: torch.Tensor
    nats: torch.Tensor
    tokens: torch.Tensor
    correct: torch.Tensor
    exact: torch.Tensor
    targets: torch.Tensor


def build_network(
    network: Network, vocabulary_size: int, pad_id: int, end_id: int
) -> T5ForConditionalGeneration:
    """Return a randomly initialised T5 with tied embeddings."""
    settings = {
        **network.model_dump(),
        "vocab_size": vocabulary_size,
        "pad_token_id": pad_id,
        "eos_token_id": end_id,
        "decoder_start_token_id": pad_id,
        "tie_word_embeddings": True,
    }
    return T5ForConditionalGeneration(T5Config(**settings))


def block_mask(decoder_block: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return the (B, 1, D, D) additive mask: causal, and blind to other blocks."""
    same = decoder_block[:, :, None] == decoder_block[:, None, :]
    causal = torch.ones(same.shape[-2:], dtype=torch.bool, device=same.device).tril()
    mask = torch.zeros(same.shape, dtype=dtype, device=same.device)
    return mask.masked_fill(~(same & causal), torch.finfo(dtype).min)[:, None]


def loss_of(
    network: T5ForConditionalGeneration,
    batch: Batch,
    *,
    label_smoothing: float = 0.0,
    weights: torch.Tensor | None = None,
) -> Loss:
    """Return the cross-entropy of every written token; no other logits are computed.

    Args:
        network: encodes the contexts once for all their targets.
        batch: packed examples.
        label_smoothing: of the trained loss alone.
        weights: (tasks,) weight of each task's tokens in the trained loss; equal when None.
    """
    model = cast(Any, network)
    encoded = model.encoder(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask
    ).last_hidden_state
    decoded = model.decoder(
        input_ids=batch.decoder_input_ids,
        attention_mask=block_mask(batch.decoder_block, encoded.dtype),
        encoder_hidden_states=encoded,
        encoder_attention_mask=batch.attention_mask,
        use_cache=False,
    ).last_hidden_state
    written = batch.labels != IGNORED
    hidden = decoded[written]
    if network.config.scale_decoder_outputs:
        hidden = hidden * network.config.d_model**-0.5
    logits = model.lm_head(hidden).float()
    labels = batch.labels[written]
    nats = nn.functional.cross_entropy(logits, labels, reduction="none")
    task = batch.task[written]
    with torch.no_grad():
        right = logits.argmax(-1) == labels
        # Targets are numbered by row and block; one wrong token spoils its target.
        rows = torch.arange(len(batch.labels), device=labels.device)[:, None]
        number = (rows * (int(batch.decoder_block.max()) + 1) + batch.decoder_block)[written]
        _, target = number.unique(return_inverse=True)
        wrong = torch.zeros(int(target.max()) + 1, device=labels.device)
        wrong = wrong.index_add(0, target, (~right).float())
        task_of = torch.zeros_like(wrong, dtype=torch.long).scatter(0, target, task)
    trained = nats
    if label_smoothing:
        trained = nn.functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=label_smoothing
        )
    weight = torch.ones_like(nats) if weights is None else weights.to(nats.device)[task]
    return Loss(
        mean=(trained * weight).sum() / weight.sum().clamp_min(1e-9),
        nats=_per_task(task, nats.detach()),
        tokens=_per_task(task, torch.ones_like(nats)),
        correct=_per_task(task, right.float()),
        exact=_per_task(task_of, (wrong == 0).float()),
        targets=_per_task(task_of, torch.ones_like(wrong)),
    )


def _per_task(task: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    sums = torch.zeros(len(TASK_ORDER), device=values.device, dtype=torch.float32)
    return sums.index_add(0, task, values.float())
