"""Training network: builds the network, and computes its loss on a packed batch.

The weight update calls it for every batch.
Example: ``loss_of(network, batch)`` has ``nats`` summed and ``tokens`` counted per task.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import T5Config, T5ForConditionalGeneration

from todserve.training.batches.batch import IGNORED, Batch
from todserve.training.batches.examples import TASK_ORDER
from todserve.training.network.distillation import Distillation, divergence
from todserve.training.network.output_loss import output_loss
from todserve.training.training_config import Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """The loss of one batch: cross-entropy in nats, summed over target tokens, in all and by task.

    Attributes:
        total: what is trained, summed over target tokens: weighted, smoothed and distilled as
            asked; differentiable.
        weight: summed weights of the target tokens.
        nats: (tasks,) summed cross-entropy per task.
        divergence: (tasks,) summed divergence from the teacher at its temperature; 0 without one.
        tokens: (tasks,) target tokens per task.
        correct: (tasks,) target tokens whose most probable prediction was right.
        exact: (tasks,) targets predicted right in every token, given their own past.
        targets: (tasks,) number of targets.
    """

    total: torch.Tensor
    weight: torch.Tensor
    nats: torch.Tensor
    divergence: torch.Tensor
    tokens: torch.Tensor
    correct: torch.Tensor
    exact: torch.Tensor
    targets: torch.Tensor

    @property
    def mean(self) -> torch.Tensor:
        """``total`` per unit of weight: what a step of this batch alone trains."""
        return self.total / self.weight.clamp_min(1e-9)


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


def logits_of(
    network: T5ForConditionalGeneration, batch: Batch, *, everywhere: bool = False
) -> torch.Tensor:
    """Return the (N, V) float32 logits of the N written tokens; no others are computed.

    Args:
        network: encodes the contexts once for all their targets.
        batch: packed examples.
        everywhere: see `written_states`.
    """
    hidden = written_states(network, batch, everywhere=everywhere)
    logits: torch.Tensor = cast(Any, network).lm_head(hidden).float()
    return logits


def written_states(
    network: T5ForConditionalGeneration, batch: Batch, *, everywhere: bool = False
) -> torch.Tensor:
    """Return the (N, F) states of the decoder that the N written tokens are read from.

    Args:
        network: encodes the contexts once for all their targets.
        batch: packed examples.
        everywhere: of all B x D decoder positions instead: picking some out takes a look at the
            labels, for which a GPU has to be waited for.
    """
    model = cast(Any, network)
    encoded = model.encoder(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask
    ).last_hidden_state
    dtype, depth = encoded.dtype, batch.labels.shape[1]
    # Whole masks: transformers would look into a short one to see whether it is needed.
    unseen = (~batch.attention_mask)[:, None, None, :].expand(-1, 1, depth, -1)
    crossing = torch.zeros(unseen.shape, dtype=dtype, device=unseen.device)
    decoded = model.decoder(
        input_ids=batch.decoder_input_ids,
        attention_mask=block_mask(batch.decoder_block, dtype),
        encoder_hidden_states=encoded,
        encoder_attention_mask=crossing.masked_fill(unseen, torch.finfo(dtype).min),
        use_cache=False,
    ).last_hidden_state
    hidden: torch.Tensor = decoded.flatten(0, 1) if everywhere else decoded[batch.labels != IGNORED]
    if network.config.scale_decoder_outputs:
        hidden = hidden * network.config.d_model**-0.5
    return hidden


def loss_of(
    network: T5ForConditionalGeneration,
    batch: Batch,
    *,
    label_smoothing: float = 0.0,
    weights: torch.Tensor | None = None,
    distillation: Distillation | None = None,
    everywhere: bool = False,
) -> Loss:
    """Return the cross-entropy of every written token.

    Args:
        network: the student, where there is a teacher.
        batch: packed examples.
        label_smoothing: of the trained loss alone.
        weights: (tasks,) weight of each task's tokens in the trained loss; equal when None.
        distillation: the teacher's logits of the same batch.
        everywhere: work all decoder positions out and count the written ones: nothing is waited
            for and every tensor's shape is known beforehand.
    """
    rows = torch.arange(len(batch.labels), device=batch.labels.device)[:, None]
    # Targets are numbered by row and block; padding belongs to one more that is not counted.
    spare = len(batch.labels) * len(TASK_ORDER)
    number = torch.where(
        batch.decoder_block >= 0, rows * len(TASK_ORDER) + batch.decoder_block, spare
    )
    written = batch.labels != IGNORED

    def picked(values: torch.Tensor) -> torch.Tensor:
        return values.flatten() if everywhere else values[written]

    labels, task, number = picked(batch.labels), picked(batch.task), picked(number)
    counted = picked(written).float()
    weight = counted if weights is None else counted * weights.to(counted.device)[task]
    hidden = written_states(network, batch, everywhere=everywhere)
    whole_output = label_smoothing or distillation is not None
    if hidden.device.type == "cpu" and not everywhere and not whole_output:
        written_loss = _lean(network, hidden, labels, weight)
    else:
        written_loss = _plain(network, hidden, labels, weight, label_smoothing, distillation)
    nats, right, apart = written_loss.nats, written_loss.right, written_loss.apart
    with torch.no_grad():
        # One wrong token spoils its target.
        none = torch.zeros(spare + 1, device=labels.device)
        wrong = none.index_add(0, number, (1 - right) * counted)[:spare]
        length = none.index_add(0, number, counted)[:spare]
        task_of = none.long().scatter(0, number, task)[:spare]
        whole = (length > 0).float()
    return Loss(
        total=written_loss.total,
        weight=weight.sum(),
        nats=_per_task(task, nats.detach()),
        divergence=_per_task(task, apart.detach()),
        tokens=_per_task(task, counted),
        correct=_per_task(task, right * counted),
        exact=_per_task(task_of, whole * (wrong == 0)),
        targets=_per_task(task_of, whole),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """What N written tokens cost: ``total`` is trained, the other three are (N,) and told."""

    total: torch.Tensor
    nats: torch.Tensor
    right: torch.Tensor
    apart: torch.Tensor


def _lean(
    network: T5ForConditionalGeneration,
    hidden: torch.Tensor,
    labels: torch.Tensor,
    weight: torch.Tensor,
) -> _Written:
    """Return the cross-entropy alone, on a processor."""
    precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    table = network.lm_head.weight
    with torch.autocast("cpu", enabled=False):
        loss = output_loss(hidden.to(precision or table.dtype), table, labels, weight)
    none = torch.zeros_like(loss.nats)
    return _Written(total=loss.total, nats=loss.nats, right=loss.right, apart=none)


def _plain(
    network: T5ForConditionalGeneration,
    hidden: torch.Tensor,
    labels: torch.Tensor,
    weight: torch.Tensor,
    label_smoothing: float,
    distillation: Distillation | None,
) -> _Written:
    """Return the cross-entropy, smoothed and distilled as asked, from the logits of all pieces."""
    logits: torch.Tensor = cast(Any, network).lm_head(hidden).float()
    nats = nn.functional.cross_entropy(logits, labels, reduction="none")
    trained = nats
    if label_smoothing:
        trained = nn.functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=label_smoothing
        )
    apart = torch.zeros_like(nats)
    if distillation is not None:
        # Rows of an embedding beyond the vocabulary are nobody's tokens.
        shared = min(logits.shape[-1], distillation.logits.shape[-1])
        apart = divergence(
            distillation.logits[:, :shared], logits[:, :shared], distillation.temperature
        )
        share = distillation.weight
        trained = (1 - share) * trained + share * distillation.temperature**2 * apart
    with torch.no_grad():
        right = (logits.argmax(-1) == labels).float()
    return _Written(total=(trained * weight).sum(), nats=nats, right=right, apart=apart)


class PackedLoss(nn.Module):
    """`loss_of` as a module, for what wraps modules: its parameters are the network's alone."""

    def __init__(
        self,
        network: T5ForConditionalGeneration,
        *,
        label_smoothing: float,
        weights: torch.Tensor,
    ) -> None:
        """Keep what is the same for every batch; see ``loss_of``."""
        super().__init__()
        self.network = network
        self._label_smoothing = label_smoothing
        self._weights = weights

    def forward(self, batch: Batch, distillation: Distillation | None = None) -> Loss:
        """Return the loss of ``batch``."""
        return loss_of(
            self.network,
            batch,
            label_smoothing=self._label_smoothing,
            weights=self._weights,
            distillation=distillation,
        )


def _per_task(task: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    sums = torch.zeros(len(TASK_ORDER), device=values.device, dtype=torch.float32)
    return sums.index_add(0, task, values.float())
