"""Scripted users: they hold whole dialogues with the bare endpoint, or with the gateway.

The soak, the bulk rate and the gateway's benchmark use them as the clients of a load. Example:
``Kept(8090, scripts_from(scripts, 0)).ask(b"")`` is the answer to the first utterance.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

from benchmarks.peers.base import Closing, HttpClient
from todserve.corpora.registry import load
from todserve.runtime.errors import CorpusError
from todserve.serving.terminal.demo import UTTERANCES

Script = tuple[str, ...]
"""What one user says, in order."""


def load_scripts() -> tuple[list[Script], str]:
    """Return what users say, from MultiWOZ dev or the demo, and which of them it is."""
    try:
        dialogues = [
            tuple(turn.user for turn in one.turns)
            for place, one in enumerate(load("multiwoz21", "dev"))
            if place % 10 == 0
        ]
    except CorpusError:
        return [UTTERANCES], "the demo's dialogue"
    return dialogues, "multiwoz21 dev, users of every 10th dialogue"


def scripts_from(scripts: Sequence[Script], number: int) -> Iterator[Script]:
    """Yield the scripts over and over, for each client from another place on."""
    place = number * 7 % len(scripts)
    return cycle([*scripts[place:], *scripts[:place]])


class Bare(Closing):
    """Holds scripted dialogues with the endpoint, and carries what it must carry."""

    inside_seconds: float | None = None

    def __init__(self, port: int, name: str, scripts: Iterator[Script]) -> None:
        self._client = HttpClient(port, f"/predictions/{name}")
        self._scripts = scripts
        self._left: list[str] = []
        self._carried: dict[str, Any] = {}

    def ask(self, body: bytes) -> dict[str, Any]:
        """Say the next utterance of the script; ``body`` is not looked at."""
        if not self._left:
            self._left, self._carried = list(next(self._scripts)), {"history": []}
        user = self._left.pop(0)
        answer = self._client.ask(json.dumps({"user": user, **self._carried}).encode())
        self._carried = {
            "history": [
                *self._carried["history"],
                {"user": user, "system": answer["response"]["text"]},
            ],
            "state": answer["belief_state"],
            "domain": answer["domain"]["active"],
        }
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Kept(Closing):
    """Holds scripted dialogues with the gateway, which carries everything.

    Args:
        port: the gateway's.
        scripts: where dialogues come from.

    Attributes:
        acknowledged: how many turns were.
        newest: dialogue and message id of the last of them.
    """

    inside_seconds: float | None = None

    def __init__(self, port: int, scripts: Iterator[Script]) -> None:
        self._client = HttpClient(port, "/v1/dialogues")
        self._scripts = scripts
        self._left: list[str] = []
        self._dialogue = ""
        self.acknowledged = 0
        self.newest = ("", "")

    def begin(self) -> str:
        """Begin a dialogue, and return its id."""
        return str(self._client.ask(b"{}")["dialogue_id"])

    def ask(self, body: bytes) -> dict[str, Any]:
        """Say the next utterance of the script; ``body`` is not looked at."""
        if not self._left:
            self._left, self._dialogue = list(next(self._scripts)), self.begin()
        said = {"user": self._left.pop(0), "message_id": str(self.acknowledged)}
        path = f"/v1/dialogues/{self._dialogue}/turns"
        answer = self._client.post(path, json.dumps(said).encode())
        self.acknowledged += 1
        self.newest = (self._dialogue, said["message_id"])
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
