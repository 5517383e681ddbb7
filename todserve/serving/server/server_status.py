"""ServerStatus: what runs on this machine right now: the server, its models, the gateways.

``tod status`` shows it. The record in the log folder says where the server is, its management API
what it serves, and the processes themselves how much memory they hold.
Example: ``read_status(Path("logs")).models[0].engine`` is ``"onnx"``.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import requests

from todserve.runtime.errors import TodError
from todserve.runtime.networks.export_manifest import MANIFEST_FILE
from todserve.runtime.untrusted.json_text import read_json
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.server.processes import is_running
from todserve.serving.server.readiness import Probe, Worker, resident_size, workers_of
from todserve.serving.server.server_record import Record

_COMMANDS = ("gateway", "studio")
_MODULES = ("todserve", "todserve.cli.main")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStatus:
    """A version of a model that is served.

    Attributes:
        name: the model.
        version: its version.
        archive: the archive it was loaded from.
        engine: the engine that runs its network, None where its files do not tell.
        dtype: the numbers it computes in, None where its files do not tell.
        workers: its worker processes.
        since: when its oldest worker started, None while it has none.
    """

    name: str
    version: str
    archive: str
    engine: str | None
    dtype: str | None
    workers: tuple[Worker, ...]
    since: str | None

    @property
    def ready(self) -> bool:
        """Whether there are workers and every one can answer."""
        return bool(self.workers) and all(worker.ready for worker in self.workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayStatus:
    """A gateway or studio that runs.

    Attributes:
        verb: ``gateway`` or ``studio``.
        pid: its process.
        ports: where it listens.
        memory: its resident size in bytes.
        since: when it started.
    """

    verb: str
    pid: int
    ports: tuple[int, ...]
    memory: int
    since: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerStatus:
    """The server and the gateways that run on this machine.

    Attributes:
        record: the server, None where none of this log folder runs.
        memory: resident size of the server without its workers, in bytes.
        since: when the server started, None where none runs.
        answers: whether its management API answers.
        models: what it serves.
        gateways: the gateways and studios of this machine.
    """

    record: Record | None
    memory: int
    since: str | None
    answers: bool
    models: tuple[ModelStatus, ...]
    gateways: tuple[GatewayStatus, ...]

    @property
    def ready(self) -> bool:
        """Whether a server runs whose every model can answer."""
        return bool(self.models) and all(model.ready for model in self.models)

    def figures(self) -> dict[str, Any]:
        """Return the status as ``tod status --json`` prints it."""
        server = None
        if self.record is not None:
            server = {
                "pid": self.record.pid,
                "since": self.since,
                "memory_bytes": self.memory,
                "answers": self.answers,
                "inference": self.record.inference_url,
                "management": self.record.management_url,
                "metrics": self.record.metrics_url,
            }
        return {
            "running": self.record is not None,
            "ready": self.ready,
            "server": server,
            "models": [
                {
                    "name": one.name,
                    "version": one.version,
                    "archive": one.archive,
                    "engine": one.engine,
                    "dtype": one.dtype,
                    "ready": one.ready,
                    "since": one.since,
                    "workers": [
                        {"pid": worker.pid, "ready": worker.ready, "memory_bytes": worker.memory}
                        for worker in one.workers
                    ],
                }
                for one in self.models
            ],
            "gateways": [
                {
                    "verb": one.verb,
                    "pid": one.pid,
                    "ports": list(one.ports),
                    "memory_bytes": one.memory,
                    "since": one.since,
                }
                for one in self.gateways
            ],
        }


def read_status(log_dir: Path) -> ServerStatus:
    """Return what runs: the server whose record lies in ``log_dir``, and this machine's gateways.

    Nothing that is asked may fail it: what does not answer is told as absent.
    """
    gateways = tuple(_gateways())
    record = Record.load(log_dir)
    if record is None or not record.running:
        return ServerStatus(
            record=None, memory=0, since=None, answers=False, models=(), gateways=gateways
        )
    temp_dir = Path(record.temp_dir)
    names = _names(record)
    settings = _engines(temp_dir)
    return ServerStatus(
        record=record,
        memory=resident_size(record.pid),
        since=_moment(record.created),
        answers=names is not None,
        models=tuple(
            _model(described, settings)
            for name in names or ()
            for described in _probe(record, name).described("/all")
        ),
        gateways=gateways,
    )


def _probe(record: Record, name: str) -> Probe:
    return Probe(
        name=name,
        inference_url=record.inference_url,
        management_url=record.management_url,
        key_file=Path(record.temp_dir) / "key_file.json",  # only there while tokens are on
    )


def _names(record: Record) -> list[str] | None:
    """Return the served models' names, None where the management API does not answer."""
    try:
        listed = _probe(record, "").listed()
    except (requests.RequestException, ValueError, LookupError):
        return None
    models = listed.get("models", []) if isinstance(listed, dict) else []
    return [str(one["modelName"]) for one in models if isinstance(one, dict) and "modelName" in one]


def _model(
    described: Mapping[str, Any], settings: Mapping[tuple[str, str], tuple[str, str]]
) -> ModelStatus:
    name, version = str(described.get("modelName")), str(described.get("modelVersion"))
    workers: tuple[Worker, ...] = ()
    with contextlib.suppress(ValueError, LookupError, TypeError):
        workers = workers_of(described["workers"])
    begun = [_created(worker.pid) for worker in workers]
    known = [moment for moment in begun if moment is not None]
    engine, dtype = settings.get((name, version), (None, None))
    return ModelStatus(
        name=name,
        version=version,
        archive=str(described.get("modelUrl", "")),
        engine=engine,
        dtype=dtype,
        workers=workers,
        since=_moment(min(known)) if known else None,
    )


def _engines(temp_dir: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (name, version) -> (engine, dtype) of the archives that the server has unpacked."""
    found = {}
    for manifest in temp_dir.glob("models/*/MAR-INF/MANIFEST.json"):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, TodError):
            model = read_json(manifest)["model"]
            config = load_model_config(manifest.parents[1] / str(model["configFile"]))
            engine = config.handler.engine
            key = str(model["modelName"]), str(model["modelVersion"])
            found[key] = str(engine.engine), _dtype(manifest.parents[1]) or str(engine.dtype)
    return found


def _dtype(folder: Path) -> str | None:
    """Return the numbers that an archive's export computes in; None where it holds no export."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        exported = read_json(folder / MANIFEST_FILE)
        return str(exported["dtype"])
    return None


def _gateways() -> Iterator[GatewayStatus]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            verb = verb_of(process.cmdline())
            if verb is None or not is_running(process):
                continue
            ports = {
                one.laddr.port
                for one in process.net_connections(kind="tcp")
                if one.status == psutil.CONN_LISTEN and one.laddr
            }
            yield GatewayStatus(
                verb=verb,
                pid=process.pid,
                ports=tuple(sorted(ports)),
                memory=resident_size(process.pid),
                since=_moment(process.create_time()),
            )


def verb_of(words: list[str]) -> str | None:
    """Return ``gateway`` or ``studio`` where a process's command line runs ``tod`` with it."""
    for before, word in zip(words[:3], words[1:4], strict=False):
        is_tod = Path(before).name == "tod" or before in _MODULES
        if is_tod and word in _COMMANDS:
            return word
    return None


def _created(pid: int) -> float | None:
    with contextlib.suppress(psutil.Error, ValueError):
        return float(psutil.Process(pid).create_time())
    return None


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
