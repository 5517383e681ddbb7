"""The demo's dialogue with the shipped checkpoint: what a stranger sees first."""

from collections.abc import Iterator

import pytest

from tests.support.served_endpoint import ROOT, write_config
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.wire.response import TurnResponse
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import Conversation
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import start
from todserve.serving.terminal.demo import UTTERANCES

pytestmark = pytest.mark.e2e
CHECKPOINT = ROOT / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TurnResponse]]:
    folder = tmp_path_factory.mktemp("demo")
    archive = build_archive(CHECKPOINT, folder / "store")
    settings = ServerSettings(
        store=archive.parent,
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    with start(settings) as server, Client(server.inference_url) as client:
        conversation = Conversation(client)
        yield [conversation.say(utterance) for utterance in UTTERANCES]


@pytest.fixture(scope="module")
def knowledge() -> Iterator[KnowledgeBase]:
    opened = KnowledgeBase.open(CHECKPOINT / "knowledge.sqlite")
    yield opened
    opened.close()


def _state(turn: TurnResponse) -> dict[str, dict[str, str]]:
    return {
        domain: {slot: prediction.value for slot, prediction in slots.items()}
        for domain, slots in (turn.belief_state or {}).items()
    }


def test_every_turn_has_every_part(turns: list[TurnResponse]) -> None:
    assert len(turns) == len(UTTERANCES) == 5
    for turn in turns:
        assert turn.intent is not None
        assert turn.belief_state
        assert turn.domain is not None
        assert turn.dialogue_act is not None
        assert turn.response is not None
        assert turn.response.text
        assert turn.timing_ms["total"] > 0


def test_the_restaurant_is_understood(turns: list[TurnResponse]) -> None:
    assert turns[0].intent is not None
    assert turns[0].intent.name == "find_restaurant"
    assert _state(turns[0])["restaurant"] == {"area": "centre", "pricerange": "cheap"}
    assert _state(turns[1])["restaurant"]["food"] == "chinese"


def test_the_train_is_understood_and_the_restaurant_kept(turns: list[TurnResponse]) -> None:
    state = _state(turns[3])
    assert state["train"] == {
        "departure": "cambridge",
        "destination": "ely",
        "day": "friday",
        "leave": "13:15",
    }
    assert state["restaurant"]["food"] == "chinese"
    assert turns[3].domain is not None
    assert (turns[3].domain.active, turns[3].domain.switched) == ("train", True)


def test_matches_are_the_databases(turns: list[TurnResponse], knowledge: KnowledgeBase) -> None:
    for turn in turns:
        assert turn.database is not None
        assert turn.database.domain is not None
        constraints = _state(turn).get(turn.database.domain, {})
        expected = knowledge.query(turn.database.domain, constraints)
        assert turn.database.matches == expected.matches > 0


def test_replies_name_real_venues(turns: list[TurnResponse], knowledge: KnowledgeBase) -> None:
    restaurants = knowledge.query("restaurant", {}, limit=500).results
    said = " ".join(turn.response.text for turn in turns[:3] if turn.response).lower()
    assert any(venue["name"] in said for venue in restaurants)
    assert any(venue["phone"] in said for venue in restaurants if "phone" in venue)
