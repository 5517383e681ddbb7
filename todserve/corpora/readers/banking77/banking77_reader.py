"""Read Banking77: questions to a bank, each with one of 77 intents.

Intent training and the intent benchmarks read the corpus with it. The files are CSV with quoted
commas and newlines; domain ``banking`` is the publisher's word for the whole corpus. Example
record: ``When did you send me my new card?,card_arrival``.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Reader
from todserve.corpora.readers.label_names import counted_label
from todserve.corpora.readers.single_utterances import Utterance, one_turn_dialogues
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

DOMAIN = "banking"
_HEADER = ["text", "category"]


def read_banking77(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream ``{split}.csv`` as dialogues of one turn.

    Args:
        source: the corpus.
        split: ``train`` or ``test``; the publisher has no dev split.
        report: counts everything skipped or changed.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a file without the publisher's two columns.
    """
    source.publisher.check(split)
    report = report if report is not None else ReadReport()
    with source.open(f"{split}.csv") as stream:
        utterances = banking77_utterances(stream, f"{split}.csv", report)
        yield from one_turn_dialogues(utterances, source, split, report=report, progress=progress)


def banking77_utterances(
    stream: IO[bytes], path: str, report: ReadReport | None = None
) -> Iterator[Utterance]:
    """Yield the records of a file in Banking77's layout, in its order.

    Args:
        stream: the file.
        path: its name, for messages.
        report: counts intents that were renamed.

    Raises:
        CorpusError: no UTF-8, another header, or a record of another width.
    """
    report = report if report is not None else ReadReport()
    try:
        # newline="": a line end inside quotes belongs to the utterance.
        rows = csv.reader(io.StringIO(stream.read().decode("utf-8"), newline=""), strict=True)
        header = next(rows, [])
        if header != _HEADER:
            raise CorpusError(f"{path}:1 has columns {header}; expected {_HEADER}")
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if len(row) != len(_HEADER) or not row[1]:
                raise CorpusError(
                    f"{where} has {len(row)} columns or no category; expected text and category; "
                    "quote a text that holds commas or newlines"
                )
            yield Utterance(text=row[0], intent=counted_label(row[1], where, report), domain=DOMAIN)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} is no UTF-8 CSV file: {error}; fetch it again") from error


def banking77_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one service, ``banking``, with the intents of the train split."""
    with source.open("train.csv") as stream:
        intents = {one.intent for one in banking77_utterances(stream, "train.csv")}
    return (Service(name=DOMAIN, intents=tuple(sorted(intents))),)


READER = Reader(
    publisher=Publisher(
        name="banking77",
        title="Banking77",
        licence="CC BY 4.0",
        url="https://github.com/PolyAI-LDN/task-specific-datasets (banking_data/)",
        archive="banking77.tar.xz",
        markers=("train.csv", "test.csv"),
        splits=("train", "test"),
        caution="no official dev split: take one from train by hash before choosing anything",
    ),
    read=read_banking77,
    services=banking77_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
