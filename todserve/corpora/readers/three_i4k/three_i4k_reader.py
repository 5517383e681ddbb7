"""Read 3i4K: Korean utterances with seven kinds of speech act.

Intent training reads the corpus with it. A line is a number and an utterance, parted by a tab.
Example: ``2<tab>...`` is a ``question``. An utterance has no domain; the kinds stand in the schema
under the corpus's own name. Text is brought to Unicode's composed form (NFC).
"""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Reader
from todserve.corpora.readers.single_utterances import Utterance, one_turn_dialogues
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

KINDS = (
    "fragment",
    "statement",
    "question",
    "command",
    "rhetorical_question",
    "rhetorical_command",
    "intonation_dependent",
)
"""The publisher's names of the labels 0 to 6."""

_FILES: Mapping[str, str] = MappingProxyType({"train": "fci_train_val.txt", "test": "fci_test.txt"})


def read_3i4k(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split as dialogues of one turn.

    Args:
        source: the corpus.
        split: ``train`` (the publisher's ``train_val``) or ``test``.
        report: counts everything skipped or changed.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a line that is no label and utterance.
    """
    source.publisher.check(split)
    report = report if report is not None else ReadReport()
    utterances = _utterances(source, _FILES[split], report)
    yield from one_turn_dialogues(utterances, source, split, report=report, progress=progress)


def three_i4k_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return one service, ``3i4k``, with the seven kinds as its intents."""
    return (Service(name=source.publisher.name, intents=KINDS),)


def _utterances(source: CorpusSource, path: str, report: ReadReport) -> Iterator[Utterance]:
    labels = {str(number): kind for number, kind in enumerate(KINDS)}
    for number, line in enumerate(source.text(path), start=1):
        mark, tab, text = line.rstrip("\r").partition("\t")
        if not tab or mark not in labels:
            raise CorpusError(
                f"{path}:{number} begins with {mark[:10]!r}; expected a label from 0 to 6, a tab "
                "and an utterance"
            )
        composed = unicodedata.normalize("NFC", text)
        if composed != text:
            report.changed("text: brought to Unicode's composed form", f"{path}:{number}")
        yield Utterance(text=composed, intent=labels[mark])


READER = Reader(
    publisher=Publisher(
        name="3i4k",
        title="3i4K",
        licence="CC BY-SA 4.0",
        url="https://github.com/warnikchow/3i4k (data/train_val_test/)",
        archive="korean.tar.xz",
        markers=("fci_train_val.txt", "fci_test.txt"),
        splits=("train", "test"),
        caution="Korean; no official dev split: take one from train by hash before choosing",
        folder="korean/3i4k",
    ),
    read=read_3i4k,
    services=three_i4k_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
