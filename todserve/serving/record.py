"""Record: what ``tod start`` started, so that ``tod stop`` can find and clean it.

Beside the way of a request. One JSON file in the log folder; a pid alone would not do, the number
may belong to another process by then.
Example: ``Record.load(Path("logs"))`` is None when nothing was started.
"""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FILE_NAME = "server.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A started server.

    Attributes:
        pid: of the JVM.
        created: the JVM's start, seconds since the epoch.
        temp_dir: its private folder: sockets, unpacked models, configuration.
        name: the model it serves.
        inference_url: where predictions are asked.
        management_url: where models are described.
        metrics_url: where Prometheus reads.
    """

    pid: int
    created: float
    temp_dir: str
    name: str
    inference_url: str
    management_url: str
    metrics_url: str

    @classmethod
    def load(cls, log_dir: Path) -> "Record | None":
        """Return the record in the folder; None without one, or when it cannot be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((log_dir / FILE_NAME).read_text(encoding="utf-8")))
        return None

    def save(self, log_dir: Path) -> None:
        """Write the record, atomically."""
        hidden = log_dir / f".{FILE_NAME}.new"
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


def forget(log_dir: Path) -> None:
    """Remove the folder's record, if any."""
    (log_dir / FILE_NAME).unlink(missing_ok=True)
