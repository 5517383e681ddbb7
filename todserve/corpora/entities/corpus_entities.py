"""The entity databases of corpora: which have one, and what is in it.

Stands before training, between a corpus's files and the one SQLite file a checkpoint carries.
Example: ``entities_of("multiwoz21", source)["hotel"].rows`` are 33 hotels.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.entities.knowledge_file import MULTIWOZ_TABLES, multiwoz_rows
from todserve.corpora.readers.nlplab import SONGS, nlplab_songs
from todserve.runtime.knowledge.domain_table import DomainTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Entities:
    """The entities of one domain.

    Attributes:
        table: their columns and how they are searched.
        rows: column -> value.
    """

    table: DomainTable
    rows: Sequence[Mapping[str, str]]


def entities_of(corpus: str, source: CorpusSource) -> dict[str, Entities]:
    """Return domain -> entities of a corpus; nothing for one without a database.

    Raises:
        CorpusError: a file of the database is missing or malformed.
    """
    return _DATABASES[corpus](source) if corpus in _DATABASES else {}


def _multiwoz(source: CorpusSource) -> dict[str, Entities]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in source.files("db", ".json"):
            (Path(folder) / Path(name).name).write_bytes(content)
        return {
            table.domain: Entities(table=table, rows=multiwoz_rows(table.domain, Path(folder)))
            for table in MULTIWOZ_TABLES
        }


def _nlplab(source: CorpusSource) -> dict[str, Entities]:
    return {SONGS.domain: Entities(table=SONGS, rows=nlplab_songs(source))}


_DATABASES: Mapping[str, Callable[[CorpusSource], dict[str, Entities]]] = {
    "multiwoz21": _multiwoz,
    "nlplab": _nlplab,
}
