"""A conversation over a server and over a pipeline."""

from typing import Any

import pytest

from tests.support.local_server import OK, Answer, LocalServer
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.unit.serving.test_client import client_of
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.response import ModelIdentity, decode, encode
from todserve.serving.client.client import AsyncClient
from todserve.serving.client.conversation import Conversation, newest_exchanges

SAID = {
    TaskName.BELIEF_STATE: "[train] destination ely day friday",
    TaskName.INTENT: "[find_train]",
    TaskName.DIALOGUE_ACT: "[train] [inform] id",
    TaskName.RESPONSE: "[value_id] would be good.",
}


def scripted(asked: Asked) -> str:
    return SAID[asked.task]


def test_answer_prints_like_an_answer_and_carries_what_is_behind_it() -> None:
    with LocalServer() as server, client_of(server) as client:
        bot = Conversation(client)
        answer = bot.say("a train")
        sent = server.headers[0]["X-Request-ID"]
    assert f"{answer}" == answer.text == OK["response"]["text"]
    assert str(answer.intent) == "find_train"
    assert f"{answer.state['train']['day']}" == "friday"
    assert [str(act) for act in answer.acts][0] == "train-inform-id"
    assert answer.database is not None
    assert answer.database.matches == 3
    assert answer.request_id == sent
    assert answer.timing["total"] == 12.0
    assert bot.last == answer


def test_answer_is_the_turn_response_it_came_as() -> None:
    with LocalServer() as server, client_of(server) as client:
        answer = Conversation(client).say("a train")
    assert encode(answer) == encode(decode(OK))


def test_conversation_over_a_pipeline_is_the_same(opened: Checkpoint) -> None:
    identity = ModelIdentity(name="tod", version="1", checkpoint=opened.checksum)
    bot = Conversation(Pipeline(opened, ScriptedEngine(opened, scripted), identity))
    answer = bot.say("a train to ely on friday")
    assert str(answer) == "TR0001 would be good."
    assert answer.request_id
    assert bot.state["train"]["destination"].value == "ely"
    assert bot.domain == "train"
    assert bot.history == (Exchange(user="a train to ely on friday", system=str(answer)),)


def test_undo_takes_back_one_turn_after_the_other() -> None:
    with LocalServer() as server, client_of(server) as client:
        bot = Conversation(client)
        first = bot.say("a train")
        bot.say("on friday")
        assert bot.undo()
        assert (bot.last, bot.state, bot.domain) == (first, first.state, "train")
        assert [one.user for one in bot.history] == ["a train"]
        assert bot.undo()
        assert (bot.last, bot.state, bot.domain, bot.history) == (None, {}, None, ())
        assert not bot.undo()
        bot.say("a hotel")
    assert server.requests[2] == {"user": "a hotel", "history": [], "state": {}}


def test_a_program_may_have_said_something_else_than_the_model() -> None:
    with LocalServer() as server, client_of(server) as client:
        bot = Conversation(client)
        with pytest.raises(ConfigError, match="there is no reply yet"):
            bot.replace_reply("one moment, please.")
        bot.say("a train")
        bot.replace_reply("one moment, please.")
        bot.say("on friday")
        assert server.requests[1]["history"] == [
            {"user": "a train", "system": "one moment, please."}
        ]
        bot.undo()
        assert bot.history[-1].system == "one moment, please."


def test_a_value_set_by_hand_is_sent_as_corrected_until_the_user_speaks_of_it() -> None:
    standing = Answer(200, {**OK, "corrected": {"train": ["day"]}})
    with LocalServer(standing, Answer()) as server, client_of(server) as client:
        bot = Conversation(client)
        bot.correct("train", "day", "monday")
        bot.correct("train", "people", None)
        assert bot.state["train"]["day"].value == "monday"
        for text in ("a train", "on friday", "thanks"):
            bot.say(text)
    sent = [request.get("corrected") for request in server.requests]
    assert sent == [{"train": ["day", "people"]}, {"train": ["day"]}, None]


@pytest.mark.parametrize("user", ["", "  ", None, 5, "a" * 4001])
def test_utterance_that_is_none_is_refused_and_not_sent(user: Any) -> None:
    with LocalServer() as server, client_of(server) as client:
        bot = Conversation(client)
        with pytest.raises(RequestError, match="user: .*(expected|send)"):
            bot.say(user)
    assert server.requests == []
    assert bot.history == ()


def test_only_what_answers_turns_can_be_talked_to() -> None:
    for wrong in ("http://127.0.0.1:8080", AsyncClient()):
        with pytest.raises(ConfigError, match="expected what answers turns: a Pipeline or a Cl"):
            Conversation(wrong)  # type: ignore[arg-type]


def test_history_is_shortened_to_what_one_request_may_hold() -> None:
    history = [Exchange(user=f"{number}" * 10, system="") for number in range(5)]
    limits = RequestLimits(max_total_characters=50)
    assert [one.user[0] for one in newest_exchanges(history, 9, limits)] == ["3", "4"]
    assert [one.user[0] for one in newest_exchanges(history, 3)] == ["2", "3", "4"]
    assert newest_exchanges(history, 0) == ()


def test_conversation_sends_back_what_it_was_given() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.say("on friday")
    assert server.requests[0] == {"user": "a train", "history": [], "state": {}}
    assert server.requests[1] == {
        "user": "on friday",
        "history": [{"user": "a train", "system": OK["response"]["text"]}],
        "state": OK["belief_state"],
        "domain": "train",
    }


def test_conversation_keeps_its_state_when_a_task_was_not_answered() -> None:
    partial = Answer(200, {**OK, "belief_state": None, "domain": None, "response": None})
    with LocalServer(Answer(), partial) as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.say("on friday")
    assert conversation.state["train"]["day"].value == "friday"
    assert conversation.domain == "train"
    assert conversation.history[-1] == Exchange(user="on friday", system="")


def test_conversation_is_unchanged_by_a_failed_turn() -> None:
    refused = Answer(400, {"message": "no"})
    with LocalServer(Answer(), refused) as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        history = conversation.history
        with pytest.raises(RequestError):
            conversation.say("x")
    assert conversation.history == history


def test_conversation_sends_only_the_newest_turns() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client, max_turns=2)
        for number in range(4):
            conversation.say(f"turn {number}")
    assert [turn["user"] for turn in server.requests[3]["history"]] == ["turn 1", "turn 2"]


def test_conversation_starts_over_after_reset() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.reset()
        conversation.say("a hotel")
    assert server.requests[1] == {"user": "a hotel", "history": [], "state": {}}
