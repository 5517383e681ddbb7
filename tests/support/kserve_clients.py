"""The official clients of KServe and Triton, in an environment of their own (.venv-kserve)."""

import json
import subprocess
from typing import Any

import pytest

from tests.support.served_endpoint import ROOT

PYTHON = ROOT / ".venv-kserve" / "bin" / "python"
_PROGRAMS = ROOT / "tests" / "fixtures" / "kserve_clients"

needs_kserve = pytest.mark.skipif(
    not PYTHON.is_file(), reason="there is no .venv-kserve with kserve; `make test` makes it"
)


def calls(program: str, url: str, *more: str) -> dict[str, Any]:
    """Return what a program's calls of a server came to, by name."""
    command = [str(PYTHON), str(_PROGRAMS / f"{program}_calls.py"), url]
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
