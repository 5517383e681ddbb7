"""CorpusSource: where a corpus lies, a folder as its publisher gives it or a ``.tar.xz`` of one.

The readers ask it for files by their path inside the corpus and never see the difference. Example:
``find("multiwoz21").text("dev.tsv")`` yields the lines of dev.tsv.
"""

import csv
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from todserve.corpora.files.folder_files import folder_files, own_file
from todserve.corpora.publisher import Publisher
from todserve.runtime.errors import CorpusError
from todserve.runtime.untrusted.packed_files import open_tar


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusSource:
    """A corpus that was found on disk, read from its folder or its archive alike.

    Attributes:
        publisher: whose corpus it is.
        location: the corpus's folder, or the archive.
    """

    publisher: Publisher
    location: Path

    @property
    def is_archive(self) -> bool:
        """True when files are streamed out of an archive."""
        return self.location.is_file()

    def has(self, path: str) -> bool:
        """Say whether the corpus has a file."""
        if not self.is_archive:
            return (self.location / path).is_file()
        with self._whole_archive():
            return any(name == path for name, _ in self._members())

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        """Open one file of the corpus by its path inside the corpus's folder.

        Raises:
            CorpusError: the file is not there.
        """
        if not self.is_archive:
            file = own_file(self.location, path)
            if not file.is_file():
                raise self._absent(path)
            with file.open("rb") as opened, self._readable(path):
                yield opened
            return
        with self._whole_archive(), self._readable(path):
            for name, stream in self._members():
                if name == path:
                    yield stream
                    return
        raise self._absent(path)

    @contextmanager
    def _readable(self, path: str) -> Iterator[None]:
        try:
            yield
        except (UnicodeDecodeError, csv.Error) as error:
            why = error if isinstance(error, csv.Error) else f"no UTF-8 at byte {error.start}"
            raise CorpusError(
                f"{self.location}/{path}: got {why}; expected its publisher's file; fetch it again"
            ) from error

    def text(self, path: str) -> Iterator[str]:
        """Yield the lines of a UTF-8 file without their line ends."""
        with self.open(path) as stream:
            for line in stream:
                yield line.decode("utf-8").rstrip("\n")

    def files(self, folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of the files directly in ``folder`` ("" for the corpus's own).

        From a folder they come sorted by name; from an archive in the archive's own order, since
        that is the only order it can be read in once.
        """
        if not self.is_archive:
            for file in folder_files(self.location, f"{folder}/*{suffix}".lstrip("/")):
                yield f"{folder}/{file.name}".lstrip("/"), file.read_bytes()
            return
        with self._whole_archive():
            for name, stream in self._members():
                if name.rpartition("/")[0] == folder and name.endswith(suffix):
                    yield name, stream.read()

    def below(self, folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of the files anywhere below ``folder``, in the order of `files`."""
        if not self.is_archive:
            for file in folder_files(self.location / folder, f"*{suffix}", below=True):
                yield file.relative_to(self.location).as_posix(), file.read_bytes()
            return
        with self._whole_archive():
            for name, stream in self._members():
                if name.startswith(f"{folder}/") and name.endswith(suffix):
                    yield name, stream.read()

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Stream the archive's files once, with paths relative to the corpus's folder."""
        prefixes = (f"{self.publisher.folder or self.publisher.name}/", f"{self.publisher.name}/")
        with open_tar(self.location, error=CorpusError) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    name = member.name.removeprefix("./")
                    prefix = next((one for one in prefixes if name.startswith(one)), "")
                    yield name.removeprefix(prefix), stream

    @contextmanager
    def _whole_archive(self) -> Iterator[None]:
        try:
            yield
        except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
            raise CorpusError(
                f"cannot read archive {self.location}: {error}; expected a whole .tar.xz file; "
                f"fetch it again, or unpack it and pass the folder"
            ) from error

    def _absent(self, path: str) -> CorpusError:
        return CorpusError(
            f"{self.publisher.title} at {self.location} has no {path!r}; "
            f"its publisher has it: {self.publisher.url}"
        )
