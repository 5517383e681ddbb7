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
    return output(f"{program}_calls", url, *more)


def output(program: str, *words: str) -> dict[str, Any]:
    """Return the JSON that a program prints last."""
    command = [str(PYTHON), str(_PROGRAMS / f"{program}.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
