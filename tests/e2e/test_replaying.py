"""Replay against the two things a release is: a running server, and the archive it came from."""

import io
import json
from pathlib import Path

import pytest

from todserve.evaluation.replay.replay_differences import Aspect
from todserve.evaluation.replay.replay_run import DIFFERS, HOLDS, run_replay
from todserve.runtime.wire.response import TurnResponse
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.client.served_answerer import open_answerer
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
SAID = ("a cheap restaurant in the centre", "chinese food please", "and a train to ely")
ALL = tuple(Aspect)


def remembered_turn(user: str, answer: TurnResponse) -> dict[str, object]:
    assert answer.belief_state is not None
    assert answer.dialogue_act is not None
    assert answer.response is not None
    assert answer.domain is not None
    return {
        "user": user,
        "belief_state": {
            domain: {slot: one.value for slot, one in slots.items()}
            for domain, slots in answer.belief_state.items()
        },
        "active_domain": answer.domain.active,
        "dialogue_acts": [act.model_dump() for act in answer.dialogue_act],
        "system": answer.response.text,
        "delexicalised_response": answer.response.delexicalised,
    }


@pytest.fixture
def remembered(server: RunningServer, tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """What the server answered to three utterances, written down as JSON lines."""
    with Client(server.inference_url) as client:
        conversation = Conversation(client)
        turns = [remembered_turn(user, conversation.say(user)) for user in SAID]
    (tmp_path / "schema.json").write_bytes((tiny_checkpoint / "schema.json").read_bytes())
    line = json.dumps({"dialogue_id": "one", "turns": turns})
    (tmp_path / "dev.jsonl").write_text(line + "\n")
    return tmp_path


def replayed(path: Path, against: str) -> tuple[int, str]:
    out = io.StringIO()
    with open_answerer(against) as model:
        return run_replay(path, model, only=ALL, out=out), out.getvalue()


def test_what_a_server_said_holds_against_it_and_its_archive(
    server: RunningServer, store: Path, remembered: Path
) -> None:
    for against in (server.inference_url, str(store / "tod.mar")):
        status, shown = replayed(remembered, against)
        assert status == HOLDS, shown
        assert "3 in 1 dialogues; tod 1.0, checkpoint" in shown


def test_a_corrected_turn_is_the_only_one_that_differs(
    server: RunningServer, remembered: Path
) -> None:
    file = remembered / "dev.jsonl"
    entry = json.loads(file.read_text())
    entry["turns"][1]["system"] = entry["turns"][1]["delexicalised_response"] = "never said"
    file.write_text(json.dumps(entry) + "\n")
    status, shown = replayed(remembered, server.inference_url)
    assert status == DIFFERS
    assert "one turn 2\n" in shown
    assert "reply      - never said\n" in shown
    assert "one turn 1\n" not in shown
