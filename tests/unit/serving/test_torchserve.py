"""What TorchServe and its workers find in their environment."""

from pathlib import Path

import pytest

from todserve.serving.server.java_runtime import JavaRuntime
from todserve.serving.server.torchserve_command import server_environment

JAVA = JavaRuntime(executable=Path("/java/bin/java"), version=17, source="a test")


def test_threads_wait_without_spinning_unless_the_caller_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert server_environment(JAVA, tmp_path, tmp_path)["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert server_environment(JAVA, tmp_path, tmp_path)["OMP_WAIT_POLICY"] == "ACTIVE"
