"""Latency of one whole turn over REST, one client, and the worker's memory.

Needs a running server (``tod start``). Example: ``python -m benchmarks.rest_turn --repeats 10``.
Figures of one machine alone: compare only runs of the same machine, and better the same hour.
"""

import argparse
import platform
import statistics
import time

from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.server.readiness import Probe
from todserve.serving.terminal.demo import UTTERANCES


def main() -> None:
    """Hold the demo's dialogue several times and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--management-url", default="http://127.0.0.1:8081")
    parser.add_argument("--name", default="tod")
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()

    over_rest: list[float] = []
    inside: list[float] = []
    model = ""
    with Client(arguments.url, name=arguments.name) as client:
        for repeat in range(arguments.repeats + 1):
            conversation = Conversation(client)
            for utterance in UTTERANCES:
                start = time.perf_counter()
                answer = conversation.say(utterance)
                if repeat:  # the first dialogue warms the worker up
                    over_rest.append(1e3 * (time.perf_counter() - start))
                    inside.append(answer.timing_ms["total"])
            model = f"{answer.model.name} {answer.model.version} {answer.model.checkpoint[:12]}"
    probe = Probe(
        name=arguments.name,
        inference_url=arguments.url,
        management_url=arguments.management_url,
    )
    print(f"model {model}; {platform.machine()}, {platform.python_implementation()}, one client")
    print(f"{len(over_rest)} turns: the demo's dialogue {arguments.repeats} times after a warm-up")
    for label, values in (("over REST", over_rest), ("in worker", inside)):
        ordered = sorted(values)
        p95 = ordered[int(0.95 * (len(ordered) - 1))]
        print(f"{label}: p50 {statistics.median(ordered):.0f} ms, p95 {p95:.0f} ms")
    for worker in probe.workers():
        print(f"worker memory (RSS): {worker.memory / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
