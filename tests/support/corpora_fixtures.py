"""Tiny hand-made corpora in the publishers' layouts."""

import tarfile
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.registry import find

TINY = Path(__file__).parents[1] / "fixtures" / "corpora"


def tiny(name: str) -> CorpusSource:
    return find(name, TINY)


def archived(name: str, scratch: Path, *, inside: str) -> CorpusSource:
    """Pack a tiny corpus as a publisher's archive, its files below folder ``inside``."""
    source = tiny(name)
    path = scratch / source.publisher.archive
    with tarfile.open(path, "w:xz") as archive:
        for file in sorted(source.location.rglob("*")):
            inner = str(Path(inside) / file.relative_to(source.location))
            archive.add(file, arcname=inner, recursive=False)
    return find(name, scratch)
