"""Information: entropy and Kullback-Leibler divergence of next-token predictions.

Calibration and fidelity call it with the logits of forced passages. Everything is in nats (natural
logarithm): a fair coin has an entropy of ln 2 = 0.693 nats. Example: networks that predict alike
diverge by 0.

Definitions: Cover & Thomas, Elements of Information Theory, chapter 2.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from todserve.evaluation.metrics.forced_passages import NextTokens, Passage, in_batches
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName

DEFINITIONS = {
    "cross_entropy": "-ln q(w), q the model's next-token distribution given the reference's own "
    "past, w the reference token; mean over all reference tokens, end tokens included; nats",
    "entropy": "-sum_v q(v) ln q(v), q the model's next-token distribution given what it wrote "
    "before; mean over all tokens it generated, end tokens included; nats",
    "kl_divergence": "sum_v p(v) ln(p(v) / q(v)), p the first model's next-token distribution and "
    "q the second's given the same prefix; mean over all prefixes; nats; 0 for equal models, "
    "not symmetric",
}
"""What each measure is; goes into every report that carries one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nats:
    """A mean in nats per token, over so many tokens."""

    mean: float
    tokens: int


def entropy(logits: torch.Tensor) -> torch.Tensor:
    """Return ``-sum q ln q`` of each row of (N, V) logits: (N,) nats from 0 to ln V."""
    log_q = logits.log_softmax(dim=-1)
    return -(log_q.exp() * log_q).sum(dim=-1).clamp_max(0)


def kl_divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ``sum p ln(p / q)`` of each row, p from ``first`` and q from ``second``.

    Args:
        first: (N, V) logits.
        second: (N, V) logits after the same prefixes.

    Returns:
        (N,) nats, finite and at least 0: rounding can take equal rows a hair below, which is
        cut.

    Raises:
        ConfigError: the vocabularies differ, or a logit is not finite (a probability of 0 in
            ``second`` would make the divergence infinite).
    """
    if first.shape != second.shape:
        raise ConfigError(
            f"the first model predicts {tuple(first.shape)} (tokens, vocabulary), the second "
            f"{tuple(second.shape)}; expected two models with the same tokenizer.json"
        )
    if not bool(torch.isfinite(first).all() and torch.isfinite(second).all()):
        raise ConfigError("logits are not finite; expected two undamaged models in float32")
    log_p = first.double().log_softmax(dim=-1)
    log_q = second.double().log_softmax(dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1).clamp_min(0)


def mean_entropy(
    model: NextTokens, passages: Sequence[Passage], *, batch: int = 64
) -> dict[TaskName, Nats]:
    """Return the mean entropy of the model's predictions along ``passages``, its own texts."""
    return _means(passages, batch, lambda part: entropy(model(part)))


def _means(
    passages: Sequence[Passage],
    batch: int,
    measure: Callable[[Sequence[Passage]], torch.Tensor],
) -> dict[TaskName, Nats]:
    totals: dict[TaskName, float] = {}
    tokens: Counter[TaskName] = Counter()
    for places in in_batches(passages, batch):
        part = [passages[place] for place in places]
        values = measure(part).double().split([len(one.target) for one in part])
        for one, own in zip(part, values, strict=True):
            totals[one.task] = totals.get(one.task, 0.0) + float(own.sum())
            tokens[one.task] += len(own)
    return {task: Nats(mean=totals[task] / tokens[task], tokens=tokens[task]) for task in tokens}
