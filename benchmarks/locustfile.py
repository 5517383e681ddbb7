"""Load test of a server of your own, with locust: users who hold the demo's dialogue.

Each keeps the history, the belief state and the active domain, as a real client does, and thinks
for a moment between turns. An answer that is no whole turn counts as a failure. Example:
``locust -f benchmarks/locustfile.py --host http://127.0.0.1:8080 --headless -u 16 -r 4 -t 1m``;
add ``--think 0`` for as much load as the users can make, ``--model NAME`` for another model,
``--token KEY`` where the server asks for one.
"""

import random
from argparse import ArgumentParser
from http import HTTPStatus
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, events, task

from todserve.serving.terminal.demo import UTTERANCES


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser) -> None:
    """Add what locust does not know of."""
    parser.add_argument("--model", default="tod", help="name of the model on the server")
    parser.add_argument("--token", default="", help="inference token, where one is needed")
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds between two turns")


class Talking(FastHttpUser):
    """Someone who holds the demo's dialogue again and again."""

    @task
    def dialogue(self) -> None:
        """Say every utterance, each with what the answers before it said."""
        options = self.environment.parsed_options
        headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
        memory: dict[str, Any] = {"history": [], "state": {}, "domain": None}
        for utterance in UTTERANCES:
            answer = self._turn({"user": utterance, **memory}, options.model, headers)
            if answer is None:
                return  # the dialogue is broken off; the next one begins anew
            memory = {
                "history": [
                    *memory["history"],
                    {"user": utterance, "system": answer["response"]["text"]},
                ],
                "state": answer["belief_state"],
                "domain": answer["domain"]["active"],
            }
            if options.think > 0:
                gevent.sleep(random.expovariate(1 / options.think))

    def _turn(
        self, body: dict[str, Any], model: str, headers: dict[str, str]
    ) -> dict[str, Any] | None:
        path = f"/predictions/{model}"
        with self.rest("POST", path, json=body, headers=headers, name="turn") as reply:
            answer = reply.js
            if reply.status_code != HTTPStatus.OK:
                return None  # locust has counted it
            if not isinstance(answer, dict) or not answer.get("response"):
                reply.failure("the answer is no whole turn")  # type: ignore[no-untyped-call]
                return None
            return answer
