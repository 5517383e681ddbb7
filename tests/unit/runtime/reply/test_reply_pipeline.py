"""The reply stage inside the pipeline: its third call, what lies outside, and its style file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint import build_automaton, build_reply_automaton
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.reply.reply_stage import Start
from todserve.runtime.reply.reply_style import REPLY_FILE, ReplyStyle
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

STATE = "[restaurant] area centre pricerange cheap"


def pipeline(folder: Path, script: Callable[[Asked], str]) -> tuple[Pipeline, ScriptedEngine]:
    checkpoint = Checkpoint.open(folder)
    engine = ScriptedEngine(checkpoint, script)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    return Pipeline(checkpoint, engine, identity), engine


def answers(one: Pipeline, *bodies: dict[str, object]) -> list[TurnResponse]:
    found: list[TurnResponse] = []
    for answer in one.answer([parse_request(body) for body in bodies]):
        assert not isinstance(answer, RequestError)
        found.append(answer)
    return found


def denies(asked: Asked) -> str:
    """Say that there is nothing, unless made to begin with a name."""
    if asked.task is TaskName.BELIEF_STATE:
        return STATE if "cheap" in asked.context else "[restaurant] area north"
    if asked.task is TaskName.RESPONSE:
        if asked.prefix.endswith("[value_name]"):
            return "is at [value_address]."
        return "there are none." if "cheap" in asked.context else "[value_name] is nice."
    return ""


def test_what_does_not_hold_is_asked_again_in_one_call_for_the_batch(tiny_checkpoint: Path) -> None:
    one, engine = pipeline(tiny_checkpoint, denies)
    cheap, north, again = answers(
        one,
        {"user": "a cheap place in the centre"},
        {"user": "something in the north"},
        {"user": "somewhere cheap in the centre"},
    )
    assert len(engine.generated) == 3
    assert len(engine.encoded) == 1  # the contexts are not encoded again
    assert len(engine.generated[2]) == 4  # two variations of each of two replies
    for answer in (cheap, again):
        assert answer.response is not None
        assert answer.response.text == "Pizza Palace is at 1 Market Street."
        assert answer.response.delexicalised == "[value_name] is at [value_address]."
        assert answer.response.source == "alternative"
        assert answer.response.rules == ("none",)
    assert north.response is not None
    assert (north.response.source, north.response.rules) == ("generation", ())


def test_unchecked_every_first_reply_is_sent(tiny_checkpoint: Path) -> None:
    checked, engine = pipeline(tiny_checkpoint, denies)
    one = Pipeline(checked.checkpoint, engine, checked.identity, checked=False)
    (answer,) = answers(one, {"user": "a cheap place in the centre"})
    assert answer.response is not None
    assert (answer.response.text, answer.response.rules) == ("There are none.", ())
    assert len(engine.generated) == 2


def both(asked: Asked) -> str:
    if asked.task is TaskName.BELIEF_STATE:
        return "[restaurant] pricerange cheap [train] destination ely"
    return "[restaurant]" if asked.task is TaskName.INTENT else "[value_name] is nice."


def test_of_two_services_begun_at_once_the_second_is_answered_too(tiny_checkpoint: Path) -> None:
    one, _ = pipeline(tiny_checkpoint, both)
    said = "a cheap restaurant and a train to ely"
    begun, gone_on = answers(
        one, {"user": said}, {"user": said, "state": {"restaurant": {"area": "centre"}}}
    )
    assert begun.response is not None
    assert gone_on.response is not None
    assert "beside" in begun.response.rules
    assert "As for the" in begun.response.text
    assert "beside" not in gone_on.response.rules


def outside(asked: Asked) -> str:
    if asked.task is TaskName.INTENT:
        return "[out_of_scope]"
    return STATE if asked.task is TaskName.BELIEF_STATE else "it will be sunny."


def test_what_lies_outside_keeps_the_state_and_the_domain(tiny_checkpoint: Path) -> None:
    one, engine = pipeline(tiny_checkpoint, outside)
    (answer,) = answers(
        one,
        {
            "user": "will it be cheap to fly from the centre?",
            "state": {"train": {"day": "friday"}},
            "domain": "train",
        },
    )
    assert answer.belief_state is not None
    assert {slot: one.value for slot, one in answer.belief_state["train"].items()} == {
        "day": "friday"
    }
    assert set(answer.belief_state) == {"train"}
    assert answer.domain is not None
    assert (answer.domain.active, answer.domain.switched) == ("train", False)
    assert answer.dialogue_act is not None
    assert [(act.domain, act.act) for act in answer.dialogue_act] == [("general", "out_of_scope")]
    assert answer.response is not None
    assert answer.response.text == (
        "I am sorry, I can only help you with restaurant, train and taxi. "
        "Shall we go on with the option?"
    )
    assert len(engine.generated) == 1  # nothing is generated that would not be said


def test_a_checkpoint_says_its_own_words(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "worded"))
    style = {
        "kinds": {"train": {"one": "train", "many": "trains"}},
        "services": {"restaurant": "food"},
        "sentences": {"outside": "Ask me for {services}."},
    }
    (folder / REPLY_FILE).write_text(json.dumps(style), encoding="utf-8")
    one, _ = pipeline(folder, outside)
    (answer,) = answers(one, {"user": "will it rain?", "domain": "train"})
    assert answer.response is not None
    assert answer.response.text == (
        "Ask me for food, train and taxi. Shall we go on with the train?"
    )


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"language": "latin"}', '{"sentence": {}}', '{"few": 3}']
)
def test_a_style_that_is_none_is_refused_by_file(
    opened: Checkpoint, tmp_path: Path, text: str
) -> None:
    (tmp_path / REPLY_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=REPLY_FILE):
        ReplyStyle.of(tmp_path, opened.schema, opened.knowledge)


def test_a_korean_checkpoint_speaks_korean() -> None:
    korean = Checkpoint.open(Path(__file__).resolve().parents[4] / "checkpoints" / "korean")
    assert korean.style.language == "korean"
    assert Checkpoint.open(korean.folder.parent / "multiwoz").style.language == "english"


def test_variations_begin_in_states_of_their_own_with_and_without_a_constraint() -> None:
    checkpoint = Checkpoint.open(Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz")
    token = checkpoint.tokenizer.token_id
    for automaton in (build_automaton(checkpoint), build_reply_automaton(checkpoint)):
        named = automaton.starts[Start.NAMED.of_automaton]
        assert automaton.after(named, [token("[value_name]")]) == named
        assert automaton.after(named, [token("[value_choice]")]) == -1
        assert automaton.after(named, [token("[value_reference]")]) == -1
        booked = automaton.starts[Start.BOOKED.of_automaton]
        assert automaton.after(booked, [token("[value_reference]")]) == booked
        for word in ("unfortunately", "sorry"):
            ids = checkpoint.tokenizer.encode(f" {word}")
            if len(ids) == 1:
                assert automaton.after(booked, ids) == -1
