"""A batch that several requests share for sure, on a server that waits for none to fill."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import requests

from todserve.serving.server.torchserve_server import RunningServer

_PATIENCE = 60
_HANDED_OVER = 1.0
"""Seconds in which TorchServe gives a turn to a worker that has nothing to do."""


def answered_together(
    server: RunningServer, asked: Sequence[Callable[[], requests.Response]]
) -> list[requests.Response]:
    """Ask all of this at once; one further turn is a batch of its own before.

    The worker is stopped while it has that turn, and goes on once all others wait behind it.
    """
    (worker,) = server.workers()
    with ThreadPoolExecutor(1 + len(asked)) as pool:
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            before = pool.submit(server.probe.predict, _PATIENCE)
            threading.Event().wait(_HANDED_OVER)
            others = [pool.submit(one) for one in asked]
            for _ in range(10 * _PATIENCE):
                if _waiting(server) == len(asked):
                    break
                threading.Event().wait(0.1)
            else:
                raise AssertionError(f"{_waiting(server)} of {len(asked)} wait for the worker")
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        assert before.result().status_code == 200
        return [one.result() for one in others]


def _waiting(server: RunningServer) -> int:
    (described,) = server.probe.described()
    return int(described["jobQueueStatus"]["pendingRequests"])
