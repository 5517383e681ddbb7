"""The ablation of the domain decision, and the decision of a checkpoint.

Example: ``run_domain_ablation()`` prints a table of what words, acts and the previous domain tell
of the domain, with the signature of what was measured.
"""

import hashlib
from pathlib import Path
from typing import Any

from todserve.corpora.enrichment import enrich
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged
from todserve.corpora.readers.sgd.sgd_reader import read_sgd
from todserve.corpora.registry import find
from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.figures import save_figures
from todserve.evaluation.rollout import PROTOCOL, roll_out
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.domains.domain_ablation import FOUR_DOMAINS, ablate, scenes_of
from todserve.evaluation.suites.domains.domain_comparison import (
    compare_decisions,
    scenes_of_outcomes,
)
from todserve.evaluation.suites.domains.domain_scores import score_table
from todserve.runtime.console import tell
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.tracking.domain_model import DOMAIN_MODEL, DomainModel


def run_domain_ablation(
    json_out: Path | None = None,
    *,
    root: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Run the ablation over the four domains of the 2011 study and over all of SGD.

    Args:
        json_out: write the figures to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        progress: show progress bars on stderr.

    Returns:
        ``four_domains`` and ``all_domains``, each with ``signature``, ``dialogues`` and ``rows``.

    Raises:
        CorpusError: Schema-Guided Dialogue or scikit-learn is missing.
    """
    source = find("sgd", root)
    train = list(scenes_of(read_sgd(source, "train", progress=progress)))
    dev = list(scenes_of(read_sgd(source, "dev", progress=progress)))
    content: dict[str, Any] = {}
    for name, domains in (("four_domains", FOUR_DOMAINS), ("all_domains", None)):
        chosen = [
            [
                part
                for part in split
                if domains is None or all(one.domain in domains for one in part)
            ]
            for split in (train, dev)
        ]
        rows = ablate(*chosen)
        signature = Signature(
            corpus="sgd",
            split="dev",
            subset=name,
            checkpoint="maximum-entropy-fitted-on-train",
            code=code_version(),
            protocol="gold-system-acts,previous-domain-as-named-in-the-row",
        )
        content[name] = {
            "signature": str(signature),
            "dialogues": {"train": len(chosen[0]), "dev": len(chosen[1])},
            "rows": [
                {"sources": row.sources, "previous": row.previous, **row.scores.figures()}
                for row in rows
            ],
        }
        tell(f"{name}: {len(chosen[0])} train, {len(chosen[1])} dev dialogues")
        tell(score_table([(f"{one.sources} ({one.previous})", one.scores) for one in rows]))
        tell(signature)
    return _written(content, json_out)


def run_domain_comparison(
    checkpoint: Path,
    json_out: Path | None = None,
    *,
    limit: int | None = None,
    model: Path | None = None,
    root: Path | None = None,
    settings: EngineSettings | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Compare rule, classifier and their combination on MultiWOZ dev, states predicted.

    Only ``dev-held-out`` is scored: the other half chose the decision's thresholds and taught the
    silver annotator. The expected domain is that of the annotated acts.

    Args:
        checkpoint: a checkpoint folder.
        json_out: write the figures to this file.
        limit: score at most so many dialogues, always the same ones.
        model: the domain model, when it is not the checkpoint's own ``domain.json``.
        root: where the corpora are; the environment variable TOD_DATA when None.
        settings: engine, dtype, threads.
        progress: show a progress bar on stderr.

    Returns:
        ``signature``, ``dialogues`` and ``rows``.

    Raises:
        ConfigError: a wrong checkpoint, or no domain model.
        CorpusError: MultiWOZ is missing or malformed.
    """
    from tqdm import tqdm

    path = model or checkpoint / DOMAIN_MODEL
    if not path.is_file():
        raise ConfigError(
            f"no domain model {path}; `tod fit-domains PREPARED {checkpoint}` writes one"
        )
    weights = DomainModel.load(path)
    source = AnswererSource(checkpoint=checkpoint, settings=settings)
    pipeline = source.open()
    try:
        opened = pipeline.checkpoint
        delexicaliser = Delexicaliser(opened.knowledge, opened.schema, opened.style.values)
        read = read_merged(find("multiwoz21", root), "dev", replies=ReplySource.TSV)
        held_out = (one for one in read if dev_half(one.dialogue_id) is DevHalf.HELD_OUT)
        dialogues = [
            enrich(one, delexicaliser, opened.knowledge, opened.schema, keep_spans=False)
            for one in select(held_out, limit=limit)
        ]
        turns = sum(len(one.turns) for one in dialogues)
        with tqdm(total=turns, unit=" turns", disable=not progress, dynamic_ncols=True) as bar:
            outcomes = list(roll_out(pipeline, dialogues, on_batch=bar.update))
    finally:
        pipeline.close()
    rows = compare_decisions(scenes_of_outcomes(outcomes), opened.schema, weights)
    subset = str(DevHalf.HELD_OUT) if limit is None else f"{DevHalf.HELD_OUT}-first-{limit}"
    signature = Signature(
        corpus="multiwoz21",
        split="dev",
        subset=subset,
        checkpoint=source.signed_name(pipeline),
        code=code_version(),
        protocol=f"{PROTOCOL},domain-model:{_checksum(path)}",
    )
    tell(score_table([(one.decision, one.scores) for one in rows]))
    for row in rows:
        tell(f"{row.decision}: {row.changes.switches} switches, {row.changes.flips} flips")
    tell(signature)
    content = {
        "signature": str(signature),
        "dialogues": len(dialogues),
        "rows": [
            {
                "decision": one.decision,
                **one.scores.figures(),
                "switches": one.changes.switches,
                "flips": one.changes.flips,
            }
            for one in rows
        ],
    }
    return _written(content, json_out)


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _written(content: dict[str, Any], path: Path | None) -> dict[str, Any]:
    if path is not None:
        save_figures(content, path)
        tell(f"written to {path}")
    return content
