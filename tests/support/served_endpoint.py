"""Real servers for tests: a small configuration, on ports that are free."""

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from todserve.serving.server.server_settings import ServerSettings

ROOT = Path(__file__).parents[2]

MODEL_CONFIG = """\
minWorkers: 1
maxWorkers: 1
batchSize: 4
maxBatchDelay: 1
responseTimeout: 60
handler:
  engine: {engine: onnx, threads: 1}
"""
"""A request that comes alone waits for no other; the engine is the shipped one."""

MakeSettings = Callable[..., ServerSettings]


def free_ports(count: int) -> list[int]:
    """Return different ports that nobody listens on now."""
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [listener.getsockname()[1] for listener in listeners]


def write_config(folder: Path, **changes: str) -> Path:
    """Write the shipped config.properties, on free ports and with absolute paths."""
    text = (ROOT / "config.properties").read_text()
    shipped = ("8080", "8081", "8082", "7070", "7071")
    ports = dict(zip(shipped, map(str, free_ports(len(shipped))), strict=True))
    # All at once: a free port may hold the digits of a shipped one.
    pattern = rf"\b({'|'.join(shipped)})\b"
    assert sorted(re.findall(pattern, text)) == sorted(shipped)
    text = re.sub(pattern, lambda port: ports[port[1]], text)
    assert "archive/metrics.yaml" in text
    text = text.replace("archive/metrics.yaml", str(ROOT / "archive" / "metrics.yaml"))
    for key, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{key}=")]
        text = "\n".join([*lines, f"{key}={value}"]) + "\n"
    path = folder / "config.properties"
    path.write_text(text)
    return path
