"""Temperature fit: one temperature per task on half of the dialogues, its effect on the other half.

`calibration_run` calls it with a watched rollout and reports what it returns. Example:
``fit(model, evidence)`` gives ``{TaskName.INTENT: 1.4, ...}``;
``measure(model, other_evidence, temperatures)`` tells whether that helped where nothing was fitted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp

import torch

from todserve.evaluation.calibration.calibration_report import AFTER, BEFORE, TaskCalibration
from todserve.evaluation.calibration.judged_claims import Claim, claims, generated_passages
from todserve.evaluation.calibration.reliability import Judged, reliability
from todserve.evaluation.calibration.temperature import (
    FITTED_BY,
    GRID,
    best_for_claims,
    best_for_tokens,
    log_probs_at,
)
from todserve.evaluation.metrics.forced_passages import NextTokens, Passage
from todserve.evaluation.metrics.information import Nats, mean_entropy
from todserve.evaluation.metrics.reference_passages import reference_passages
from todserve.evaluation.watched_rollout import Watched
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.prompts import PromptBuilder
from todserve.runtime.language.tasks import TaskName

OnBatch = Callable[[int], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The claims and logits of some dialogues, from which temperatures are fitted.

    Attributes:
        generated: what the model wrote.
        claims: (place in ``generated``, claim).
        references: what the corpus would have had it write.
    """

    generated: Sequence[Passage]
    claims: Sequence[tuple[int, Claim]]
    references: Sequence[Passage]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A temperature, and the number of claims or tokens that it rests on."""

    temperature: float
    of: int


def gather(
    turns: Iterable[Watched], dialogues: Iterable[Dialogue], checkpoint: Checkpoint
) -> Evidence:
    """Judge watched turns and lay the references beside them; ``dialogues`` are enriched."""
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    generated: list[Passage] = []
    found: list[tuple[int, Claim]] = []
    for one in turns:
        if one.work is None:
            continue
        places: dict[TaskName, int] = {}
        for task, passage in generated_passages(one.work, builder).items():
            places[task] = len(generated)
            generated.append(passage)
        for claim in claims(
            one.work, one.outcome.turn, checkpoint.format.belief_target, checkpoint.schema
        ):
            found.append((places[claim.task], claim))
    references = reference_passages(dialogues, builder, checkpoint.knowledge)
    return Evidence(generated=generated, claims=found, references=list(references))


def fit(
    model: NextTokens,
    evidence: Evidence,
    *,
    batch: int = 64,
    on_batch: OnBatch = lambda passages: None,
) -> dict[TaskName, Fitted]:
    """Return each task's temperature; see ``temperature`` for what is minimised."""
    grid = dict.fromkeys(TaskName, GRID)
    telling = [(at, claim) for at, claim in evidence.claims if claim.kind is FITTED_BY[claim.task]]
    places = sorted({at for at, _ in telling})
    logs = dict(
        zip(
            places,
            log_probs_at(
                model,
                [evidence.generated[at] for at in places],
                grid,
                batch=batch,
                on_batch=on_batch,
            ),
            strict=True,
        )
    )
    by_task: dict[TaskName, list[tuple[list[float], bool]]] = defaultdict(list)
    for at, claim in telling:
        by_task[claim.task].append((_log_confidence(claim, logs[at]), claim.right))
    words = [one for one in evidence.references if FITTED_BY[one.task] is None]
    tokens: dict[TaskName, list[torch.Tensor]] = defaultdict(list)
    found = log_probs_at(model, words, grid, batch=batch, on_batch=on_batch)
    for one, log_probs in zip(words, found, strict=True):
        tokens[one.task].append(log_probs)
    return {
        task: Fitted(
            temperature=round(best_for_tokens(tokens[task]), 4), of=sum(map(len, tokens[task]))
        )
        if kind is None
        else Fitted(temperature=round(best_for_claims(by_task[task]), 4), of=len(by_task[task]))
        for task, kind in FITTED_BY.items()
    }


def measure(
    model: NextTokens,
    evidence: Evidence,
    fitted: Mapping[TaskName, Fitted],
    *,
    batch: int = 64,
    on_batch: OnBatch = lambda passages: None,
) -> dict[TaskName, TaskCalibration]:
    """Return how honest each task's confidences are with temperature 1 and with the fitted one."""
    pairs = {task: (1.0, one.temperature) for task, one in fitted.items()}
    logs = log_probs_at(model, evidence.generated, pairs, batch=batch, on_batch=on_batch)
    judged: dict[TaskName, dict[str, list[tuple[Judged, Judged]]]] = {task: {} for task in fitted}
    for at, claim in evidence.claims:
        before, after = map(exp, _log_confidence(claim, logs[at]))
        judged[claim.task].setdefault(str(claim.kind), []).append(
            (
                Judged(confidence=before, right=claim.right),
                Judged(confidence=after, right=claim.right),
            )
        )
    words = log_probs_at(model, evidence.references, pairs, batch=batch, on_batch=on_batch)
    nats: dict[TaskName, list[torch.Tensor]] = defaultdict(list)
    for one, log_probs in zip(evidence.references, words, strict=True):
        nats[one.task].append(-log_probs)
    entropies = mean_entropy(model, evidence.generated, batch=batch)
    return {
        task: TaskCalibration(
            temperature=one.temperature,
            fitted_on=one.of,
            claims={
                kind: {
                    BEFORE: reliability([before for before, _ in found]),
                    AFTER: reliability([after for _, after in found]),
                }
                for kind, found in judged[task].items()
            },
            cross_entropy=_cross_entropy(nats[task]),
            entropy=entropies.get(task),
        )
        for task, one in fitted.items()
    }


def _log_confidence(claim: Claim, log_probs: torch.Tensor) -> list[float]:
    """Return the claim's log-confidence at each temperature; (tokens, temperatures) go in."""
    values: list[float] = log_probs[list(claim.tokens)].double().sum(dim=0).tolist()
    return values


def _cross_entropy(nats: Sequence[torch.Tensor]) -> dict[str, Nats]:
    if not nats:
        return {}
    every = torch.cat(list(nats)).double()
    before, after = every.mean(dim=0).tolist()
    return {
        BEFORE: Nats(mean=before, tokens=len(every)),
        AFTER: Nats(mean=after, tokens=len(every)),
    }
