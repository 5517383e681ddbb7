"""The registry of corpora: opens any of them by its name and split.

Training, evaluation and ``tod data`` ask it for dialogues, and it calls the corpus's reader. The
readers are found in their folders, see `reader`. Example:
``for dialogue in load("multiwoz21", "dev"): ...``.
"""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from todserve.corpora import readers
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Reader
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue

TOD_DATA = "TOD_DATA"
"""Environment variable: the folder that holds the corpora, as folders or archives."""


def _declared() -> Iterator[Reader]:
    """Yield what ``NAME_reader.py`` of every folder declares, by the folders' names."""
    for folder in iter_modules(readers.__path__, f"{readers.__name__}."):
        inside = import_module(folder.name).__path__ if folder.ispkg else ()
        for module in iter_modules(inside, f"{folder.name}."):
            if module.name.endswith("_reader"):
                reader = getattr(import_module(module.name), "READER", None)
                if not isinstance(reader, Reader):
                    raise CorpusError(
                        f"{module.name}: got READER {reader!r}; expected a Reader; "
                        "docs/corpora.md shows how one is declared"
                    )
                yield reader


def _by_name() -> dict[str, Reader]:
    found: dict[str, Reader] = {}
    for reader in _declared():
        if reader.name in found:
            raise CorpusError(
                f"two readers are named {reader.name!r}; expected one; rename the newer"
            )
        found[reader.name] = reader
    return found


CORPORA: Mapping[str, Reader] = MappingProxyType(_by_name())
"""name -> reader."""


def reader_of(name: str) -> Reader:
    """Return the reader of a corpus.

    Raises:
        CorpusError: the name is unknown.
    """
    if name not in CORPORA:
        raise CorpusError(f"unknown corpus {name!r}; expected one of {', '.join(CORPORA)}")
    return CORPORA[name]


def find(name: str, root: Path | str | None = None) -> CorpusSource:
    """Find a corpus.

    Args:
        name: its short name, e.g. ``multiwoz21``.
        root: the corpus's folder or archive, or a folder of such; the environment variable
            TOD_DATA when None.

    Raises:
        CorpusError: the corpus is not there; the message names its public source.
    """
    publisher = reader_of(name).publisher
    given = root if root is not None else os.environ.get(TOD_DATA)
    if given is None:
        raise _missing(publisher, "neither a folder (--corpora) nor TOD_DATA is given")
    place = Path(given)
    if place.is_file():
        if place.name.endswith(".tar.xz"):
            return CorpusSource(publisher=publisher, location=place)
        raise _missing(publisher, f"{place} is a file but no .tar.xz archive")
    for folder in (place, place / name, place / (publisher.folder or name)):
        if any((folder / marker).is_file() for marker in publisher.markers):
            return CorpusSource(publisher=publisher, location=folder)
    if (place / publisher.archive).is_file():
        return CorpusSource(publisher=publisher, location=place / publisher.archive)
    raise _missing(publisher, f"not found in {place}")


def published_at(path: Path) -> tuple[CorpusSource, tuple[str, ...]] | None:
    """Return the published corpus that a folder is, whatever its name, and the splits it holds.

    None for any other folder, and for corpora that only their names open.
    """
    for reader in CORPORA.values():
        splits = reader.recognises(path) if reader.recognises and path.is_dir() else ()
        if splits:
            return CorpusSource(publisher=reader.publisher, location=path), splits
    return None


def _missing(publisher: Publisher, what: str) -> CorpusError:
    fetched = CORPORA[publisher.name].manifest is not None
    verb = f" (`tod data get {publisher.name}` does)" if fetched else ""
    return CorpusError(
        f"corpus {publisher.name!r} ({publisher.title}): {what}; expected a folder with "
        f"{publisher.markers[0]} or the archive {publisher.archive}; fetch it from "
        f"{publisher.url}{verb} and set {TOD_DATA} to the folder that holds it"
    )


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
        root: see `find`; TOD_DATA when None.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: unknown name or split, or the corpus is not there.
    """
    reader = reader_of(name)
    reader.publisher.check(split)
    return reader.read(find(name, root), split, report=report, progress=progress)
