"""Postgres: a PostgreSQL server of one's own, from the system's package, that may be killed.

Example: ``with Postgres(programs(), port=5433) as server: print(server.url)``.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Self

from benchmarks.ports import Ports


def programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``; None where they are not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    return Path(found).resolve().parent if found else None


class Postgres:
    """A server with an empty database; ``url`` is SQLAlchemy's address of it.

    Args:
        folder: of its programs.
        port: a free one where none is given.
        within: folder, such as that of a small disk, in which it keeps all that it writes.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, within: Path | None = None
    ) -> None:
        self._programs = folder
        # It refuses to run as root, and another user cannot enter every folder of root's.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="tod-postgres-", dir=within))
        self._port = Ports().take(1)[0] if port is None else port
        self._server: subprocess.Popen[bytes] | None = None
        self._databases = count()
        self.url = self._url("postgres")

    def start(self) -> None:
        """Start it, on what it holds, and return once it answers."""
        self._server = subprocess.Popen(
            [
                str(self._programs / "postgres"),
                *("-D", self._cluster, "-p", str(self._port), "-k", str(self._folder)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
            ],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self._port)).returncode:
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it without waiting for its clients: SIGINT in good order, SIGQUIT in none."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None

    def another(self) -> str:
        """Make a further database, as empty as the first, and return its address."""
        name = f"further_{next(self._databases)}"
        where = ("-h", "127.0.0.1", "-p", str(self._port), "-U", "tod")
        self._run("createdb", *where, name).check_returncode()
        return self._url(name)

    def __enter__(self) -> Self:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", self._cluster, "-U", "tod", "-A", "trust", "-E", "UTF8"
        ).check_returncode()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _cluster(self) -> str:
        return str(self._folder / "cluster")

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://tod@127.0.0.1:{self._port}/{database}"

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            timeout=120,
            check=False,
        )
