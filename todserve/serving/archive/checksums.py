"""Checksums: SHA256SUMS beside the archives, since TorchServe compares an archive with nothing.

``tod archive`` writes the file, ``tod start`` verifies it, and so does ``sha256sum -c SHA256SUMS``
in the store.
Example line: ``<64 hex digits>  tod.mar``.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from todserve.runtime.errors import ArchiveError

FILE_NAME = "SHA256SUMS"
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<name>[^/\\]+)")


def sha256(path: Path) -> str:
    """Return the file's SHA-256 as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(store: Path) -> dict[str, str]:
    """Return archive name -> digest; empty when the store has no SHA256SUMS.

    Raises:
        ArchiveError: a line that sha256sum would not have written.
    """
    path = store / FILE_NAME
    if not path.exists():
        return {}
    digests = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ArchiveError(
                f"{path}: line {number}: got {line[:80]!r}; expected '<64 hex digits>  <name>'; "
                "build the archive again with `tod archive`"
            )
        digests[match["name"]] = match["digest"]
    return digests


def record(store: Path, archive: Path) -> str:
    """Write the archive's digest into the store's SHA256SUMS, atomically, and return it."""
    digests = read(store)
    digests[archive.name] = sha256(archive)
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    handle, temporary = tempfile.mkstemp(dir=store, prefix=f".{FILE_NAME}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.writelines(lines)
    Path(temporary).chmod(0o644)  # mkstemp makes 0600, which another user's server cannot read
    Path(temporary).replace(store / FILE_NAME)
    return digests[archive.name]


def verify(store: Path, names: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the digests of the named archives (default: all that are listed) once they hold.

    Raises:
        ArchiveError: an archive that is missing, not listed, or altered.
    """
    digests = read(store)
    chosen = names or tuple(digests)
    for name in chosen:
        path = store / name
        if not path.is_file():
            raise ArchiveError(f"{path} does not exist; build it with `tod archive CHECKPOINT`")
        if name not in digests:
            raise ArchiveError(
                f"{path} is not listed in {store / FILE_NAME}; if you trust it, add it with "
                f"`cd {store} && sha256sum {name} >> {FILE_NAME}`, else build it again with "
                "`tod archive CHECKPOINT`"
            )
        found = sha256(path)
        if found != digests[name]:
            raise ArchiveError(
                f"{path} was altered: got SHA-256 {found}; expected {digests[name]} "
                f"({FILE_NAME}); build it again with `tod archive CHECKPOINT`"
            )
    return {name: digests[name] for name in chosen}
