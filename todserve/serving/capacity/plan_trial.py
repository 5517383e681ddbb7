"""PlanTrial: a real TorchServe started with a worker plan, and what clients see of it.

``tod tune`` calls it for every plan. Example: an archive with two workers is built, started on free
ports, asked by one client and then by sixteen, and stopped.

The clients run on the same machine and take their part of its cores, as a gateway would.
"""

import asyncio
import re
import socket
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from todserve.runtime.torchserve_files import given_or_shipped
from todserve.serving.archive import checksums
from todserve.serving.capacity.worker_plan import WorkerPlan, write_plan
from todserve.serving.client.client import AsyncClient
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import start

_NAME = "tod"
_WARM = 0.2  # of the seconds measured, before them


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialSettings:
    """What every plan is tried with.

    Attributes:
        archive: what is served; its model-config.yaml is replaced by one with the plan.
        model_config: the model-config.yaml that the plan is written into.
        config: TorchServe's config.properties; its ports are replaced by free ones.
        turns: bodies of turns, asked in order, over and over.
        clients: how many ask at once in the second measurement.
        seconds: how long each of the two measurements lasts.
    """

    archive: Path
    model_config: Path
    config: Path
    turns: Sequence[Mapping[str, Any]]
    clients: int = 16
    seconds: float = 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What clients saw of one plan.

    Attributes:
        plan: what was tried.
        alone: median milliseconds of a turn at one client.
        rate: turns a second at ``clients``.
        slow: 95th percentile of a turn's milliseconds there.
        memory: resident bytes of all workers under that load.
        ready: seconds from the start to the first answer.
    """

    plan: WorkerPlan
    alone: float
    rate: float
    slow: float
    memory: int
    ready: float


def try_plan(plan: WorkerPlan, settings: TrialSettings, folder: Path) -> Measured:
    """Start a server with the plan, measure and stop it; ``folder`` must exist and be empty.

    Raises:
        ServerError: the server cannot start, or does not answer a turn.
    """
    written = folder / "model-config.yaml"
    write_plan(plan, settings.model_config, written)
    store = folder / "store"
    store.mkdir()
    _archive_with(written, settings.archive, store / f"{_NAME}.mar")
    served = ServerSettings(
        store=store,
        name=_NAME,
        config=_on_free_ports(settings.config, folder / "config.properties"),
        log_dir=folder / "logs",
    )
    with start(served) as server:
        url = server.inference_url
        alone = asyncio.run(_asked(url, settings.turns, 1, settings.seconds))
        together = asyncio.run(_asked(url, settings.turns, settings.clients, settings.seconds))
        memory = sum(worker.memory for worker in server.workers())
        return Measured(
            plan=plan,
            alone=1e3 * statistics.median(alone),
            rate=len(together) / settings.seconds,
            slow=1e3 * statistics.quantiles(together, n=20)[-1],
            memory=memory,
            ready=server.ready_seconds,
        )


async def _asked(
    url: str, turns: Sequence[Mapping[str, Any]], clients: int, seconds: float
) -> list[float]:
    """Return the seconds of every turn that was answered inside the window, two at the least."""
    places = count()
    begun = time.perf_counter() + _WARM * seconds
    until = begun + seconds
    taken: list[float] = []

    async def ask(client: AsyncClient) -> None:
        while (sent := time.perf_counter()) < until or len(taken) < 2:
            await client.send(turns[next(places) % len(turns)])
            answered = time.perf_counter()
            if sent >= begun and (answered <= until or len(taken) < 2):
                taken.append(answered - sent)

    async with AsyncClient(url, name=_NAME) as client:
        await asyncio.gather(*(ask(client) for _ in range(clients)))
    return taken


def _archive_with(model_config: Path, archive: Path, target: Path) -> None:
    """Write an archive with another model-config.yaml, and its checksum."""
    name = "model-config.yaml"
    with ZipFile(archive) as source, ZipFile(target, "w") as changed:
        for member in source.infolist():
            content = model_config.read_bytes() if member.filename == name else source.read(member)
            changed.writestr(member, content)
    checksums.record(target.parent, target)


def _on_free_ports(config: Path, target: Path) -> Path:
    """Write config.properties with five ports of its own, so that a running server is not met."""
    Frontend.read(given_or_shipped(config)).write(target)
    text = target.read_text(encoding="utf-8")
    listeners = [socket.socket() for _ in range(5)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        ports = [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()
    replaced = {
        "inference_address": f"http://127.0.0.1:{ports[0]}",
        "management_address": f"http://127.0.0.1:{ports[1]}",
        "metrics_address": f"http://127.0.0.1:{ports[2]}",
        "grpc_inference_address": "127.0.0.1",
        "grpc_management_address": "127.0.0.1",
        "grpc_inference_port": str(ports[3]),
        "grpc_management_port": str(ports[4]),
        "disable_token_authorization": "true",
    }
    for key, value in replaced.items():
        text = re.sub(rf"(?m)^{key}=.*\n", "", text) + f"{key}={value}\n"
    target.write_text(text, encoding="utf-8")
    return target
