"""Replay: what is asked of the model, what counts as a difference, and the verdict."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_server import Answer, LocalServer
from todserve.evaluation.replay.replay_differences import Aspect, Difference, compare
from todserve.evaluation.replay.replay_run import DIFFERS, HOLDS, run_replay
from todserve.evaluation.replay.replayed_dialogues import replay
from todserve.runtime.errors import (
    ArchiveError,
    ConfigError,
    CorpusError,
    RequestError,
    ServerError,
)
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import (
    ActiveDomain,
    ActPrediction,
    ModelIdentity,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
)
from todserve.serving.client.client import Client
from todserve.serving.client.served_answerer import open_answerer

Script = Callable[[TurnRequest], TurnResponse | RequestError]
State = dict[str, dict[str, str]]


class ScriptedModel:
    """Answers as a test says and keeps what it was asked, batch by batch."""

    def __init__(self, script: Script) -> None:
        self.batches: list[list[TurnRequest]] = []
        self._script = script

    def answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | RequestError]:
        self.batches.append(list(requests))
        return [self._script(request) for request in requests]


def response(
    state: State | None = None,
    acts: tuple[tuple[str, str, str], ...] | None = None,
    reply: tuple[str, str] | None = None,
    domain: str | None = None,
) -> TurnResponse:
    return TurnResponse(
        belief_state=None
        if state is None
        else {
            name: {slot: SlotPrediction(value=value) for slot, value in slots.items()}
            for name, slots in state.items()
        },
        domain=ActiveDomain(active=domain, switched=False, reason="test") if domain else None,
        dialogue_act=None
        if acts is None
        else tuple(ActPrediction(domain=one, act=act, slot=slot) for one, act, slot in acts),
        response=ResponsePrediction(text=reply[0], delexicalised=reply[1]) if reply else None,
        model=ModelIdentity(name="tod", version="2.0", checkpoint="abc"),
    )


REMEMBERED = Turn(
    user="to ely on friday",
    belief_state={"train": {"destination": "ely", "day": "friday"}},
    active_domain="train",
    dialogue_acts=(
        DialogueAct(domain="train", act="inform", slot="leave"),
        DialogueAct(domain="general", act="reqmore"),
    ),
    system="It leaves at 09:00.",
    delexicalised_response="It leaves at [value_leave].",
)
SAME = response(
    {"train": {"day": "Friday", "destination": "ely "}},
    (("general", "reqmore", ""), ("train", "inform", "leave")),
    ("It leaves at 10:00.", "it leaves  at [value_leave]."),
)


def test_case_spacing_and_order_are_no_difference() -> None:
    assert compare(REMEMBERED, SAME) == {
        Aspect.STATE: None,
        Aspect.ACTS: None,
        Aspect.REPLY: None,
    }


def test_differences_name_what_is_missing_and_what_is_new() -> None:
    answer = response(
        {"train": {"destination": "ely", "day": "monday"}, "hotel": {"area": "east"}},
        (("train", "inform", "leave"), ("train", "inform", "leave")),
        ("It leaves at 09:00.", "It is at [value_leave]."),
    )
    assert compare(REMEMBERED, answer) == {
        Aspect.STATE: Difference(
            missing=("train day friday",), added=("train day monday", "hotel area east")
        ),
        Aspect.ACTS: Difference(missing=("general-reqmore",), added=("train-inform(leave)",)),
        Aspect.REPLY: Difference(
            missing=("It leaves at [value_leave].",), added=("It is at [value_leave].",)
        ),
    }


def test_reply_without_placeholders_is_compared_as_people_read_it() -> None:
    turn = Turn(user="hi", system="It leaves at 10:00.")
    assert compare(turn, SAME) == {Aspect.REPLY: None}
    assert compare(Turn(user="hi", system="No."), SAME)[Aspect.REPLY] == Difference(
        missing=("No.",), added=("It leaves at 10:00.",)
    )


def test_what_is_not_remembered_is_not_compared() -> None:
    assert compare(Turn(user="hi"), SAME) == {}
    assert compare(Turn(user="hi", belief_state={}), response({})) == {Aspect.STATE: None}


def test_empty_expectation_is_an_expectation() -> None:
    assert compare(Turn(user="hi", belief_state={}), SAME)[Aspect.STATE] == Difference(
        missing=(), added=("train day Friday", "train destination ely ")
    )


def test_refused_request_differs_in_all_that_is_remembered() -> None:
    turn = Turn(user="hi", belief_state={}, system="Hello.")
    reason = ("refused: unknown domain 'x'",)
    assert compare(turn, RequestError("unknown domain 'x'")) == {
        Aspect.STATE: Difference(missing=(), added=reason),
        Aspect.REPLY: Difference(missing=("Hello.",), added=reason),
    }


def dialogue(name: str, *states: State | None) -> Dialogue:
    turns = tuple(
        Turn(
            user=f"{name} says {index}",
            belief_state=state,
            active_domain=next(iter(state), "general") if state is not None else None,
            system=f"reply {index}",
        )
        for index, state in enumerate(states)
    )
    return Dialogue(dialogue_id=name, corpus="test", split="dev", turns=turns)


OURS: State = {"train": {"day": "monday"}}
THEIRS: State = {"hotel": {"area": "east"}}


def test_each_turn_starts_from_what_is_remembered() -> None:
    model = ScriptedModel(lambda request: response(OURS, domain="train"))
    turns = list(replay(model, [dialogue("a", THEIRS, {}, THEIRS), dialogue("b", THEIRS)]))
    assert [(turn.place, turn.index) for turn in turns] == [(0, 0), (1, 0), (0, 1), (0, 2)]
    assert [len(batch) for batch in model.batches] == [2, 1, 1]
    first, second, third = (batch[0] for batch in model.batches)
    assert (first.history, first.state, first.domain) == ((), {}, None)
    assert second.history == (Exchange(user="a says 0", system="reply 0"),)
    assert (second.state, second.domain) == (THEIRS, "hotel")
    # "general" is no domain that a request may name, so the model's own stands.
    assert (third.state, third.domain) == ({}, "train")
    assert [exchange.system for exchange in third.history] == ["reply 0", "reply 1"]


def test_unannotated_turn_is_followed_by_the_models_own_state() -> None:
    model = ScriptedModel(lambda request: response(OURS, domain="train"))
    list(replay(model, [dialogue("a", None, THEIRS)]))
    assert (model.batches[1][0].state, model.batches[1][0].domain) == (OURS, "train")


def test_own_states_are_carried_when_asked_for() -> None:
    model = ScriptedModel(lambda request: response(OURS, domain="train"))
    list(replay(model, [dialogue("a", THEIRS, THEIRS)], own_states=True))
    assert (model.batches[1][0].state, model.batches[1][0].domain) == (OURS, "train")


def test_refused_turn_leaves_the_state_as_it_was() -> None:
    model = ScriptedModel(lambda request: RequestError("no"))
    turns = list(replay(model, [dialogue("a", None, None)]))
    assert [turn.model for turn in turns] == [None, None]
    assert model.batches[1][0].state == {}


def test_batches_are_no_larger_than_asked() -> None:
    model = ScriptedModel(lambda request: response({}))
    done: list[int] = []
    many = [dialogue(str(number), {}) for number in range(5)]
    turns = list(replay(model, many, batch=2, on_batch=done.append))
    assert [len(batch) for batch in model.batches] == done == [2, 2, 1]
    assert [turn.dialogue_id for turn in turns] == ["0", "1", "2", "3", "4"]


def test_newest_hundred_exchanges_are_sent() -> None:
    model = ScriptedModel(lambda request: response({}))
    list(replay(model, [dialogue("a", *[{}] * 102)]))
    last = model.batches[-1][0]
    assert (len(last.history), last.history[0].user) == (100, "a says 1")


SCHEMA = [
    {
        "service_name": "train",
        "slots": [{"name": "day", "is_categorical": False, "possible_values": []}],
        "intents": [],
    }
]


@pytest.fixture
def remembered(tmp_path: Path) -> Path:
    """Two dialogues of JSON lines; the second's second turn remembers no acts."""
    acts = [{"domain": "train", "act": "request", "slot": "day"}]
    lines = [
        {
            "dialogue_id": "one",
            "turns": [{"user": "a train", "belief_state": {}, "system": "Day?"}],
        },
        {
            "dialogue_id": "two",
            "turns": [
                {"user": "a train", "belief_state": {}, "dialogue_acts": acts, "system": "Day?"},
                {"user": "friday", "belief_state": {"train": {"day": "friday"}}, "system": "Ok."},
            ],
        },
    ]
    folder = tmp_path / "remembered"
    folder.mkdir()
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    (folder / "dev.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def right(request: TurnRequest) -> TurnResponse:
    day: State = {"train": {"day": "friday"}} if request.user == "friday" else {}
    return response(day, (("train", "request", "day"),), ("Ok.", "Ok."))


def run(remembered: Path, script: Script, **options: Any) -> tuple[int, str]:
    out = io.StringIO()
    status = run_replay(remembered, ScriptedModel(script), out=out, **options)
    return status, out.getvalue()


def test_kept_expectations_are_status_0_and_no_turn_is_shown(remembered: Path) -> None:
    status, shown = run(remembered, right)
    assert status == HOLDS
    assert shown == (
        "\n"
        "turns           3 in 2 dialogues; tod 2.0, checkpoint abc\n"
        "same state      3 of 3     expected\n"
        "same acts       1 of 1\n"
        "same reply      1 of 3\n"
        "everything expected holds\n"
    )


def test_difference_is_shown_and_is_status_1(remembered: Path) -> None:
    status, shown = run(remembered, lambda request: response({"train": {"day": "monday"}}))
    assert status == DIFFERS
    assert shown.startswith(
        "\n"
        "one turn 1\n"
        "  user       a train\n"
        "  state      + train day monday\n"
        "\n"
        "two turn 1\n"
        "  user       a train\n"
        "  state      + train day monday\n"
        "\n"
        "two turn 2\n"
        "  user       friday\n"
        "  state      - train day friday\n"
        "             + train day monday\n"
        "\n"
    )
    assert shown.endswith("3 turns differ in what was expected\n")


def test_only_the_chosen_aspects_decide_and_are_shown(remembered: Path) -> None:
    status, shown = run(remembered, right, only=(Aspect.ACTS,))
    assert status == HOLDS
    assert "same acts       1 of 1     expected\n" in shown
    status, shown = run(remembered, right, only=(Aspect.STATE, Aspect.REPLY))
    assert status == DIFFERS
    assert "  reply      - Day?\n             + Ok.\n" in shown
    assert shown.endswith("2 turns differ in what was expected\n")


def test_what_a_stranger_typed_cannot_steer_the_terminal(remembered: Path) -> None:
    file = remembered / "dev.jsonl"
    turn = {"user": "hi\u001b[2J\nthere", "belief_state": {}}
    file.write_text(json.dumps({"dialogue_id": "one", "turns": [turn]}) + "\n")
    _, shown = run(remembered, lambda request: response({"train": {"day": "x\u001b[1m"}}))
    assert "\n  user       hi\\x1b[2J\\x0athere\n" in shown
    assert "\n  state      + train day x\\x1b[1m\n" in shown


def test_limit_counts_dialogues(remembered: Path) -> None:
    _, shown = run(remembered, right, limit=1)
    assert "1 in 1 dialogues" in shown


def test_nothing_to_hold_is_an_error_and_no_success(remembered: Path) -> None:
    with pytest.raises(CorpusError, match="1 turns, none of which remembers acts"):
        run(remembered, right, only=(Aspect.ACTS,), limit=1)


def test_refusals_of_every_turn_are_differences(remembered: Path) -> None:
    status, shown = run(remembered, lambda request: RequestError("unknown domain 'train'"))
    assert status == DIFFERS
    assert "no turn was answered" in shown
    assert "+ refused: unknown domain 'train'\n" in shown


def test_a_server_answers_what_was_remembered(remembered: Path) -> None:
    out = io.StringIO()
    with LocalServer() as server, open_answerer(server.url) as model:
        status = run_replay(remembered, model, out=out)
    # The prepared answer says friday to everything, which is right for the last turn alone.
    assert status == DIFFERS
    assert "same state      1 of 3     expected\n" in out.getvalue()
    last = server.requests[-1]
    assert last["history"] == [{"user": "a train", "system": "Day?"}]
    assert last["state"] == {}
    assert set(server.paths) == {"/predictions/tod"}


def test_served_answers_keep_the_order_and_the_place_of_a_refusal() -> None:
    refused = Answer(400, {"message": "user: too long"})
    with LocalServer(Answer(), refused, Answer()) as server:
        with Client(server.url, at_once=1) as model:
            first, second, third = model.answer([TurnRequest(user=user) for user in "abc"])
        assert [one["user"] for one in server.requests] == ["a", "b", "c"]
    assert isinstance(first, TurnResponse)
    assert isinstance(second, RequestError)
    assert str(second) == "user: too long"
    assert isinstance(third, TurnResponse)


def test_server_that_is_not_there_is_an_error() -> None:
    with (
        LocalServer(Answer(404, {"message": "none"})) as server,
        open_answerer(server.url) as model,
        pytest.raises(ServerError, match="there is no model named 'tod'"),
    ):
        model.answer([TurnRequest(user="hi")])


def test_a_checkpoint_folder_answers_in_this_process(
    tiny_checkpoint: Path, remembered: Path
) -> None:
    out = io.StringIO()
    with open_answerer(str(tiny_checkpoint)) as model:
        status = run_replay(remembered, model, out=out)
    assert status in {HOLDS, DIFFERS}
    assert "3 in 2 dialogues; tod 1.0, checkpoint" in out.getvalue()


def test_nothing_at_the_target_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a server's URL"), open_answerer("no/such"):
        pass
    broken = tmp_path / "broken.mar"
    broken.write_text("no archive")
    with pytest.raises(ArchiveError, match="cannot be unpacked"), open_answerer(str(broken)):
        pass


def answered_folder(remembered: Path, day: str) -> None:
    """Let the folder know that the last turn was answered so at first, and all others as now."""
    lines = [json.loads(line) for line in (remembered / "dev.jsonl").read_text().splitlines()]
    lines[1]["turns"][1]["belief_state"] = {"train": {"day": day}}
    then = remembered / "answered"
    then.mkdir()
    (then / "schema.json").write_text(json.dumps(SCHEMA))
    (then / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_people_corrected_is_told_as_right_now_or_still_wrong(remembered: Path) -> None:
    answered_folder(remembered, "monday")
    _, shown = run(remembered, right)
    assert "\ntwo turn 2: now right\n  user       friday\n" in shown
    assert "were wrong      1          1 now right, 0 still wrong\n" in shown
    assert "were right      2          2 right as before, 0 no longer right\n" in shown
    status, shown = run(remembered, lambda request: response({"train": {"day": "sunday"}}))
    assert status == DIFFERS
    assert "\ntwo turn 2: still wrong\n" in shown
    assert "\none turn 1: no longer right\n" in shown
    assert "were right      2          0 right as before, 2 no longer right\n" in shown


def test_another_model_may_say_what_was_right_before(remembered: Path) -> None:
    def always_friday(_: TurnRequest) -> TurnResponse:
        return response({"train": {"day": "friday"}})

    _, shown = run(remembered, right, before=ScriptedModel(always_friday))
    assert "were wrong      2          2 now right, 0 still wrong\n" in shown
    assert "were right      1          1 right as before, 0 no longer right\n" in shown


def test_an_intent_is_an_aspect_where_one_is_remembered(remembered: Path) -> None:
    file = remembered / "dev.jsonl"
    turn = {"user": "a train", "intent": "find_train"}
    file.write_text(json.dumps({"dialogue_id": "one", "turns": [turn]}) + "\n")
    status, shown = run(remembered, right, only=(Aspect.INTENT,))
    assert status == DIFFERS
    assert "  intent     - find_train\n" in shown
