"""One way to every corpus: its name and split give its dialogues, wherever they come from.

Stands between the readers and everything that wants dialogues: training, evaluation, statistics.
Example: ``for dialogue in load("multiwoz21", "dev"): ...``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from todserve.corpora.multiwoz import read_merged, read_tsv
from todserve.corpora.publishers import PUBLISHERS, Publisher
from todserve.corpora.report import ReadReport
from todserve.corpora.sgd import read_sgd
from todserve.corpora.source import CorpusSource, find, publisher_of
from todserve.runtime.dialogue import Dialogue
from todserve.runtime.errors import CorpusError


class Reader(Protocol):
    """Streams one split of a corpus."""

    def __call__(
        self,
        source: CorpusSource,
        split: str,
        *,
        report: ReadReport | None = None,
        progress: bool = False,
    ) -> Iterator[Dialogue]:
        """Yield the dialogues, counting in ``report`` what is skipped or changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A corpus that can be loaded.

    Attributes:
        publisher: its licence, public source and splits.
        read: streams a split.
    """

    publisher: Publisher
    read: Reader


def _read_multiwoz(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    # Acts and intents exist for dev and test only; see `silver` for train.
    reader = read_tsv if split == "train" else read_merged
    return reader(source, split, report=report, progress=progress)


CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        "multiwoz21": Corpus(publisher=PUBLISHERS["multiwoz21"], read=_read_multiwoz),
        "sgd": Corpus(publisher=PUBLISHERS["sgd"], read=read_sgd),
    }
)
"""name -> corpus."""


def load(
    name: str,
    split: str,
    root: Path | str | None = None,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split of a corpus as its publisher annotated it.

    Args:
        name: one of `CORPORA`.
        split: one of the corpus's splits.
        root: see `source.find`; TOD_DATA when None.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: unknown name or split, or the corpus is not there.
    """
    publisher = publisher_of(name)
    if split not in publisher.splits:
        raise CorpusError(
            f"unknown split {split!r} of {name}; expected one of {', '.join(publisher.splits)}"
        )
    source = find(name, root)
    return CORPORA[name].read(source, split, report=report, progress=progress)
