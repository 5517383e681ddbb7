"""``tod evaluate multiwoz --predictions FILE``: score any system's predictions file.

It reads the file, scores it by the standardised rules, and prints the scores. Example:
``run_predictions(Path("pptod.json"), Path("scores.json"))["inform"]`` is 83.1.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_multiwoz_schema
from todserve.corpora.registry import find
from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.domains.domain_flips import flips_of_states
from todserve.evaluation.suites.multiwoz.multiwoz_goals import Task, read_tasks
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import (
    Predictions,
    check_complete,
    read_predictions,
)
from todserve.evaluation.suites.multiwoz.multiwoz_scores import RULES, score_predictions
from todserve.evaluation.suites.multiwoz.multiwoz_venues import Venues
from todserve.runtime.console import tell, warn
from todserve.runtime.language.schema import Schema

CORPUS = "multiwoz21"


def run_predictions(
    file: Path,
    json_out: Path | None = None,
    root: Path | None = None,
    *,
    allow_partial: bool = False,
) -> dict[str, Any]:
    """Score a predictions file for MultiWOZ's test or dev split; print and return the figures.

    The split is the one that the file's dialogue ids belong to.

    Args:
        file: in the public format, see ``multiwoz_predictions``.
        json_out: write the figures to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        allow_partial: score what is there although dialogues or turns are missing.

    Returns:
        ``inform``, ``success``, ``bleu``, ``combined`` (0 to 100), ``flips`` (A-B-A flips of the
        active domain that our own decision makes of the predicted states; None without states),
        ``signature``, and detail: ``domains``, ``counts``, ``bleu_note``, ``protocol``,
        ``uncounted_placeholders``.

    Raises:
        ConfigError: the file is not in the format, or not whole.
        CorpusError: MultiWOZ is missing or malformed.
    """
    predictions = read_predictions(file)
    source = find(CORPUS, root)
    split, tasks = _split_of(predictions, source)
    missing_turns = check_complete(predictions, tasks, allow_partial=allow_partial)
    scores = score_predictions(predictions, tasks, Venues.read(source))
    absent = len(tasks) - len(predictions)
    signature = Signature(
        corpus=CORPUS,
        split=split,
        subset="all" if not absent else f"PARTIAL-{len(predictions)}-of-{len(tasks)}",
        checkpoint=f"predictions-{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}",
        code=code_version(),
        protocol=f"{RULES},{scores.protocol},bleu:surrogate-2.1-spans,{scores.bleu.signature}",
    )
    content = scores.figures()
    content["counts"] |= {"missing_dialogues": absent, "missing_turns": missing_turns}
    content = {
        **{name: content.pop(name) for name in ("inform", "success", "bleu", "combined")},
        "flips": _flips(predictions, tasks, source),
        "signature": str(signature),
        **content,
        "protocol": scores.protocol,
    }
    _report(content)
    if json_out is not None:
        save_figures(content, json_out)
        tell(f"written to {json_out}")
    return content


def published_schema(source: CorpusSource) -> Schema:
    """Return the schema of MultiWOZ under this project's names.

    Raises:
        CorpusError: the corpus has none.
    """
    with source.open("schema.json") as stream, TemporaryDirectory() as folder:
        path = Path(folder) / "schema.json"
        path.write_bytes(stream.read())
        return canonical_multiwoz_schema(path)


def _split_of(predictions: Predictions, source: CorpusSource) -> tuple[str, dict[str, Task]]:
    """Return the split most of the dialogues are of; test where none is known."""
    tasks = read_tasks(source, "test")
    if predictions.keys() & tasks.keys():
        return "test", tasks
    other = read_tasks(source, "dev")
    return ("dev", other) if predictions.keys() & other.keys() else ("test", tasks)


def _flips(predictions: Predictions, tasks: Mapping[str, Task], source: CorpusSource) -> int | None:
    if any(turn.state is None for turns in predictions.values() for turn in turns):
        return None
    return flips_of_states(
        {
            name: [
                (wizard.user, turn.state or {})
                for wizard, turn in zip(tasks[name].turns, turns, strict=False)
            ]
            for name, turns in predictions.items()
        },
        published_schema(source),
    )


def _report(content: Mapping[str, Any]) -> None:
    counts = content["counts"]
    tell(f"{counts['dialogues']} dialogues, {counts['turns']} turns")
    for name in ("inform", "success", "bleu", "combined", "flips"):
        tell(f"  {name:<10} {content[name]}")
    for domain, one in content["domains"].items():
        losses = ", ".join(f"{name} {number}" for name, number in one["losses"].items())
        tell(
            f"  {domain:<11} {one['goals']:>4} goals  inform {one['inform']:>6.2f}  "
            f"success {one['success']:>6.2f}  {losses}"
        )
    if counts["missing_turns"] or counts["missing_dialogues"]:
        warn(
            f"{counts['missing_dialogues']} dialogues and {counts['missing_turns']} turns "
            "are missing"
        )
    if "GOLD" in content["protocol"]:
        warn("the predictions have no states; MultiWOZ 2.1's gold states are used")
    tell(content["signature"])
    tell(f"BLEU is a {content['bleu_note']}")
