"""Server processes: finds those that belong to a server, and makes sure that none is left.

``tod stop`` and the tests call it. A server's processes are known by its private temporary folder,
which stands in the command line of the JVM and of every worker.
Example: ``[process.pid for process in processes_of(Path("/tmp/tod-x1y2"))]``.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

_PROGRAMS = ("org.pytorch.serve.ModelServer", "model_service_worker.py")


def processes_of(temp_dir: Path) -> list[psutil.Process]:
    """Return the living JVM and workers whose command line names the folder.

    Others that name it, such as an editor of its configuration, are not TorchServe's.
    """
    marker = f"{temp_dir}/"
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            named = any(marker in word for word in words)
            if named and any(word.endswith(_PROGRAMS) for word in words) and is_running(process):
                found.append(process)
    return found


def is_running(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not, it only waits for a parent that never asks."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def terminate(processes: Sequence[psutil.Process], *, patience: float) -> list[psutil.Process]:
    """Ask, wait ``patience`` seconds, then kill; return those that had to be killed."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(processes, timeout=patience)
    stubborn = [process for process in processes if is_running(process)]
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)
    return stubborn
