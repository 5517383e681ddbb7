"""Download: fetches a file over HTTP, goes on where it broke off, and verifies it.

`published_corpus` fetches every file with it. A file comes as ``.NAME.part`` beside its place; a
transfer that ends early goes on from there, now or in a later call. Proxies are those of the
environment (``HTTPS_PROXY``). Trying again is left to tenacity; going on is written here because
pooch, which fetches and verifies files too, begins again from the first byte.
Example: ``Downloader().fetch(urls, Path("train.csv"), sha256=...)``.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
import tenacity
from urllib3.exceptions import HTTPError

from todserve.runtime.errors import CorpusError

ATTEMPTS = 5
"""Transfers tried for one address before giving up; each goes on where the last ended."""

_CONNECT_SECONDS = 15.0
_SILENT_SECONDS = 60.0
_CHUNK = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class UnreachableError(CorpusError):
    """No server answered: there is no network, no proxy, or no such host."""


class Downloader:
    """Fetches files over one session.

    Args:
        pause: seconds before the second attempt; doubled for each after it.
        received: told of the bytes of every piece that arrives.
    """

    def __init__(
        self, *, pause: float = 1.0, received: Callable[[int], object] | None = None
    ) -> None:
        self._session = requests.Session()
        self._pause = pause
        self._received = received or (lambda _: None)
        self._reached = False

    def fetch(self, urls: Sequence[str], target: Path, *, sha256: str | None) -> None:
        """Put the file in its place.

        Args:
            urls: tried in order.
            target: its folder is made; an older file is replaced.
            sha256: of the whole file; None where its content is verified by the caller.

        Raises:
            UnreachableError: no server answered.
            CorpusError: no address has the file, or the content is another.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        problems: list[str] = []
        for url in urls:
            # A part may be of another address: what it grows into is then another file.
            part = target.with_name(f".{target.name}.{_short(url)}.part")
            try:
                self._verified(url, part, sha256, target)
                return
            except UnreachableError:
                raise
            except CorpusError as error:
                problems.append(str(error))
        raise CorpusError("; or ".join(problems))

    def _verified(self, url: str, part: Path, sha256: str | None, target: Path) -> None:
        resumed = part.exists()
        self._transfer(url, part)
        if sha256 is not None and checksum(part) != sha256 and resumed:
            # What was left by an earlier run may have been spoilt: once more, from nothing.
            part.unlink()
            self._transfer(url, part)
        got = checksum(part)
        if sha256 is not None and got != sha256:
            size = part.stat().st_size
            part.unlink()
            raise CorpusError(
                f"{url}: got {size} bytes with sha256 {got}; expected sha256 {sha256}; not kept "
                f"as {target}: the publisher changed the file, or something on the way did; "
                "compare with another network, or fetch it by hand"
            )
        part.replace(target)

    def _transfer(self, url: str, part: Path) -> None:
        """Grow ``part`` until it is whole."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=self._pause),
            retry=tenacity.retry_if_result(bool),
            retry_error_callback=lambda last: last.outcome.result() if last.outcome else "",
        )
        problem = retrying(self._problem, url, part)
        if not problem:
            return
        size = part.stat().st_size if part.exists() else 0
        raise CorpusError(
            f"{url}: broke off {ATTEMPTS} times ({problem}); {size} bytes are kept in {part}; "
            "run the same command again to go on from there"
        )

    def _problem(self, url: str, part: Path) -> str:
        """Receive what one connection gives, and return why that is not all; "" when it is."""
        try:
            return "" if self._piece(url, part) else "the server is busy"
        except requests.exceptions.ConnectionError as error:
            if not self._reached:  # later on, a server that is away may come back
                raise UnreachableError(f"{url}: {_cause(error)}") from error
            return _cause(error)
        except (requests.exceptions.RequestException, HTTPError) as error:
            return _cause(error)

    def _piece(self, url: str, part: Path) -> bool:
        """Receive what one connection gives; False when the server asks to come again."""
        offset = part.stat().st_size if part.exists() else 0
        # Compressed transfers would count other bytes than the file's.
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with self._session.get(
            url, headers=headers, stream=True, timeout=(_CONNECT_SECONDS, _SILENT_SECONDS)
        ) as answer:
            self._reached = True
            if answer.status_code == requests.codes.requested_range_not_satisfiable and offset:
                # Nothing is left to send; or the part is longer than the file, as its checksum
                # will tell.
                return True
            if answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests:
                return False
            if answer.status_code not in (200, 206):
                raise CorpusError(
                    f"{url}: got HTTP {answer.status_code}; expected the file; its publisher may "
                    "have moved it: fetch it by hand"
                )
            start = _RANGE.match(answer.headers.get("Content-Range", ""))
            goes_on = answer.status_code == 206 and start is not None and int(start[1]) == offset
            with part.open("ab" if goes_on else "wb") as file:
                # As it arrives: iter_content would lose what came of a last, broken chunk.
                while chunk := answer.raw.read1(_CHUNK):
                    file.write(chunk)
                    self._received(len(chunk))
        return True


def checksum(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def _cause(error: Exception) -> str:
    """Name what went wrong without the library's nested addresses."""
    text = str(error)
    for known, plain in (
        ("Name or service not known", "the host's name cannot be resolved"),
        ("Temporary failure in name resolution", "the host's name cannot be resolved"),
        ("NameResolutionError", "the host's name cannot be resolved"),
        ("Connection refused", "the connection was refused"),
        ("Network is unreachable", "the network is unreachable"),
        ("ProxyError", "the proxy does not answer"),
        ("timed out", "no answer in time"),
        ("IncompleteRead", "the transfer ended early"),
    ):
        if known in text:
            return plain
    return type(error).__name__
