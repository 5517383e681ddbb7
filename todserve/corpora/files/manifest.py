"""Manifest: what is fetched for a corpus, every file with its address, size and checksum.

`published_corpus` reads it from the ``manifest.json`` of the corpus reader's folder. Checksums are
of the files as published; addresses are pinned to a commit. Example:
``manifest_of("banking77").files[0].path`` is ``train.csv``.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.corpora.registry import reader_of
from todserve.runtime.errors import CorpusError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedFile(_Frozen):
    """A file that a publisher offers for download.

    Attributes:
        path: inside the corpus's folder.
        urls: where it may be, tried in order; the checksum decides.
        sha256: in hexadecimal.
        bytes: its size.
    """

    path: str
    urls: tuple[str, ...]
    sha256: str
    bytes: int


class Member(_Frozen):
    """One file of a publisher's archive.

    Attributes:
        inner: its name there, whatever the folder.
        path: where it goes inside the corpus's folder.
        sha256: in hexadecimal.
    """

    inner: str
    path: str
    sha256: str


class Tree(_Frozen):
    """Many files of a publisher's archive, under one checksum.

    Attributes:
        patterns: which files, by their path without the archive's own folder.
        files: how many.
        sha256: of the lines ``SHA256  PATH``, sorted by path.
    """

    patterns: tuple[str, ...]
    files: int
    sha256: str


class PublishedArchive(_Frozen):
    """An archive that holds files of the corpus; ``members`` or ``tree`` says which."""

    url: str
    format: Literal["zip", "tar.gz"]
    members: tuple[Member, ...] = ()
    tree: Tree | None = None


class Manifest(_Frozen):
    """All that is downloaded for one corpus.

    Attributes:
        name: of the corpus.
        verified_online: whether the addresses were tried when this was written; where False a
            file may have to be fetched by hand, but never a wrong one is taken.
        note: where the addresses are from.
        files: single files.
        archives: archives of files.
    """

    name: str
    verified_online: bool
    note: str
    files: tuple[PublishedFile, ...] = ()
    archives: tuple[PublishedArchive, ...] = ()


def manifest_of(name: str, file: Path | None = None) -> Manifest:
    """Return a corpus's manifest.

    Args:
        name: of the corpus.
        file: read this one instead of its reader's own.

    Raises:
        CorpusError: the corpus is unknown, or has to be fetched by hand.
    """
    reader = reader_of(name)
    publisher, path = reader.publisher, file or reader.manifest
    if path is None or not path.is_file():
        raise CorpusError(
            f"{publisher.title} cannot be fetched by itself: its publisher's addresses are not "
            f"known; fetch it by hand from {publisher.url} and set TOD_DATA to the folder that "
            f"holds it; expected files: {', '.join(publisher.markers)}"
        )
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise CorpusError(f"{path} is no manifest: {error}; install the package again") from error
