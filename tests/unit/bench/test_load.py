"""The load generator against clients in the same process, and against a real server."""

import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from benchmarks.agreement import agreement
from benchmarks.generator import generator_rates
from benchmarks.load import closed_loop, one_by_one
from benchmarks.peers.base import AnswerForm, PeerError
from benchmarks.ports import Ports


class Echo:
    """Answers with what it was asked; refuses b"bad"."""

    most = 0
    now = 0
    lock = threading.Lock()

    def __init__(self, inside: float | None = None) -> None:
        self.inside_seconds = inside
        self.asked: list[bytes] = []

    def ask(self, body: bytes) -> dict[str, Any]:
        with Echo.lock:
            Echo.now += 1
            Echo.most = max(Echo.most, Echo.now)
        time.sleep(0.002)
        with Echo.lock:
            Echo.now -= 1
        self.asked.append(body)
        if body == b"bad":
            raise PeerError("HTTP 400: bad")
        return {"said": body.decode()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture(autouse=True)
def fresh() -> None:
    Echo.most = Echo.now = 0


def test_one_client_takes_whole_rounds_of_the_turns_after_a_warm_up() -> None:
    echo = Echo()
    load = one_by_one(lambda: echo, [b"a", b"b", b"c"], warm=2, seconds=0.0, first=5)
    assert echo.asked == [b"a", b"b", b"a", b"b", b"c"]
    assert [one.turn for one in load.counted] == [5, 6, 7]
    assert load.asked == 5
    assert load.answers == {5: {"said": "a"}, 6: {"said": "b"}, 7: {"said": "c"}}
    assert load.errors == []


def test_what_a_peer_without_server_took_is_what_it_says_itself() -> None:
    load = one_by_one(lambda: Echo(inside=0.5), [b"a"], warm=0, seconds=0.0)
    assert load.milliseconds == [500.0]


def test_an_error_is_counted_with_its_cause_and_has_no_latency() -> None:
    load = one_by_one(Echo, [b"a", b"bad"], warm=0, seconds=0.0)
    assert len(load.milliseconds) == 1
    assert load.errors == ["PeerError: HTTP 400: bad"]


def test_as_many_clients_ask_at_once_as_were_wanted_and_every_turn_comes_up() -> None:
    load = closed_loop(Echo, [b"a", b"b", b"c"], clients=5, warm=0.05, window=0.2, patience=5)
    assert 2 <= Echo.most <= 5
    assert Echo.now == 0
    assert set(load.answers) == {0, 1, 2}
    # What was under way when the window opened or closed does not count.
    assert 0 < len(load.counted) < load.asked
    assert load.rate == pytest.approx(len(load.counted) / load.seconds)


def test_a_slow_server_is_watched_until_it_has_answered_every_client() -> None:
    # No least time at all: only the number of answers ends warm-up and window.
    load = closed_loop(Echo, [b"a"], clients=8, warm=0, window=0, patience=30)
    assert len(load.counted) >= 8
    assert load.asked >= 16


def test_patience_ends_a_window_without_answers() -> None:
    stuck = threading.Event()

    class Stuck(Echo):
        def ask(self, body: bytes) -> dict[str, Any]:
            stuck.wait(0.3)
            return {}

    load = closed_loop(Stuck, [b"a"], clients=2, warm=0, window=0, patience=0.05)
    assert (len(load.counted), load.rate, load.asked) == (0, 0.0, 2)


def test_the_generator_can_be_measured_against_a_server_that_does_nothing(tmp_path: Path) -> None:
    rates = generator_rates([b'{"user": "a"}'], (1, 4), 0.3, tmp_path, Ports(18950))
    assert set(rates) == {1, 4}
    assert min(rates.values()) > 0


def test_ports_are_handed_out_once_each() -> None:
    ports = Ports(18960, 18999)
    first, second = ports.take(3), ports.take(2)
    assert len({*first, *second}) == 5
    with pytest.raises(PeerError, match="no free port"):
        ports.take(100)


TEXTS = {"belief_state": "", "intent": "[a]", "dialogue_act": "[b]", "response": "c"}
TURN = {
    "belief_state": {"train": {"day": {"value": "friday", "confidence": 0.9}}},
    "intent": {"name": "find_train", "confidence": 0.8},
    "dialogue_act": [{"domain": "train", "act": "inform", "slot": "day"}],
    "response": {"text": "on friday.", "unfilled": []},
}


def test_agreement_of_texts_counts_whole_turns_and_parts() -> None:
    reference = {place: {"texts": TEXTS, "turn": TURN} for place in range(2)}
    found = agreement({0: TEXTS, 1: TEXTS | {"response": "d"}}, reference, AnswerForm.TEXTS)
    assert found is not None
    assert (found.turns, found.whole) == (2, 0.5)
    assert found.parts == {"belief_state": 1, "intent": 1, "dialogue_act": 1, "response": 0.5}


def test_agreement_of_turns_leaves_confidences_out() -> None:
    other = TURN | {
        "belief_state": {"train": {"day": {"value": "friday", "confidence": 0.1}}},
        "intent": {"name": "find_train", "confidence": 0.1},
    }
    reference = {0: {"texts": TEXTS, "turn": TURN}}
    same = agreement({0: other}, reference, AnswerForm.TURN)
    assert same is not None
    assert same.whole == 1
    moved = other | {"belief_state": {"train": {"day": {"value": "monday"}}}}
    found = agreement({0: moved}, reference, AnswerForm.TURN)
    assert found is not None
    assert (found.whole, found.parts["belief_state"], found.parts["intent"]) == (0, 0, 1)


def test_without_common_turns_there_is_no_agreement() -> None:
    assert agreement({3: TEXTS}, {0: {"texts": TEXTS}}, AnswerForm.TEXTS) is None
