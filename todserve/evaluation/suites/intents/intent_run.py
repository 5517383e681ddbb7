"""``tod evaluate banking77`` and ``tod evaluate clinc150``: intents of single utterances.

It reads the labelled files, asks the pipeline for each intent, and scores what was predicted.
Example: ``run_banking77(AnswererSource(checkpoint=folder),
Path("banking77/test.csv"))["accuracy"]``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.readers.clinc150.clinc150_reader import OUT_OF_SCOPE
from todserve.corpora.readers.single_utterances import Utterance
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.intents.intent_files import (
    file_checksum,
    labelled_banking77,
    labelled_clinc150,
    sampled,
)
from todserve.evaluation.suites.intents.intent_prediction import PROTOCOL, predict_intents
from todserve.evaluation.suites.intents.intent_scores import (
    LabelledIntent,
    intent_figures,
    scope_figures,
    spelled,
)
from todserve.runtime.console import tell

_PRINTED_CONFUSIONS = 10


def run_banking77(
    source: AnswererSource,
    csv: Path,
    json_out: Path | None = None,
    *,
    limit: int | None = None,
    batch: int = 64,
    progress: bool = True,
) -> dict[str, Any]:
    """Score a checkpoint on a file in Banking77's layout, print the figures and return them.

    Args:
        source: who answers.
        csv: ``test.csv`` (3,080 rows); quoted commas and newlines belong to a text.
        json_out: write the figures to this file.
        limit: score at most so many rows, always the same ones.
        batch: utterances in one pipeline call.
        progress: show a progress bar on stderr.

    Returns:
        The figures of `intent_figures`, and ``signature``.

    Raises:
        ConfigError: a wrong checkpoint or limit.
        CorpusError: the file is missing or not in the publisher's layout.
    """
    utterances = sampled(labelled_banking77(csv), limit)
    rows, model = _labelled(source, utterances, batch=batch, progress=progress)
    signature = _signature("banking77", csv.stem, csv, limit, model)
    return _reported(intent_figures(rows), signature, json_out)


def run_clinc150(
    source: AnswererSource,
    file: Path,
    json_out: Path | None = None,
    *,
    split: str = "test",
    limit: int | None = None,
    batch: int = 64,
    progress: bool = True,
) -> dict[str, Any]:
    """Score a checkpoint on a file in CLINC150's layout, print the figures and return them.

    Args:
        source: who answers.
        file: ``data_full.json`` or another of its kind.
        json_out: write the figures to this file.
        split: ``test`` (4,500 utterances in scope, 1,000 out of scope), ``dev`` or ``train``.
        limit: score at most so many utterances, always the same ones.
        batch: utterances in one pipeline call.
        progress: show a progress bar on stderr.

    Returns:
        The figures of `scope_figures`, those of `intent_figures` over both kinds of utterances
        together, and ``signature``.

    Raises:
        ConfigError: a wrong checkpoint or limit.
        CorpusError: the file is missing, not in the publisher's layout, or without that split.
    """
    utterances = sampled(labelled_clinc150(file, split), limit)
    rows, model = _labelled(source, utterances, batch=batch, progress=progress)
    signature = _signature("clinc150", split, file, limit, model)
    figures = scope_figures(rows, OUT_OF_SCOPE) | intent_figures(rows)
    return _reported(figures, signature, json_out)


def _labelled(
    source: AnswererSource,
    utterances: Sequence[Utterance],
    *,
    batch: int,
    progress: bool,
) -> tuple[list[LabelledIntent], str]:
    """Return the predictions beside the labels, and what a signature calls the answerer."""
    from tqdm import tqdm

    pipeline = source.open()
    try:
        expected = spelled([one.intent for one in utterances], pipeline.checkpoint.schema)
        texts = [one.text for one in utterances]
        with tqdm(
            total=len(texts), unit=" utterances", disable=not progress, dynamic_ncols=True
        ) as bar:
            predicted = predict_intents(pipeline, texts, batch=batch, on_batch=bar.update)
    finally:
        pipeline.close()
    rows = [
        LabelledIntent(expected=one, predicted=guess)
        for one, guess in zip(expected, predicted, strict=True)
    ]
    return rows, source.signed_name(pipeline)


def _signature(corpus: str, split: str, file: Path, limit: int | None, model: str) -> str:
    return str(
        Signature(
            corpus=corpus,
            split=f"{split}:{file_checksum(file)}",
            subset="all" if limit is None else f"sample-{limit}",
            checkpoint=model,
            code=code_version(),
            protocol=PROTOCOL,
        )
    )


def _reported(figures: Mapping[str, Any], signature: str, json_out: Path | None) -> dict[str, Any]:
    signed = {**figures, "signature": signature}
    tell(intent_table(signed))
    if json_out is not None:
        save_figures(signed, json_out)
        tell(f"written to {json_out}")
    return signed


def intent_table(figures: Mapping[str, Any]) -> str:
    """Return the figures, the most frequent confusions and the signature as aligned text."""
    lines = [f"{figures['rows']} utterances, {figures['labels']} intents"]
    lines += [
        f"  {name:<24} {'-' if value is None else f'{value:.4f}':>7}"
        for name, value in figures.items()
        if value is None or isinstance(value, float)
    ]
    lines += [
        f"  {one['count']:>5} x {one['expected']} taken for {one['predicted'] or 'no known intent'}"
        for one in figures["confusions"][:_PRINTED_CONFUSIONS]
    ]
    return "\n".join([*lines, str(figures["signature"])])
