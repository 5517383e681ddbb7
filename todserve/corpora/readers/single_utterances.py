"""Single utterances with an intent, as dialogues of one turn.

The readers of intent corpora call it for each record. Nothing but the utterance, its intent and,
where the corpus has one, its domain is annotated; there is no reply.
Example id: ``banking77-test-00017``, the seventeenth record of the test file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.runtime.language.dialogue import Dialogue, Turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """A single utterance of a user, labelled with its intent.

    Attributes:
        text: as published.
        intent: its label.
        domain: the domain its publisher puts it in, or None.
    """

    text: str
    intent: str
    domain: str | None = None


def one_turn_dialogues(
    utterances: Iterable[Utterance],
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport,
    progress: bool,
) -> Iterator[Dialogue]:
    """Yield each utterance as a dialogue; records are numbered from 1.

    An utterance without any text is skipped, keeps its number and is counted.
    """
    name = source.publisher.name
    report.corpus, report.split = name, split
    numbered = enumerate(utterances, start=1)
    for number, one in with_progress(numbered, progress=progress, label=f"{name} {split}"):
        dialogue_id = f"{name}-{split}-{number:05d}"
        if not one.text.strip():
            report.skipped("utterance: empty", dialogue_id)
            continue
        report.dialogue(1)
        turn = Turn(user=one.text, intent=one.intent, active_domain=one.domain)
        yield Dialogue(dialogue_id=dialogue_id, corpus=name, split=split, turns=(turn,))
