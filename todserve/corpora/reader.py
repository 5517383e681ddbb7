"""Reader: what a corpus's folder declares, above all how its files become dialogues.

Every folder of `readers` whose corpus can be named holds one module ``NAME_reader.py`` with a
``READER``, and the registry finds it there: nothing else has to know of it. docs/corpora.md shows
the whole of a small one. Example: ``READER = Reader(publisher=Publisher(name="toy", ...),
read=read_toy, services=toy_services)``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.runtime.knowledge.domain_table import DomainTable
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service


class ReadSplit(Protocol):
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


class CheckSplit(Protocol):
    """Checks one split of a corpus as a layout of its own, file by file."""

    def __call__(
        self, source: CorpusSource, split: str, faults: list[Fault], *, progress: bool = False
    ) -> int:
        """Add what is wrong to ``faults`` and return the number of dialogues."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entities:
    """The entities of one domain.

    Attributes:
        table: their columns and how they are searched.
        rows: column -> value.
    """

    table: DomainTable
    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """How one corpus is loaded: who publishes it, and what reads its files.

    Attributes:
        publisher: its name, licence, public source and splits.
        read: streams a split.
        services: its domains with their slots, known values and intents, from its ontology or
            its train split; every name fits the prompts. Corpora may share a domain: join
            several with `services.merged` before making a `Schema`.
        entities: domain -> entities, of a corpus that has a database.
        manifest: the file that says what ``tod data get`` is to fetch; None for a corpus that
            has to be fetched by hand.
        check: its layout's own checks, where they find more than those of plain dialogues.
        recognises: the splits that a folder holds which is this corpus as it is published,
            whatever the folder's name; none for another. None where a name alone opens it.
    """

    publisher: Publisher
    read: ReadSplit
    services: Callable[[CorpusSource], tuple[Service, ...]]
    entities: Callable[[CorpusSource], Mapping[str, Entities]] | None = None
    manifest: Path | None = None
    check: CheckSplit | None = None
    recognises: Callable[[Path], tuple[str, ...]] | None = None

    @property
    def name(self) -> str:
        """Return the corpus's short name."""
        return self.publisher.name

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the names of its splits."""
        return self.publisher.splits
