"""The cascade: four one-task models, each with full weights of its own, asked one after another.

Two peers serve the same four archives: a TorchServe workflow (.war), whose nodes hand the turn on
inside the server, and four models that a client asks in sequence.
intent -> belief state and look-up -> acts -> response.
Example: ``CascadeWorkflow(Path("checkpoints/multiwoz"), folder, Ports()).start()``.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.asking import first_answer
from benchmarks.peers.base import AnswerForm, Client, Closing, HttpClient
from benchmarks.peers.plain_torchserve import PlainTorchServe, pack_model, run_archiver
from benchmarks.peers.stock_files import HERE, stage
from benchmarks.ports import Ports
from todserve.runtime.language.tasks import TaskName
from todserve.serving.archive.packed_folder import WEIGHTS

ORDER = (TaskName.INTENT, TaskName.BELIEF_STATE, TaskName.DIALOGUE_ACT, TaskName.RESPONSE)
WORKFLOW = "cascade"
# TorchServe's documented defaults but for the batch: its 1 would answer 16 clients one by one.
NODE_TIMEOUT_MS = 10000
RETRIES = 1
BATCHING = "minWorkers: 1\nmaxWorkers: 1\nbatchSize: 8\nmaxBatchDelay: 1\n"
BATCHING += "responseTimeout: 120\nstartupTimeout: 240\ndeviceType: {device}\n"


class CascadeModels:
    """Four one-task models in one TorchServe; a client asks them in sequence."""

    name = "cascade_client"
    title = "cascade of four one-task models in TorchServe, asked in sequence by the client"
    form = AnswerForm.TEXTS
    most_clients = 64

    def __init__(
        self, checkpoint: Path, folder: Path, ports: Ports, *, device: str = "cpu"
    ) -> None:
        """Serve ``checkpoint`` four times; ``folder`` must exist and is this peer's alone."""
        self._checkpoint = checkpoint.resolve()
        self._folder = folder
        self._ports = ports
        self._batching = BATCHING.format(device=device)
        self._server: PlainTorchServe | None = None
        self.startup_seconds = 0.0
        self.size_bytes = 0

    def start(self) -> None:
        """Pack, start, and answer a first turn."""
        archives = self._pack()
        workflow = self._pack_workflow()
        paths = [*archives.values(), *([workflow] if workflow else [])]
        self.size_bytes = sum(path.stat().st_size for path in paths)
        begun = time.monotonic()
        server = PlainTorchServe(self._folder, self._ports, models=archives, workflow=workflow)
        server.start()
        self._server = server
        first_answer(self)
        self.startup_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop()

    def client(self) -> Client:
        """Return four connections that are asked in turn."""
        assert self._server is not None
        return _Sequence(self._server.port)

    def processes(self) -> list[psutil.Process]:
        """Return JVM and workers."""
        return self._server.processes() if self._server else []

    def workers(self) -> list[psutil.Process]:
        """Return the four workers."""
        return self._server.workers() if self._server else []

    def _pack_workflow(self) -> Path | None:
        return None

    def _pack(self) -> dict[str, Path]:
        archives = {}
        for task in ORDER:
            folder = self._folder / str(task)
            files = stage(self._checkpoint, folder / "files")
            (files / "task.json").write_text(json.dumps({"task": task}), encoding="utf-8")
            archives[str(task)] = pack_model(
                str(task),
                HERE / "one_task_handler.py",
                files,
                self._batching,
                folder,
                serialized=self._checkpoint / WEIGHTS,
            )
        return archives


class CascadeWorkflow(CascadeModels):
    """The same four as nodes of a TorchServe workflow: one request, four hops in the server."""

    name = "cascade_workflow"
    title = "cascade of four one-task nodes as a TorchServe workflow (.war)"

    def client(self) -> Client:
        """Return a new connection."""
        assert self._server is not None
        return _Workflow(self._server.port)

    def _pack_workflow(self) -> Path:
        nodes = "".join(f"    {task}:\n      url: {task}.mar\n" for task in ORDER)
        hops = zip(ORDER, ORDER[1:], strict=False)
        specification = self._folder / "workflow.yaml"
        specification.write_text(
            "models:\n    min-workers: 1\n    max-workers: 1\n    batch-size: 8\n"
            f"    max-batch-delay: 1\n    retry-attempts: {RETRIES}\n"
            f"    timeout-ms: {NODE_TIMEOUT_MS}\n{nodes}"
            "dag:\n" + "".join(f"  {one}: [{other}]\n" for one, other in hops),
            encoding="utf-8",
        )
        # The archiver wants a file of functions, even where every node is a model.
        functions = self._folder / "functions.py"
        functions.write_text('"""No node of this workflow is a function."""\n', encoding="utf-8")
        command = [sys.executable, "-m", "workflow_archiver.workflow_packaging"]
        command += ["--workflow-name", WORKFLOW, "--spec-file", str(specification)]
        command += ["--handler", str(functions), "--export-path", str(self._folder), "--force"]
        run_archiver(command, self._folder)
        return self._folder / f"{WORKFLOW}.war"


class _Sequence(Closing):
    """Asks the four models, each with what the one before handed over."""

    inside_seconds: float | None = None

    def __init__(self, port: int) -> None:
        self._steps = [HttpClient(port, f"/predictions/{task}") for task in ORDER]

    def ask(self, body: bytes) -> dict[str, Any]:
        passed: dict[str, Any] = {}
        for step in self._steps:
            passed = step.ask(body)
            body = json.dumps(passed).encode()
        texts: dict[str, Any] = passed["texts"]
        return texts

    def close(self) -> None:
        for step in self._steps:
            step.close()


class _Workflow(HttpClient):
    """Asks the workflow, which answers with its last node's output."""

    def __init__(self, port: int) -> None:
        super().__init__(port, f"/wfpredict/{WORKFLOW}")

    def ask(self, body: bytes) -> dict[str, Any]:
        texts: dict[str, Any] = super().ask(body)["texts"]
        return texts
