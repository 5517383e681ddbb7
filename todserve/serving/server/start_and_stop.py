"""Launch: the words that ``tod start`` and ``tod stop`` say.

Beside the way of a request. Example: ``run_start(store=Path("archive/store"))``.
"""

from pathlib import Path

from todserve.serving.server.readiness import CANARY
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start, stop

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
    print(f"starting TorchServe with {archives} ...", flush=True)
    server = start(settings)
    workers = server.workers()
    memory = ", ".join(f"{worker.memory / 1e6:.0f} MB" for worker in workers if worker.memory)
    print(f"ready in {server.ready_seconds:.1f} s on Java {server.java.version}", end="")
    print(f" ({server.java.source}); {len(workers)} worker(s){': ' + memory if memory else ''}")
    for one in settings.names:
        print(f"  inference   {server.inference_url}/predictions/{one}")
    print(f"  management  {server.management_url}/models")
    print(f"  metrics     {server.metrics_url}/metrics")
    print(f"  logs        {log_dir}/")
    if server.probe.key_file is not None:
        print(f"  tokens      {server.probe.key_file}")
    print(f"  try         curl -H 'Content-Type: text/plain' -d '{CANARY['user']}' \\")
    print(f"                {server.inference_url}/predictions/{name}")
    return server


def run_stop(*, log_dir: Path = DEFAULT_LOG_DIR) -> bool:
    """Stop the server, confirm that no process is left, and say so; False if none was running."""
    stopped = stop(log_dir)
    print("stopped; no process is left" if stopped else "nothing was running")
    return stopped
