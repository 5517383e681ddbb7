"""PublishedCorpus: fetches a corpus from its publisher, and checks every file's checksum.

Called by ``tod data get``. Files go to ``OUT/NAME`` in the publisher's layout, where the readers
find them when ``TOD_DATA`` is ``OUT``. What is already there and right is not fetched again.
Example: ``run_get("banking77", Path("corpora"))``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from todserve.corpora.files.download import Downloader, UnreachableError, checksum
from todserve.corpora.files.extraction import tree_checksum, unpack
from todserve.corpora.files.manifest import Manifest, PublishedArchive, manifest_of
from todserve.corpora.registry import reader_of
from todserve.runtime.console import tell
from todserve.runtime.errors import CorpusError

_SHOWN = 12  # addresses printed when there is no network


def run_get(
    name: str,
    out: Path | str,
    *,
    url_base: str | None = None,
    progress: bool = False,
    pause: float = 1.0,
    manifest_file: Path | None = None,
) -> Path:
    """Fetch a corpus and print where it is.

    Args:
        name: one of `registry.CORPORA`.
        out: folder of corpora; ``OUT/NAME`` is made or completed.
        url_base: a mirror to use instead of the publisher's host, e.g. ``https://mirror/raw``.
        progress: show a progress bar on stderr.
        pause: see `download.Downloader`.
        manifest_file: what to fetch, instead of the manifest of the corpus's reader.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: the corpus has to be fetched by hand, there is no network, or a file is not
            what its checksum says; the message says what to do.
    """
    manifest = manifest_of(name, manifest_file)
    publisher = reader_of(name).publisher
    folder = Path(out) / name
    tell(f"{publisher.title}, licence {publisher.licence}, from {publisher.url}")
    if not manifest.verified_online:
        tell(f"addresses not tried when this version was made: {manifest.note}")
    missing = [
        one
        for one in manifest.files
        if not (folder / one.path).is_file() or checksum(folder / one.path) != one.sha256
    ]
    archives = [one for one in manifest.archives if not _unpacked(one, folder)]
    try:
        with _bar(sum(one.bytes for one in missing), progress=progress) as received:
            downloader = Downloader(pause=pause, received=received)
            for one in missing:
                urls = [_at(url, url_base) for url in one.urls]
                downloader.fetch(urls, folder / one.path, sha256=one.sha256)
            for archive in archives:
                _archive(archive, folder, downloader, url_base)
    except UnreachableError as error:
        raise CorpusError(_by_hand(manifest, folder, str(error))) from error
    total = len(manifest.files) + len(manifest.archives)
    fetched = len(missing) + len(archives)
    tell(f"{folder}: {fetched} of {total} files and archives fetched, all verified")
    tell(f"set TOD_DATA={Path(out)} to use it")
    return folder


def _at(url: str, base: str | None) -> str:
    return url if base is None else base.rstrip("/") + urlsplit(url).path


def _archive(
    archive: PublishedArchive, folder: Path, downloader: Downloader, base: str | None
) -> None:
    packed = folder / f".{Path(urlsplit(archive.url).path).name}.packed"
    downloader.fetch([_at(archive.url, base)], packed, sha256=None)
    try:
        unpack(archive, packed, folder)
    finally:
        # Its own bytes have no checksum, so a spoilt one must not be found again.
        packed.unlink()


def _unpacked(archive: PublishedArchive, folder: Path) -> bool:
    there = all(
        (folder / one.path).is_file() and checksum(folder / one.path) == one.sha256
        for one in archive.members
    )
    if archive.tree is None:
        return there
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for pattern in archive.tree.patterns
        for path in folder.glob(pattern)
    }
    return there and tree_checksum(files) == archive.tree.sha256


@contextmanager
def _bar(total: int, *, progress: bool) -> Iterator["_Received"]:
    if not progress:
        yield _Received(None)
        return
    from tqdm import tqdm  # only a person watching needs it

    with tqdm(total=total, unit="B", unit_scale=True, dynamic_ncols=True) as bar:
        yield _Received(bar.update)


class _Received:
    """Tells a progress bar, if there is one, of arrived bytes."""

    def __init__(self, update: object) -> None:
        self._update = update

    def __call__(self, count: int) -> None:
        if callable(self._update):
            self._update(count)


def _by_hand(manifest: Manifest, folder: Path, cause: str) -> str:
    reader = reader_of(manifest.name)
    lines = [f"{one.urls[0]} -> {folder / one.path}" for one in manifest.files]
    lines += [
        f"{one.url} -> unpack into {folder}: "
        + (
            ", ".join(member.path for member in one.members)
            if one.tree is None
            else " and ".join(one.tree.patterns)
        )
        for one in manifest.archives
    ]
    shown = "\n  ".join(lines[:_SHOWN])
    more = f"\n  and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return (
        f"{cause}; {reader.publisher.title} was not fetched; expected a way to its publisher. "
        "Check the network; behind a proxy set HTTPS_PROXY; to use a mirror pass --mirror. Or "
        f"fetch these by hand on another machine, with the checksums of "
        f"{reader.manifest}, and set TOD_DATA={folder.parent}:\n  "
        f"{shown}{more}"
    )
