"""OwnProcess: a server in a process group, a TMPDIR and an environment of its own.

Every peer that is started by a command starts its server with it. Ending it ends its whole group,
so that no worker outlives the measurement.
Example: ``OwnProcess(["python", "-m", "benchmarks.peers.flask_server"], folder).start()``.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.peers.base import PeerError

_PATIENCE = 15.0  # seconds between asking and killing
_PERIOD = 0.1
_TAIL = 30  # lines of output that a failure shows
THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Left out of every peer's environment: each runs on its own settings or its package's default."""


def clean_environment(temp_dir: Path) -> dict[str, str]:
    """Return the environment of a peer: no PYTHON*, no TS_*, no thread settings, own TMPDIR."""
    kept = {
        key: text
        for key, text in os.environ.items()
        if not key.startswith(("PYTHON", "TS_")) and key not in {*THREAD_SETTINGS, "TEMP", "TMP"}
    }
    return kept | {
        "TMPDIR": str(temp_dir),
        "TEMP": str(temp_dir),
        "TOKENIZERS_PARALLELISM": "false",
    }


class OwnProcess:
    """A command that runs until it is stopped.

    Args:
        command: program and arguments.
        folder: its TMPDIR and where its output is written; must exist.
        cwd: where it runs.
        environment: on top of ``clean_environment``.
        speaks: keep its standard input and output as pipes, for peers without a port.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        speaks: bool = False,
    ) -> None:
        self._command = list(command)
        self._log = folder / "output.log"
        self._cwd = cwd
        self._environment = clean_environment(folder) | dict(environment or {})
        self._speaks = speaks
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command in a session, and so a process group, of its own."""
        pipe = subprocess.PIPE if self._speaks else None
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environment,
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Return once ``ready()`` holds.

        Raises:
            PeerError: the process ended or the time is over; with the end of its output.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process is None or self.process.poll() is not None:
                raise PeerError(f"{what} ended while starting:\n{self.output()}")
            if time.monotonic() > deadline:
                raise PeerError(f"{what} was not ready after {seconds:g} s:\n{self.output()}")
            time.sleep(_PERIOD)

    def output(self) -> str:
        """Return the last lines it printed."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL:]) or "(it printed nothing)"

    def family(self) -> list[psutil.Process]:
        """Return the living process and its descendants."""
        if self.process is None or self.process.poll() is not None:
            return []
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def kill(self) -> None:
        """End the whole group as the system would, without a chance to finish anything."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End the whole group: ask, wait, kill."""
        if self.process is None:
            return
        family = self.family()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        psutil.wait_procs(family, timeout=2.0)
        self._signal(signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()
        self.process = None

    def _signal(self, number: signal.Signals) -> None:
        # The group's number stays its leader's for as long as one of its processes lives.
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
