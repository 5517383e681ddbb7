"""Calibration dialogues: which of dev to fit temperatures on, and which to report.

`calibration_run` and the fits of the floor and of names take their dialogues from it. Training's
silver labels of acts and intents were learned from ``dev-annotator``, so nothing is judged there.
``dev-held-out`` is halved again by a hash of the dialogue id that is independent of the other
halves: ``fit`` and ``report``. No test dialogue is ever read. Example:
``calibration_half("PMUL0001")``.
"""

import hashlib
from enum import StrEnum
from pathlib import Path

from todserve.corpora.enrichment import enrich
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_dev_merged
from todserve.corpora.registry import find
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.language.dialogue import Dialogue

CORPUS, SPLIT = "multiwoz21", "dev"
"""The corpus whose labels speak of the checkpoints' domains, and the split to fit on."""


class Half(StrEnum):
    """Which half of ``dev-held-out`` a dialogue belongs to."""

    FIT = "fit"
    REPORT = "report"


def calibration_half(dialogue_id: str) -> Half:
    """Return the half, by a hash that is independent of ``dev_half``'s and ``select``'s."""
    even = hashlib.sha256(f"calibration:{dialogue_id}".encode()).digest()[0] % 2 == 0
    return Half.FIT if even else Half.REPORT


def dev_dialogues(checkpoint: Checkpoint, root: Path | None) -> list[Dialogue]:
    """Return the dialogues of dev, both halves, enriched as training's dev was.

    Raises:
        CorpusError: the corpus is missing or malformed.
    """
    delexicaliser = Delexicaliser(checkpoint.knowledge, checkpoint.schema, checkpoint.style.values)
    return [
        enrich(
            one,
            delexicaliser,
            checkpoint.knowledge,
            checkpoint.schema,
            keep_spans=False,
            keep_domains=False,
        )
        for one in read_dev_merged(find(CORPUS, root), replies=ReplySource.TSV)
    ]
