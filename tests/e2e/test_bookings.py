"""The shipped example books once for a message, however often the gateway is killed meanwhile."""

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.support.gateway_process import GatewayProcess
from tests.support.gateway_server import GatewayServer, ModelServer, counting
from tests.support.served_endpoint import ROOT
from todserve.gateway.gateway_settings import GatewaySettings

EXAMPLE = ROOT / "examples" / "restaurant_booking"
CLIENTS = 4
KILLS, MOST_KILLS = 10, 30
"""More than the first number only until one came between booking and acknowledgement."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


def understanding(request: dict[str, Any]) -> dict[str, Any]:
    """Answer as a model that knows nothing but bookings: ``book NAME DAY TIME PEOPLE``."""
    answer = counting(request)
    words = request["user"].split()
    state: dict[str, Any] = {}
    intent = "general"
    if words[0] == "book" and len(words) == 5:
        state = dict(zip(("name", "day", "time", "people"), words[1:], strict=True))
        intent = "book_restaurant"
    before = request.get("state", {}).get("restaurant", {})
    plain = {slot: one["value"] if isinstance(one, dict) else one for slot, one in before.items()}
    answer["intent"]["name"] = intent
    answer["belief_state"] = {
        "restaurant": {
            slot: {"value": value, "confidence": 0.9} for slot, value in (plain | state).items()
        }
    }
    answer["domain"]["active"] = answer["database"]["domain"] = "restaurant"
    answer["database"]["results"] = []
    return answer


class Guest(threading.Thread):
    """Books, confirms and now and then cancels, sending each message until it is acknowledged."""

    def __init__(self, number: int, url: str, stop: threading.Event) -> None:
        super().__init__()
        self._number = number
        self._url = url
        self._stopping = stop
        self.booked: list[tuple[str, str]] = []
        self.cancelled: list[str] = []
        self.broken = 0
        self.unexpected: list[str] = []

    def run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            dialogue_id = self._post(session, "/v1/dialogues", {})["dialogue_id"]
            round_number = 0
            while not (self._stopping.is_set() or self.unexpected):
                self._round(session, dialogue_id, round_number)
                round_number += 1

    def _round(self, session: requests.Session, dialogue_id: str, number: int) -> None:
        name = f"place{self._number}n{number}"
        path = f"/v1/dialogues/{dialogue_id}/turns"

        def say(text: str, step: str) -> str:
            key = f"{self._number}-{number}-{step}"
            return str(self._post(session, path, {"user": text, "message_id": key})["reply"])

        asked = say(f"book {name} {DAYS[number % len(DAYS)]} 19:00 4", "ask")
        if "shall I book it" not in asked:
            self.unexpected.append(asked)
            return
        booked = say("yes please", "yes")
        self.booked.append((name, booked.rpartition(" ")[2].rstrip(".").lower()))
        if number % 3 == 0:
            cancelled = say("please cancel my booking", "cancel")
            self.cancelled.append(cancelled.split()[2].lower())

    def _post(self, session: requests.Session, path: str, body: dict[str, Any]) -> Any:
        while True:
            try:
                answer = session.post(self._url + path, json=body, timeout=60)
            except requests.RequestException:
                self.broken += 1
                time.sleep(0.05)
                continue
            if answer.status_code in (200, 201):
                return answer.json()
            if answer.status_code != 503:
                self.unexpected.append(f"{answer.status_code} {answer.text}")
                return {"reply": "", "dialogue_id": ""}


def made_bot(folder: Path) -> Path:
    """Write the shipped example's bot with a table of bookings in ``folder``."""
    bot = yaml.safe_load((EXAMPLE / "bot.yml").read_text(encoding="utf-8"))
    bot["actions"]["module"] = str(EXAMPLE / "actions.py")
    bot["actions"]["settings"] = {"database": f"sqlite:///{folder}/bookings.sqlite"}
    path = folder / "bot.yml"
    path.write_text(yaml.safe_dump(bot), encoding="utf-8")
    return path


def table(folder: Path) -> list[tuple[str, str, bool]]:
    """Return (name, reference, whether it is cancelled) of every booking."""
    connection = sqlite3.connect(folder / "bookings.sqlite")
    rows = connection.execute("SELECT name, reference, cancelled_by FROM bookings").fetchall()
    connection.close()
    return [(name, reference, by is not None) for name, reference, by in rows]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(understanding) as server:
        yield server


def test_kills_between_booking_and_acknowledgement_leave_one_booking_each(
    model: ModelServer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/dialogues.sqlite"
    gateway = GatewayProcess(url, model.url, bot=made_bot(tmp_path))
    stop = threading.Event()
    chance = random.Random(11)
    guests = [Guest(number, gateway.url, stop) for number in range(CLIENTS)]
    again = 0
    try:
        gateway.start()
        for guest in guests:
            guest.start()
        for number in range(MOST_KILLS):
            if number >= KILLS and again:
                break
            if number % 2:
                # At the moment a booking is made: its turn can hardly be stored yet.
                known = len(table(tmp_path))
                deadline = time.monotonic() + 5
                while len(table(tmp_path)) == known and time.monotonic() < deadline:
                    time.sleep(0.0005)
            else:
                time.sleep(chance.uniform(0.0, 0.4))
            gateway.kill()
            again += len(table(tmp_path)) - stored(tmp_path)
            gateway.start()
        stop.set()
        for guest in guests:
            guest.join(timeout=120)
        assert not any(guest.is_alive() for guest in guests)
    finally:
        stop.set()
        gateway.kill()
    acknowledged = [one for guest in guests for one in guest.booked]
    cancelled = [one for guest in guests for one in guest.cancelled]
    print(
        f"{number} kills: {len(acknowledged)} bookings and {len(cancelled)} cancellations "
        f"acknowledged, {again} booked before their turn was stored, "
        f"{sum(guest.broken for guest in guests)} attempts broken"
    )
    assert [guest.unexpected for guest in guests] == [[]] * CLIENTS
    # Otherwise no kill came between booking and acknowledgement, and this shows nothing.
    assert again > 0
    rows = table(tmp_path)
    assert Counter(name for name, *_ in rows).most_common(1)[0][1] == 1
    assert sorted((name, reference) for name, reference, _ in rows) == sorted(acknowledged)
    assert sorted(reference for _, reference, gone in rows if gone) == sorted(cancelled)


def stored(folder: Path) -> int:
    """Return how many bookings stand in a stored turn."""
    connection = sqlite3.connect(folder / "dialogues.sqlite")
    rows = connection.execute("SELECT bot FROM turns WHERE bot LIKE '% is booked for %'").fetchall()
    connection.close()
    return len(rows)


def test_a_booking_is_cancelled_by_its_reference_or_as_the_latest(
    model: ModelServer, tmp_path: Path
) -> None:
    settings = GatewaySettings(
        database=f"sqlite:///{tmp_path}/dialogues.sqlite",
        model_url=model.url,
        bot=made_bot(tmp_path),
    )
    with GatewayServer(settings) as gateway:
        dialogue_id = gateway.begin()

        def say(text: str) -> str:
            count = len(gateway.turns(dialogue_id))
            return str(gateway.say(dialogue_id, text, f"m{count}").json()["reply"])

        references = []
        for name in ("lantern", "harbour", "mill"):
            assert say(f"book {name} friday 19:00 4").endswith("shall I book it?")
            references.append(say("yes").rpartition(" ")[2].rstrip("."))
        assert say(f"cancel the booking {references[0]} please") == (
            f"The booking {references[0]} is cancelled."
        )
        assert say("cancel my booking") == f"The booking {references[2]} is cancelled."
        assert say(f"cancel booking {references[2].lower()}") == "I find no such booking."
        assert say("i want to talk to a human").startswith("I am passing you on")
        assert say("cancel my booking") == ""
    assert sorted(table(tmp_path)) == sorted(
        [
            ("lantern", references[0].lower(), True),
            ("harbour", references[1].lower(), False),
            ("mill", references[2].lower(), True),
        ]
    )
