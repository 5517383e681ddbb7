"""Flips run: how often published predictions change the domain, and how often that is right.

``tod evaluate`` calls it with a file of predictions. Example:
``run_domain_flips(Path("pptod.json"), schema)["decided"]["flips"]``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from todserve.corpora.readers.multiwoz.multiwoz_reader import read_annotated
from todserve.corpora.registry import find
from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.domains.domain_flips import (
    changes_of,
    decided_domains,
    estimated_domains,
    with_utterances,
)
from todserve.evaluation.suites.domains.domain_scores import DecidedTurn, score_domains
from todserve.runtime.console import tell
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.domain_model import DomainModel
from todserve.runtime.untrusted.json_text import read_json


def run_domain_flips(
    predictions: Path,
    schema: Schema,
    json_out: Path | None = None,
    *,
    model: DomainModel | None = None,
    root: Path | None = None,
) -> dict[str, Any]:
    """Count switches and flips of published predictions for MultiWOZ's test split.

    Nothing is chosen by these figures; the decision was settled on dev.

    Args:
        predictions: in the public mwzeval format: dialogue id -> turns with ``state``.
        schema: MultiWOZ's, under this project's names.
        json_out: write the figures to this file.
        model: the domain model, if the decision is to use one.
        root: where the corpora are; the environment variable TOD_DATA when None.

    Returns:
        ``estimated`` (the public evaluator's guess of each domain) and ``decided`` (ours), each
        with switches, flips and agreement with the annotated domains, and ``signature``.

    Raises:
        CorpusError: not that format, or other dialogues than the corpus's.
    """
    states = _read_states(predictions)
    checksum = hashlib.sha256(predictions.read_bytes()).hexdigest()[:12]
    dialogues = list(read_annotated(find("multiwoz21", root), "test"))
    joined = with_utterances(states, dialogues)
    expected = {
        one.dialogue_id.lower(): [turn.active_domain for turn in one.turns] for one in dialogues
    }
    sequences = {
        "estimated": {
            name: estimated_domains([s for _, s in turns]) for name, turns in joined.items()
        },
        "decided": {name: decided_domains(turns, schema, model) for name, turns in joined.items()},
    }
    content: dict[str, Any] = {}
    for name, domains in sequences.items():
        scores = score_domains(
            _beside(expected[dialogue_id], found) for dialogue_id, found in domains.items()
        )
        content[name] = {**asdict(changes_of(domains.values())), **scores.figures()}
    content["signature"] = str(
        Signature(
            corpus="multiwoz21",
            split="test",
            subset="all",
            checkpoint=f"predictions-{checksum}",
            code=code_version(),
            protocol="published-states,corpus-utterances,no-intent",
        )
    )
    for name, figures in content.items():
        tell(f"{name} {figures}")
    if json_out is not None:
        save_figures(content, json_out)
        tell(f"written to {json_out}")
    return content


def _beside(expected: list[str | None], decided: list[str | None]) -> list[DecidedTurn]:
    turns: list[DecidedTurn] = []
    before: str | None = None
    for wanted, found in zip(expected, decided, strict=False):
        if wanted is not None:
            turns.append(DecidedTurn(expected=wanted, given=before, decided=found))
        before = found
    return turns


def _read_states(path: Path) -> Mapping[str, list[BeliefState]]:
    try:
        content = read_json(path)
        return {name: [turn["state"] for turn in turns] for name, turns in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(
            f"cannot read predictions {path}: {error!r}; expected a JSON object of dialogue id -> "
            "turns, each with a `state` of domain -> slot -> value"
        ) from error
