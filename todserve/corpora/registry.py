"""One way to every corpus: its name and split give its dialogues, wherever they come from.

Stands between the readers and everything that wants dialogues: training, evaluation, statistics.
Example: ``for dialogue in load("multiwoz21", "dev"): ...``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from todserve.corpora.corpus_source import CorpusSource, find, publisher_of
from todserve.corpora.publishers import PUBLISHERS, Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.camrest import camrest_services, read_camrest
from todserve.corpora.readers.intents.banking77 import banking77_services, read_banking77
from todserve.corpora.readers.intents.clinc150 import clinc150_services, read_clinc150
from todserve.corpora.readers.intents.three_i4k import read_3i4k, three_i4k_services
from todserve.corpora.readers.multidogo import multidogo_services, read_multidogo
from todserve.corpora.readers.multiwoz.multiwoz_reader import read_merged, read_tsv
from todserve.corpora.readers.nlplab import nlplab_services, read_nlplab
from todserve.corpora.readers.sgd.sgd_reader import read_sgd
from todserve.corpora.readers.star import read_star, star_services
from todserve.corpora.readers.taskmaster4 import read_taskmaster4, taskmaster4_services
from todserve.corpora.readers.woz20 import read_woz20, woz20_services
from todserve.corpora.services import multiwoz_services, sgd_services
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service


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
        services: its domains with their slots, known values and intents, from its ontology or
            its train split; every name fits the prompts. Corpora may share a domain: join
            several with `services.merged` before making a `Schema`.
    """

    publisher: Publisher
    read: Reader
    services: Callable[[CorpusSource], tuple[Service, ...]]


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


_READERS: Mapping[str, tuple[Reader, Callable[[CorpusSource], tuple[Service, ...]]]] = {
    "multiwoz21": (_read_multiwoz, multiwoz_services),
    "sgd": (read_sgd, sgd_services),
    "camrest676": (read_camrest, camrest_services),
    "woz20": (read_woz20, woz20_services),
    "star": (read_star, star_services),
    "multidogo": (read_multidogo, multidogo_services),
    "banking77": (read_banking77, banking77_services),
    "clinc150": (read_clinc150, clinc150_services),
    "taskmaster4": (read_taskmaster4, taskmaster4_services),
    "3i4k": (read_3i4k, three_i4k_services),
    "nlplab": (read_nlplab, nlplab_services),
}

CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        name: Corpus(publisher=PUBLISHERS[name], read=read, services=services)
        for name, (read, services) in _READERS.items()
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
