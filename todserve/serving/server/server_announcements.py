"""What ``tod start`` and ``tod stop`` do and say.

Nothing is said before it is true. Example: ``run_start(store=Path("archive/store"))``.
"""

from collections.abc import Sequence
from pathlib import Path

from todserve.serving.server.readiness import CANARY, Worker
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start, stop
from todserve.serving.terminal.painted_lines import say

DEFAULT_STORE = Path("archive/store")
DEFAULT_CONFIG = Path("config.properties")
DEFAULT_LOG_CONFIG = Path("archive/log4j2.xml")
DEFAULT_LOG_DIR = Path("logs")


def run_start(
    *,
    store: Path = DEFAULT_STORE,
    name: str = "tod",
    beside: tuple[str, ...] = (),
    config: Path = DEFAULT_CONFIG,
    log_config: Path = DEFAULT_LOG_CONFIG,
    log_dir: Path = DEFAULT_LOG_DIR,
    ready_timeout: float = 180.0,
) -> RunningServer:
    """Start the server, wait until it answers, and print where and how fast.

    Raises:
        TodError: see ``server.start``.
    """
    settings = ServerSettings(
        store=store,
        name=name,
        beside=beside,
        config=config,
        log_config=log_config,
        log_dir=log_dir,
        ready_timeout=ready_timeout,
    )
    archives = ", ".join(str(store / archive) for archive in settings.archives)
    server = start(settings, launching=lambda: say(f"starting TorchServe with {archives} ..."))
    java = server.java
    say(f"ready in {server.ready_seconds:.1f} s on Java {java.version} ({java.source})")
    for probe in server.probes:
        say(f"  inference   {server.inference_url}/predictions/{probe.name}")
        say(f"  workers     {_workers(probe.workers())}")
    say(f"  management  {server.management_url}/models")
    say(f"  metrics     {server.metrics_url}/metrics")
    say(f"  logs        {log_dir}/")
    if server.probe.key_file is not None:
        say(f"  tokens      {server.probe.key_file}")
    say(f"  try         curl -H 'Content-Type: text/plain' -d '{CANARY['user']}' \\")
    say(f"                {server.inference_url}/predictions/{server.probe.name}")
    return server


def run_stop(*, log_dir: Path = DEFAULT_LOG_DIR) -> bool:
    """Stop the server, confirm that no process is left, and say so; False if none was running."""
    stopped = stop(log_dir)
    nothing = (
        f"nothing was running that `tod start` has recorded in {log_dir}; --logs names another "
        "folder"
    )
    say("stopped; no process is left" if stopped else nothing)
    return stopped


def _workers(workers: Sequence[Worker]) -> str:
    """Return ``2: 372 MB, 371 MB``; the memory is left out where it cannot be seen."""
    memory = ", ".join(f"{worker.memory / 1e6:.0f} MB" for worker in workers if worker.memory)
    return f"{len(workers)}{': ' + memory if memory else ''}"
