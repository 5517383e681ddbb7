"""Faults under load: parts of two replicas are killed and restarted, and what was lost is counted.

``python -m benchmarks.replicas.faults --json runs/faults.json`` starts everything as
``python -m benchmarks.replicas`` does, on ports that are free. Clients speak through HAProxy with
TLS all the while, each in a dialogue of its own, each message until it is acknowledged, without a
pause. Fault follows fault; afterwards every dialogue is read from the store and held against what
its client was told.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.ports import Ports
from benchmarks.replicas.insistent_client import InsistentClient, faults_of
from benchmarks.replicas.laptop import Laptop, Places
from benchmarks.replicas.torchserve_endpoint import SHIPPED, TorchServeEndpoint
from todserve.evaluation.scorecard import code_version
from todserve.serving.terminal.demo import UTTERANCES

Fault = Callable[[], object]
_PATIENCE = 180.0
"""Seconds in which everything must be itself again."""
_NOTICED = 3.0
"""Seconds after which HAProxy knows that a worker is gone."""


@dataclass(kw_only=True)
class Rehearsal:
    """Clients who speak, and what happened to them fault by fault.

    Attributes:
        laptop: what they speak with.
        clients: how many.
        rest: seconds before and after each fault.
        seen: fault -> its figures.
    """

    laptop: Laptop
    clients: int
    rest: float = 5.0
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Let the clients speak until the block ends; all that they began is answered then."""
        self._over = threading.Event()
        with self.laptop.session("talk") as session:
            self._ids = [
                session.post(f"{self.laptop.url}/v1/dialogues", json={}, timeout=60).json()[
                    "dialogue_id"
                ]
                for _ in range(self.clients)
            ]
        self._speaking = [
            InsistentClient(
                number=number,
                dialogue_id=self._ids[number],
                urls=(self.laptop.url,),
                stop=self._over,
                said=UTTERANCES,
                headers=self.laptop.headers("talk"),
                verify=str(self.laptop.edge.certificate),
            )
            for number in range(self.clients)
        ]
        try:
            for client in self._speaking:
                client.start()
            yield
        finally:
            self._over.set()
            deadline = time.monotonic() + _PATIENCE
            for client in self._speaking:
                client.join(timeout=max(0.0, deadline - time.monotonic()))

    def suffer(self, name: str, *faults: Fault) -> None:
        """Make faults one after the other, and note what the clients saw of them."""
        time.sleep(self.rest)
        before, began = self._counted(), time.monotonic()
        for fault in faults:
            fault()
        self.laptop.edge.wait_until_up(4, seconds=_PATIENCE)
        time.sleep(self.rest)
        after, ended = self._counted(), time.monotonic()
        answered = sorted(
            (at, took)
            for client in self._speaking
            for at, took in list(client.seconds)
            if began <= at <= ended
        )
        moments = [began, *(at for at, _ in answered), ended]
        pauses = [later - earlier for earlier, later in pairwise(moments)]
        self.seen[name] = {
            "seconds": round(ended - began, 1),
            **{key: after[key] - before[key] for key in after},
            "longest message, seconds": round(max((took for _, took in answered), default=0.0), 2),
            "longest time without any answer": round(max(pauses), 2),
        }
        print(f"{name}: {json.dumps(self.seen[name])}", file=sys.stderr)

    def judged(self) -> dict[str, Any]:
        """Hold the store against what the clients were told; for when nobody speaks any more."""
        wrong: dict[str, int] = {}
        with self.laptop.session("admin") as session:
            for dialogue_id in self._ids:
                dialogue = session.get(
                    f"{self.laptop.url}/v1/dialogues/{dialogue_id}", timeout=60
                ).json()
                spoke = [one for one in self._speaking if one.dialogue_id == dialogue_id]
                for key, number in faults_of(dialogue["turns"], spoke).items():
                    wrong[key] = wrong.get(key, 0) + number
        return {
            **self._counted(),
            "never answered": sum(client.is_alive() for client in self._speaking),
            "unexpected answers": sum(len(client.unexpected) for client in self._speaking),
            **wrong,
        }

    def _counted(self) -> dict[str, int]:
        everybody = self._speaking
        return {
            "acknowledged": sum(len(one.acknowledged) for one in everybody),
            "broken connections": sum(one.broken for one in everybody),
            "refusals": sum(one.refused.total() for one in everybody),
            "stored though the answer was lost": sum(one.replayed for one in everybody),
        }


def main() -> None:
    """Rehearse every fault, print the figures, and write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--store", type=Path, default=Path("archive/store"), help="of tod.mar")
    parser.add_argument("--clients", type=int, default=12, help="who speak at once")
    parser.add_argument("--kills", type=int, default=50, help="of workers, and of gateways")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    # What it started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tod-faults-")))
        ports = Ports()
        endpoints = [
            TorchServeEndpoint(arguments.store, ports.take(len(SHIPPED)), folder / name)
            for name in ("endpoint-1", "endpoint-2")
        ]
        for endpoint in endpoints:
            stack.callback(endpoint.stop)
            endpoint.start()
        figures = [f"127.0.0.1:{endpoint.metrics_port}" for endpoint in endpoints]
        # One token speaks for all clients, more than any one person's may.
        settings = ["requests_per_minute=0"]
        laptop = Laptop(folder, Places.free(ports), endpoints, figures=figures, settings=settings)
        rehearsal = Rehearsal(laptop=stack.enter_context(laptop), clients=arguments.clients)
        with rehearsal.speaking():
            for name, faults in scenes(laptop, endpoints, arguments.kills).items():
                rehearsal.suffer(name, *faults)
        found = {
            "code": code_version(),
            "machine": describe(),
            "clients": arguments.clients,
            "faults": rehearsal.seen,
            "all": rehearsal.judged(),
        }
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def scenes(
    laptop: Laptop, endpoints: Sequence[TorchServeEndpoint], kills: int
) -> Mapping[str, Sequence[Fault]]:
    """Return what happens: name -> faults, one after the other."""
    chance = random.Random(7)

    def again(endpoint: TorchServeEndpoint) -> None:
        endpoint.stop()
        endpoint.start()

    def kill_worker() -> None:
        while not chance.choice(endpoints).kill_worker(chance):
            time.sleep(0.2)
        time.sleep(_NOTICED)
        laptop.edge.wait_until_up(4, seconds=_PATIENCE)

    def kill_gateway() -> None:
        gateway = chance.choice(laptop.gateways)
        gateway.kill()
        gateway.start()
        laptop.edge.wait_until_up(4, seconds=_PATIENCE)

    one, two = laptop.gateways
    database = laptop.database
    return {
        "nothing": [lambda: time.sleep(10)],
        "an endpoint killed, started again": [endpoints[0].kill, lambda: again(endpoints[0])],
        f"{kills} gateways killed, one after the other": [kill_gateway] * kills,
        "both gateways restarted, one after the other": [
            two.stop,
            two.start,
            lambda: laptop.edge.wait_until_up(4),
            one.stop,
            one.start,
        ],
        "PostgreSQL restarted": [database.stop, database.start],
        "PostgreSQL ended in the middle of everything": [
            lambda: database.stop(signal.SIGQUIT),
            database.start,
        ],
        "HAProxy read its configuration again": [laptop.edge.reload, lambda: time.sleep(2)],
        f"{kills} workers killed, one after the other": [kill_worker] * kills,
    }


if __name__ == "__main__":
    main()
