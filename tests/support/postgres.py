"""A PostgreSQL server of the tests' own, from the system's package; absent where there is none."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.served_endpoint import free_ports


def programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``; None where they are not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    return Path(found).resolve().parent if found else None


class Postgres:
    """A server with an empty database; ``url`` is SQLAlchemy's address of it."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        # It refuses to run as root, and another user cannot enter pytest's own folders.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="tod-postgres-"))
        (self._port,) = free_ports(1)
        self.url = f"postgresql+psycopg://tod@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        cluster = str(self._folder / "cluster")
        self._run(
            "initdb", "-D", cluster, "-U", "tod", "-A", "trust", "-E", "UTF8"
        ).check_returncode()
        self._server = subprocess.Popen(
            [
                str(self._programs / "postgres"),
                *("-D", cluster, "-p", str(self._port), "-k", str(self._folder)),
                *("-c", "listen_addresses=127.0.0.1"),
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
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            timeout=120,
            check=False,
        )
