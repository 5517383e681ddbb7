"""A model endpoint with two versions, and the folder of logs that a server of it would have."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.gateway_server import ModelServer
from tests.support.management_server import ManagementServer
from todserve.serving.server.server_record import Record


@contextmanager
def two_versions(model: ModelServer, folder: Path) -> Iterator[Path]:
    """Serve the management of versions 1.0, which answers, and 2.0; yield the folder of logs."""
    logs = folder / "logs"
    logs.mkdir()
    with ManagementServer(tod=[("1.0", "READY"), ("2.0", "READY")]) as management:
        Record(
            pid=os.getpid(),
            created=psutil.Process().create_time(),
            temp_dir=str(folder / "none"),
            name="tod",
            store=str(folder),
            inference_url=model.url,
            management_url=management.url,
            metrics_url=management.url,
        ).save(logs)
        yield logs
