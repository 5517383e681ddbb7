"""A plain Ray Serve deployment: up to 16 turns together by its own batching, one generate a phase.

Example: ``python -m benchmarks.peers.ray_server checkpoints/multiwoz --port 18000``.
"""

import argparse
import asyncio
import logging
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from todserve.fleet.ray_environment import keep_to_this_machine

keep_to_this_machine()  # Ray reads it when it is imported

import ray  # noqa: E402
from ray import serve  # noqa: E402
from starlette.requests import Request  # noqa: E402

from benchmarks.peers.stock_turn import StockTurns  # noqa: E402
from todserve.serving.capacity.this_machine import usable_cores  # noqa: E402

BATCH = 16
BATCH_TIMEOUT = 0.005  # seconds
CLIENTS = 64  # all that may wait here at once; Ray's own default refuses none either
STORE_BYTES = 80 << 20  # the least that Ray takes; nothing lies in its object store


class TurnDeployment:
    """One replica; it has all cores, since Ray gives a replica of one core a single thread."""

    def __init__(self, checkpoint: str) -> None:
        """Load the network; leave the worker's number where the benchmark finds it."""
        self.turns = StockTurns(Path(checkpoint))
        path = Path(tempfile.gettempdir()) / f"worker-{os.getpid()}.pid"
        path.write_text(str(os.getpid()), encoding="utf-8")

    async def __call__(self, request: Request) -> dict[str, str]:
        """Return the four texts of a turn."""
        answered: dict[str, str] = await self._answer(await request.json())
        return answered

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=BATCH_TIMEOUT)
    async def _answer(self, bodies: list[Any]) -> list[dict[str, str]]:
        turns = [self.turns.begin(body) for body in bodies]
        await asyncio.to_thread(self.turns.answer, turns)
        return [turn.texts for turn in turns]


def main() -> None:
    """Serve with one replica until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by a key
    cores = usable_cores()
    ray.init(
        address="local",
        num_cpus=cores,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": arguments.port})
        deployed = serve.deployment(
            TurnDeployment, max_ongoing_requests=CLIENTS, ray_actor_options={"num_cpus": cores}
        )
        serve.run(deployed.bind(str(arguments.checkpoint.resolve())), route_prefix="/predict")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
