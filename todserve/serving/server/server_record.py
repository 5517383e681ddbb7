"""Server record: what ``tod start`` started, so that ``tod stop`` can find and clean it.

``tod start`` writes it and ``tod stop`` reads it. One JSON file in the log folder; a pid alone
would not do, the number may belong to another process by then. Nor is the file believed: whoever
wrote the log folder wrote it, so only a temporary folder that bears our mark is cleaned.
Example: ``Record.load(Path("logs"))`` is None when nothing was started.
"""

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from todserve.runtime.errors import ServerError
from todserve.runtime.private_files import private_file

FILE_NAME = "server.json"

TEMP_PREFIX = "tod-"
"""How the name of every temporary folder of a server begins."""

_MARK = ".todserve-server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What ``tod start`` writes down of a server: its process, folder, model and addresses.

    Attributes:
        pid: of the JVM.
        created: the JVM's start, seconds since the epoch.
        temp_dir: its private folder: sockets, unpacked models, configuration.
        name: the model it serves.
        inference_url: where predictions are asked.
        management_url: where models are described.
        metrics_url: where Prometheus reads.
        store: the folder of its archives; empty where an earlier version started it, which must
            still be found and stopped.
    """

    pid: int
    created: float
    temp_dir: str
    name: str
    inference_url: str
    management_url: str
    metrics_url: str
    store: str = ""

    @classmethod
    def load(cls, log_dir: Path) -> "Record | None":
        """Return the record in the folder; None without one, or when it cannot be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            record = cls(**json.loads((log_dir / FILE_NAME).read_text(encoding="utf-8")))
            texts = (record.temp_dir, record.name, record.inference_url, record.management_url)
            if (
                isinstance(record.pid, int)
                and isinstance(record.created, float)
                and all(
                    isinstance(text, str) and "\0" not in text for text in (*texts, record.store)
                )
            ):
                return record
        return None

    def save(self, log_dir: Path) -> None:
        """Write the record, atomically."""
        hidden = log_dir / f".{FILE_NAME}.new"
        private_file(hidden)
        hidden.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        hidden.replace(log_dir / FILE_NAME)

    @property
    def running(self) -> bool:
        """Whether the very process that was started still runs."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE
            return bool(alive and abs(process.create_time() - self.created) < 1)
        return False


def mark(temp_dir: Path) -> None:
    """Mark a folder just made as a server's, so that it may be deleted with all that is in it."""
    (temp_dir / _MARK).write_text(str(temp_dir), encoding="utf-8")


def check_ours(temp_dir: Path, log_dir: Path) -> None:
    """Raise ServerError unless the folder bears our mark, or is gone and was named as ours are.

    The mark says where it was put: a copy of it, and a link to a marked folder, are no marks.
    """
    marked = False
    with contextlib.suppress(OSError, ValueError):
        told = (temp_dir / _MARK).read_text(encoding="utf-8")
        place = temp_dir.lstat()
        marked = told == str(temp_dir) and stat.S_ISDIR(place.st_mode)
        marked = marked and place.st_uid == os.geteuid()
    gone = not os.path.lexists(temp_dir)
    named = temp_dir.is_absolute() and temp_dir.name.startswith(TEMP_PREFIX)
    if not named or not (marked or gone):
        raise ServerError(
            f"{log_dir / FILE_NAME}: temp_dir: got {str(temp_dir)!r}; expected a folder that "
            "`tod start` of this version made; nothing was ended or deleted: end the server "
            "yourself if one runs, then remove the file"
        )


def forget(log_dir: Path) -> None:
    """Remove the folder's record, if any."""
    (log_dir / FILE_NAME).unlink(missing_ok=True)
