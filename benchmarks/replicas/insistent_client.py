"""InsistentClient: says numbered messages in one dialogue, each until it is acknowledged.

What it was told is kept, so that afterwards the store can be held against it: ``faults_of`` names
what was lost, doubled or swapped. Example: ``InsistentClient(number=0, dialogue_id="4f",
urls=("https://127.0.0.1:8443",), stop=threading.Event(), verify="edge.crt").start()``.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

import requests

_LONGEST = 120.0
"""Seconds after which an attempt is given up; longer than any answer takes."""


@dataclass(kw_only=True, eq=False)
class InsistentClient(threading.Thread):
    """A client that comes again after every refusal and every broken connection.

    Attributes:
        number: of the client; its messages are ``number-0``, ``number-1``, ...
        dialogue_id: where it speaks; others may speak there too.
        urls: of gateways, or of what stands before them; each attempt takes one by chance.
        stop: set when no further message shall be begun.
        said: what it says, over and over; a message's own id where there is nothing.
        headers: of each request.
        verify: file of the certificate that vouches for the servers.
        acknowledged: message id -> the turn that it was told is stored.
        seconds: of each acknowledged message, from its first attempt: when it was answered, how
            long it took.
        broken: connections that broke.
        refused: status -> how often, of refusals that ask to come again.
        replayed: messages that were stored though their first answer was lost.
        unexpected: anything else that was answered.
    """

    number: int
    dialogue_id: str
    urls: Sequence[str]
    stop: threading.Event
    said: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    verify: str | bool = True
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: list[tuple[float, float]] = field(default_factory=list)
    broken: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    replayed: int = 0
    unexpected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Become a thread, which ends with the program."""
        super().__init__(daemon=True)
        self._random = random.Random(self.number)

    def run(self) -> None:
        """Speak until ``stop`` is set."""
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self.verify
            session.headers.update(self.headers)
            for place in count():
                if self.stop.is_set():
                    return
                self._say(session, place)

    def _say(self, session: requests.Session, place: int) -> None:
        message_id = f"{self.number}-{place}"
        user = self.said[place % len(self.said)] if self.said else f"message {message_id}"
        body = {"user": user, "message_id": message_id}
        began = time.monotonic()
        while True:
            url = self._random.choice(self.urls)
            try:
                answer = session.post(
                    f"{url}/v1/dialogues/{self.dialogue_id}/turns", json=body, timeout=_LONGEST
                )
            except requests.RequestException:
                self.broken += 1
                time.sleep(0.05)
                continue
            if answer.status_code == HTTPStatus.OK:
                now = time.monotonic()
                self.seconds.append((now, now - began))
                self.acknowledged[message_id] = answer.json()
                self.replayed += answer.headers.get("Idempotent-Replay") == "true"
                return
            if answer.status_code not in (
                HTTPStatus.BAD_GATEWAY,
                HTTPStatus.SERVICE_UNAVAILABLE,
                HTTPStatus.GATEWAY_TIMEOUT,
            ):
                self.unexpected.append(f"{answer.status_code} {answer.text}")
                return
            self.refused[answer.status_code] += 1
            time.sleep(float(answer.headers.get("Retry-After", 0)))


def faults_of(
    turns: Sequence[Mapping[str, Any]], clients: Iterable[InsistentClient]
) -> dict[str, int]:
    """Return what is wrong with a dialogue's turns, counted; all zero where nothing is.

    Args:
        turns: as the store has them.
        clients: who spoke in the dialogue.
    """
    everybody = list(clients)
    acknowledged: dict[str, dict[str, Any]] = {}
    for client in everybody:
        acknowledged |= client.acknowledged
    stored = {turn["message_id"]: turn for turn in turns}
    told = [[turn["index"] for turn in client.acknowledged.values()] for client in everybody]
    return {
        "lost": len(acknowledged.keys() - stored.keys()),
        "stored but never acknowledged": len(stored.keys() - acknowledged.keys()),
        "doubled": len(turns) - len(stored),
        "other than acknowledged": sum(
            stored[key] != turn for key, turn in acknowledged.items() if key in stored
        ),
        "out of order": sum(turn["index"] != place for place, turn in enumerate(turns))
        + sum(places != sorted(places) for places in told),
    }
