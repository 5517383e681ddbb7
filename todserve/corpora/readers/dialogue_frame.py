"""Dialogue frame: the steps that every reader of whole dialogues begins and ends with.

A reader passes it the turns of one dialogue; it makes the dialogue and counts in the reader's
report what was read.
Example: ``yield from kept("0001", turns, source, "train", report)`` yields nothing for no turns.
"""

from collections.abc import Iterator

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.read_report import ReadReport
from todserve.runtime.language.dialogue import Dialogue, Turn


def begun(report: ReadReport | None, source: CorpusSource, split: str) -> ReadReport:
    """Return ``report``, or one of the reader's own, named after what is about to be read."""
    report = report if report is not None else ReadReport()
    report.corpus, report.split = source.publisher.name, split
    return report


def kept(
    dialogue_id: str,
    turns: tuple[Turn, ...],
    source: CorpusSource,
    split: str,
    report: ReadReport,
    *,
    where: str | None = None,
) -> Iterator[Dialogue]:
    """Yield the dialogue and count it; one without turns is skipped and counted as that.

    Args:
        dialogue_id: the publisher's.
        turns: all of it.
        source: the corpus.
        split: read.
        report: counts.
        where: place of a skipped dialogue; its id when None.
    """
    if not turns:
        report.skipped("dialogue: no turns", where or dialogue_id)
        return
    report.dialogue(len(turns))
    yield Dialogue(dialogue_id=dialogue_id, corpus=source.publisher.name, split=split, turns=turns)
