"""Packed files: opens archives that somebody else made, under limits on what they unpack to.

``.mar`` archives, publishers' zip files and corpora in ``.tar.xz`` are opened here alone. A few
bytes can stand for gigabytes, so sizes, numbers, depths and names are looked at before anything is
written, and counted again while it is read. Example:
``unpack_zip(Path("tod.mar"), Path("folder"), error=ArchiveError)``.
"""

import gzip
import io
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self, cast

from pydantic import BaseModel, ConfigDict, PositiveInt

from todserve.runtime.errors import TodError
from todserve.runtime.inner_paths import inner_path

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError),
)
"""What the standard library raises for an archive that is none, cut off or packed strangely."""

_HEADER_BYTES = 1 << 20  # tarfile reads a header that names itself longer into memory whole
_LONG_HEADERS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
    | {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_AT_ONCE = 1 << 16
_ENCRYPTED = 1
_GZIP = b"\x1f\x8b"


class PackedLimits(BaseModel):
    """Upper bounds of one archive.

    Attributes:
        max_bytes: of everything in it, unpacked.
        max_ratio: how much longer than packed it may be, once ``free_bytes`` are passed.
        free_bytes: so much is unpacked whatever the ratio.
        max_entries: files and folders.
        max_levels: folders inside one another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: PositiveInt = 1 << 36
    max_ratio: PositiveInt = 100
    free_bytes: PositiveInt = 1 << 26
    max_entries: PositiveInt = 100_000
    max_levels: PositiveInt = 16


DEFAULT_LIMITS = PackedLimits()


class _Counter:
    """Adds up what an archive says that it holds."""

    def __init__(
        self, path: Path, limits: PackedLimits, error: type[TodError], *, total: int = 0
    ) -> None:
        self._path = path
        self._limits = limits
        self._error = error
        self._entries = 0
        self._total = total

    def entry(self, name: str, size: int) -> None:
        """Count a file or a folder of that many bytes."""
        self._entries += 1
        if self._entries > self._limits.max_entries:
            raise self.refused(f"more than {self._limits.max_entries} entries")
        if name.count("/") > self._limits.max_levels:
            raise self.refused(f"folders more than {self._limits.max_levels} levels deep")
        if size > self._limits.max_bytes:
            raise self.refused(f"an entry of {size} bytes")

    def content(self, size: int, packed: int) -> None:
        """Count so many bytes more, unpacked from the first ``packed`` of the archive."""
        self._total += size
        limits = self._limits
        if self._total > limits.max_bytes:
            raise self.refused(f"more than {limits.max_bytes} bytes")
        if self._total > max(limits.free_bytes, limits.max_ratio * packed):
            raise self.refused(f"more than {limits.max_ratio} times its own size")

    def refused(self, what: str) -> TodError:
        """Return the error for an archive that unpacks to ``what``."""
        return self._error(
            f"{self._path}: unpacks to {what}; expected less; nothing is unpacked: do not use "
            "the archive unless you trust who made it"
        )


@contextmanager
def open_zip(
    path: Path, *, error: type[TodError], limits: PackedLimits = DEFAULT_LIMITS
) -> Iterator[zipfile.ZipFile]:
    """Yield a zip file all of whose entries are within the limits, each under a name of its own.

    Raises:
        TodError: ``error``, for one that goes beyond them, is encrypted, or names a file twice.
    """
    with zipfile.ZipFile(path) as packed:
        counter = _Counter(path, limits, error)
        size = os.path.getsize(path)
        names: set[str] = set()
        for entry in packed.infolist():
            counter.entry(entry.filename, entry.file_size)
            counter.content(entry.file_size, size)
            if entry.flag_bits & _ENCRYPTED:
                raise error(f"{path}: an entry is encrypted; expected a plain archive")
            if not entry.filename:
                raise error(f"{path}: an entry has no name; expected each to have one")
            if entry.filename in names:
                raise error(f"{path}: an entry stands twice; expected each name once")
            names.add(entry.filename)
        yield packed


def unpack_zip(
    path: Path, into: Path, *, error: type[TodError], limits: PackedLimits = DEFAULT_LIMITS
) -> None:
    """Unpack a zip file below a folder, which no name in it leaves.

    Raises:
        TodError: ``error``, before anything is written for what is beyond the limits or named to
            leave the folder, and for an archive that turns out broken.
    """
    try:
        with open_zip(path, error=error, limits=limits) as packed:
            entries = packed.infolist()
            targets = [
                # A folder's entry ends with '/'.
                inner_path(into, one.filename.removesuffix("/"), said_by=str(path), error=error)
                for one in entries
            ]
            into.mkdir(parents=True, exist_ok=True)
            for entry, target in zip(entries, targets, strict=True):
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as source, target.open("wb") as written:
                    shutil.copyfileobj(source, written)
    except BROKEN as problem:
        raise error(f"{path}: cannot be unpacked: {problem}") from None


class _Measured(io.RawIOBase):
    """A stream that is unpacked while it is read, and counted."""

    def __init__(self, stream: IO[bytes], packed: IO[bytes], counter: _Counter) -> None:
        super().__init__()
        self._stream = stream
        self._packed = packed
        self._counter = counter

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` with the next bytes, at most."""
        content = self._stream.read(len(buffer))
        self._counter.content(len(content), self._packed.tell())
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_tar(
    path: Path, *, error: type[TodError], limits: PackedLimits = DEFAULT_LIMITS
) -> Iterator[tarfile.TarFile]:
    """Yield a ``.tar.gz`` or ``.tar.xz`` to be read once, from its beginning, within the limits.

    Raises:
        TodError: ``error``, also later while it is read, as soon as it goes beyond them.
    """
    counter = _Counter(path, limits, error)

    class Entry(tarfile.TarInfo):
        """A header, looked at before what it announces is read."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            entry = super().frombuf(buf, encoding, errors)
            if entry.type in _LONG_HEADERS and entry.size > _HEADER_BYTES:
                raise counter.refused(f"a header of {entry.size} bytes")
            counter.entry(entry.name, entry.size)
            return entry

    with path.open("rb") as packed:
        begins = packed.read(2)
        packed.seek(0)
        kind = gzip.open if begins == _GZIP else lzma.open
        with kind(packed, "rb") as opened:
            measured = _Measured(cast(IO[bytes], opened), packed, counter)
            with tarfile.open(
                fileobj=measured, mode="r|", tarinfo=Entry, bufsize=_AT_ONCE
            ) as archive:
                yield archive
