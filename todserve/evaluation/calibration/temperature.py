"""Temperature: one number per task that divides its logits, chosen on dev.

`temperature_fit` calls it with judged claims, and the result is saved in ``calibration.json``.
Example: claims made with 0.9 of which 0.8 come true need a temperature above 1.

What is minimised. Guo et al. (ICML 2017) fit the temperature by the negative log-likelihood of
the true class on held-out examples, a proper scoring rule, so that the best temperature is also
the honest one. Here the confidence that is served is that of a claim, a product of token
probabilities, so its likelihood is taken: that of the outcome right / wrong under the confidence
(after Kuleshov & Liang, NIPS 2015), and not that of the reference's tokens, which would calibrate
a number nobody is shown, along pasts the model did not write. A reply has no right and wrong;
its temperature is fitted by the likelihood of the reference's tokens, Guo et al.'s own measure.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log

import torch

from todserve.evaluation.calibration.judged_claims import ClaimKind
from todserve.evaluation.calibration.reliability import Judged, log_loss
from todserve.evaluation.metrics.forced_passages import NextTokens, Passage, in_batches, targets
from todserve.runtime.language.tasks import TaskName

GRID = tuple(2 ** (step / 4) for step in range(-8, 13))
"""Temperatures that are tried: 1/4 to 8, four an octave; the minimum is refined between them."""

FITTED_BY: Mapping[TaskName, ClaimKind | None] = {
    TaskName.BELIEF_STATE: ClaimKind.SLOT,
    TaskName.INTENT: ClaimKind.INTENT,
    TaskName.DIALOGUE_ACT: ClaimKind.ACT,
    TaskName.RESPONSE: None,
}
"""Task -> the claims whose likelihood fits its temperature; None: the reference's tokens."""


def log_probs_at(
    model: NextTokens,
    passages: Sequence[Passage],
    temperatures: Mapping[TaskName, Sequence[float]],
    *,
    batch: int = 64,
    on_batch: Callable[[int], object] = lambda passages: None,
) -> list[torch.Tensor]:
    """Return the log-probabilities of each passage's target tokens at some temperatures.

    Args:
        model: gives the logits, once for all temperatures.
        passages: any tasks mixed.
        temperatures: task -> as many as asked for.
        batch: passages in one pass.
        on_batch: called with the number of passages done, for a progress bar.

    Returns:
        for each passage (target tokens, temperatures of its task), nats.
    """
    found: dict[int, torch.Tensor] = {}
    for places in in_batches(passages, batch):
        part = [passages[place] for place in places]
        sizes = [len(one.target) for one in part]
        logits = model(part).split(sizes)
        ids = targets(part).split(sizes)
        for place, one, rows, chosen in zip(places, part, logits, ids, strict=True):
            found[place] = _tempered(rows, chosen, temperatures[one.task])
        on_batch(len(part))
    return [found[place] for place in range(len(passages))]


def best_for_claims(claims: Sequence[tuple[Sequence[float], bool]]) -> float:
    """Return the temperature at which what happened is likeliest; 1 where nothing was claimed.

    Args:
        claims: (log-confidence at each temperature of GRID, whether it was right).
    """
    if not claims:
        return 1.0
    return _minimum(
        [
            sum(log_loss(Judged(confidence=exp(logs[at]), right=right)) for logs, right in claims)
            for at in range(len(GRID))
        ]
    )


def best_for_tokens(log_probs: Sequence[torch.Tensor]) -> float:
    """Return the temperature at which the tokens are likeliest: (tokens, GRID) tensors."""
    if not log_probs:
        return 1.0
    sums = torch.stack([one.double().sum(dim=0) for one in log_probs])
    return _minimum((-sums.sum(dim=0)).tolist())


def _tempered(
    logits: torch.Tensor, chosen: torch.Tensor, temperatures: Sequence[float]
) -> torch.Tensor:
    picked = logits.gather(1, chosen.to(logits.device)[:, None])[:, 0]
    columns = [picked / one - (logits / one).logsumexp(dim=-1) for one in temperatures]
    return torch.stack(columns, dim=1).clamp_max(0).cpu()


def _minimum(losses: Sequence[float]) -> float:
    """Return where a parabola through the lowest point and its neighbours is lowest.

    On the logarithm of the temperature; at an end of the grid, that end.
    """
    at = min(range(len(losses)), key=losses.__getitem__)
    if at in (0, len(losses) - 1):
        return GRID[at]
    before, here, after = losses[at - 1 : at + 2]
    bend = before - 2 * here + after
    shift = (before - after) / (2 * bend) if bend > 0 else 0.0
    return exp(log(GRID[at]) + shift * log(GRID[1] / GRID[0]))
