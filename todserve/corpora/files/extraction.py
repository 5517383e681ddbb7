"""Extraction: unpacks a publisher's archive, each file verified before it takes its place.

Called by `published_corpus` once an archive is downloaded. Example: member ``val.json`` of
``val.json.zip`` becomes ``annotated/val.json``.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from todserve.corpora.files.manifest import PublishedArchive, Tree
from todserve.runtime.errors import CorpusError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.untrusted.packed_files import BROKEN, open_tar, open_zip


def unpack(archive: PublishedArchive, path: Path, folder: Path) -> list[Path]:
    """Put the wanted files of an archive into a corpus's folder.

    Args:
        archive: which files, and their checksums.
        path: the archive.
        folder: the corpus's.

    Returns:
        The files written.

    Raises:
        CorpusError: no archive, a file missing, or one with another checksum; nothing of it is
            written then.
    """
    with _whole(archive.url):
        found = dict(_members(archive, path))
    wanted: dict[str, bytes] = {}
    for member in archive.members:
        content = found.get(member.inner)
        if content is None:
            raise CorpusError(
                f"{archive.url} holds no {member.inner!r}; expected {member.path}; its publisher "
                "may have packed it otherwise: unpack it by hand"
            )
        _compare(archive.url, member.inner, content, member.sha256)
        wanted[member.path] = content
    if archive.tree is not None:
        _compare_tree(archive.url, found, archive.tree)
        wanted.update(found)
    written: list[Path] = []
    targets = {
        name: inner_path(folder, name, said_by=archive.url, error=CorpusError) for name in wanted
    }
    for name, target in targets.items():
        content = wanted[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(content)
        part.replace(target)
        written.append(target)
    return written


@contextmanager
def _whole(url: str) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise CorpusError(
            f"{url} is no whole archive ({type(error).__name__}); expected zip or tar.gz; fetch "
            "it again"
        ) from error


def _members(archive: PublishedArchive, path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files asked for: members by their own name, a tree's by their inner path."""
    names = {member.inner for member in archive.members}
    for inner, content in _all(archive, path):
        inside = PurePosixPath(inner)
        if inside.name in names:
            yield inside.name, content
        elif archive.tree is not None and len(inside.parts) > 1 and ".." not in inside.parts:
            name = PurePosixPath(*inside.parts[1:]).as_posix()
            if any(fnmatchcase(name, pattern) for pattern in archive.tree.patterns):
                yield name, content


def _all(archive: PublishedArchive, path: Path) -> Iterator[tuple[str, bytes]]:
    if archive.format == "zip":
        with open_zip(path, error=CorpusError) as packed:
            for entry in packed.infolist():
                # macOS puts a copy of every file's attributes beside it, under its name.
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/"):
                    yield entry.filename, packed.read(entry)
        return
    with open_tar(path, error=CorpusError) as packed_tar:
        for one in packed_tar:
            stream = packed_tar.extractfile(one) if one.isfile() else None
            if stream is not None:
                yield one.name, stream.read()


def _compare(url: str, name: str, content: bytes, expected: str) -> None:
    got = hashlib.sha256(content).hexdigest()
    if got != expected:
        raise CorpusError(
            f"{url}: {name} has sha256 {got}; expected {expected}; not kept: the publisher "
            "changed the file, or something on the way did; fetch it by hand"
        )


def _compare_tree(url: str, found: dict[str, bytes], tree: Tree) -> None:
    got = tree_checksum(found)
    if got != tree.sha256:
        raise CorpusError(
            f"{url}: {len(found)} files {' and '.join(tree.patterns)} with sha256 {got} together; "
            f"expected {tree.files} files with {tree.sha256}; not kept: the publisher changed "
            "them, or something on the way did; fetch them by hand"
        )


def tree_checksum(files: dict[str, bytes]) -> str:
    """Return the sha256 of the lines ``SHA256  PATH`` of ``files``, sorted by path."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
