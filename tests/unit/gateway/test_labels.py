"""Labels: what the model can be taught, what people may write, and what they wrote by hand."""

import io
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_server import DESCRIPTION, GatewayServer, ModelServer, counting
from tests.support.pipeline_server import PipelineServer
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.validation import run_validate
from todserve.gateway.gateway_settings import GatewaySettings

Body = dict[str, Any]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    with GatewayServer(settings(model.url, tmp_path)) as server:
        yield server


def settings(url: str, folder: Path) -> GatewaySettings:
    database = f"sqlite:///{folder}/dialogues.sqlite"
    return GatewaySettings(database=database, model_url=url, model_retries=0)


def spoken(gateway: GatewayServer, *texts: str) -> str:
    dialogue_id = gateway.begin()
    for number, text in enumerate(texts):
        assert gateway.say(dialogue_id, text, str(number)).status_code == 200
    return dialogue_id


def correct(gateway: GatewayServer, dialogue_id: str, index: int = 0, **body: object) -> Any:
    path = f"/v1/dialogues/{dialogue_id}/turns/{index}/correction"
    return gateway.call("POST", path, body)


def listed(gateway: GatewayServer, name: str) -> set[str]:
    found = gateway.call("GET", f"/v1/dialogues?filter={name}").json()["dialogues"]
    return {one["dialogue_id"] for one in found}


def test_labels_are_those_of_the_real_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with (
        PipelineServer(Scripted(tiny_checkpoint).pipeline) as model,
        GatewayServer(settings(model.url, tmp_path)) as gateway,
    ):
        told = gateway.call("GET", "/v1/model").json()
    assert told["name"] == "tod"
    assert told["intents"][-2:] == ["general", "out_of_scope"]
    assert told["domain_intents"]["train"] == ["find_train", "book_train"]
    assert told["domains"]["train"]["destination"] is None
    assert told["domains"]["train"]["day"][0] == "monday"
    # The tiny vocabulary spells its acts letter by letter, and so cannot list them.
    assert told["acts"] is None
    assert {"restaurant", "train", "taxi", "general"} <= set(told["act_slots"])
    assert "phone" in told["act_slots"]["restaurant"]


def test_an_archive_that_cannot_tell_leaves_its_labels_open(
    gateway: GatewayServer, model: ModelServer
) -> None:
    model.description = {"unlike": "a description"}
    refused = gateway.call("GET", "/v1/model?name=old")
    assert (refused.status_code, refused.json()["type"]) == (503, "model_unavailable")


def test_labels_are_asked_for_once_and_kept_while_the_model_is_away(
    gateway: GatewayServer, model: ModelServer
) -> None:
    first = gateway.call("GET", "/v1/model?name=tod").json()
    model.away = True
    assert gateway.call("GET", "/v1/model").json() == first
    assert gateway.call("GET", "/v1/model?name=other").status_code == 503


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"intent": "find_trian"},
            "intent: unknown intent 'find_trian' (did you mean 'find_train'",
        ),
        ({"belief_state": {"tram": {}}}, "belief_state: unknown domain 'tram'"),
        ({"belief_state": {"train": {"dya": "x"}}}, "belief_state.train: unknown slot 'dya' (did"),
        (
            {"belief_state": {"train": {"day": "fryday the 13th"}}},
            "belief_state.train.day: unknown value 'fryday the 13th'; expected one of friday, mo",
        ),
        (
            {"belief_state": {"train": {"people": "none"}}},
            "belief_state.train.people: got 'none', which is no value; leave the slot out",
        ),
        (
            {"belief_state": {"train": {"people": "not mentioned"}}},
            "belief_state.train.people: got 'not mentioned', which is no value",
        ),
        (
            {"dialogue_act": [{"domain": "train", "act": "sing"}]},
            "dialogue_act[0].act: unknown act 'sing'; expected one of inform, offer",
        ),
        (
            {"dialogue_act": [{"domain": "bus", "act": "inform"}]},
            "dialogue_act[0].domain: unknown domain 'bus'",
        ),
        (
            {"dialogue_act": [{"domain": "general", "act": "inform", "slot": "day"}]},
            "dialogue_act[0].slot: unknown slot 'day'; expected none",
        ),
    ],
)
def test_unknown_labels_are_refused_with_what_is_known(
    gateway: GatewayServer, body: Body, message: str
) -> None:
    dialogue_id = spoken(gateway, "a train")
    refused = correct(gateway, dialogue_id, **body)
    assert (refused.status_code, refused.json()["type"]) == (422, "unknown_label")
    assert message in refused.json()["message"]
    assert gateway.turns(dialogue_id)[0]["correction"] is None


def test_known_labels_and_verdicts_are_accepted(gateway: GatewayServer) -> None:
    dialogue_id = spoken(gateway, "a train")
    accepted = correct(
        gateway,
        dialogue_id,
        intent="general",
        belief_state={"train": {"day": "friday"}},
        dialogue_act=[{"domain": "train", "act": "offer", "slot": "id"}],
    )
    assert accepted.status_code == 200


def test_a_correction_that_is_accepted_is_one_that_the_model_goes_on_from(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    values = ["Friday", "friday ", "don't care", "fridays", "wednesday", "someday", "none", "-"]
    with (
        PipelineServer(Scripted(tiny_checkpoint).pipeline) as model,
        GatewayServer(settings(model.url, tmp_path)) as gateway,
    ):
        outcomes = []
        for value in values:
            dialogue_id = spoken(gateway, "a train")
            corrected = correct(gateway, dialogue_id, belief_state={"train": {"day": value}})
            outcomes.append(corrected.status_code)
            assert gateway.say(dialogue_id, "thanks", "later").status_code == 200, value
    assert outcomes == [200, 200, 200, 200, 200, 422, 422, 422]


def test_a_verdict_and_a_correction_to_known_labels_need_no_model(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = spoken(gateway, "a train")
    model.away = True
    assert correct(gateway, dialogue_id, verdict="right").status_code == 200
    # Held against what the model said of itself when it could be asked.
    assert correct(gateway, dialogue_id, intent="find_train").status_code == 200
    assert correct(gateway, dialogue_id, intent="find_a_dragon").status_code == 422


def test_dialogues_are_found_by_what_people_made_of_them(gateway: GatewayServer) -> None:
    names = ("plain", "corrected", "right", "wrong", "changed")
    ids = {name: spoken(gateway, "a train", "friday") for name in names}
    correct(gateway, ids["corrected"], belief_state={"train": {"people": "4"}})
    correct(gateway, ids["right"], verdict="right")
    correct(gateway, ids["wrong"], index=1, verdict="wrong")
    correct(gateway, ids["changed"], verdict="wrong")
    correct(gateway, ids["changed"], verdict="right")
    assert listed(gateway, "corrected") == {ids["corrected"]}
    assert listed(gateway, "right") == {ids["right"], ids["changed"]}
    assert listed(gateway, "wrong") == {ids["wrong"]}
    gateway.call("DELETE", f"/v1/dialogues/{ids['changed']}/turns/last/correction")
    assert listed(gateway, "wrong") == {ids["wrong"], ids["changed"]}
    assert listed(gateway, "right") == {ids["right"]}


def test_a_verdict_ends_where_the_turn_is_run_again(gateway: GatewayServer) -> None:
    dialogue_id = spoken(gateway, "a train", "friday")
    correct(gateway, dialogue_id, index=1, verdict="wrong")
    correct(gateway, dialogue_id, belief_state={"train": {"people": "4"}}, rerun=True)
    assert listed(gateway, "wrong") == set()
    assert gateway.turns(dialogue_id)[1]["correction"]["verdict"] is None
    correct(gateway, dialogue_id, index=1, verdict="right")
    assert listed(gateway, "right") == {dialogue_id}
    assert gateway.turns(dialogue_id)[1]["correction"]["verdict"] == "right"


def test_examples_are_kept_listed_and_deleted(gateway: GatewayServer, tmp_path: Path) -> None:
    bodies: list[Body] = [
        {"text": "a train to ely", "intent": "find_train"},
        {"text": "zebra on friday", "belief_state": {"train": {"day": "friday"}}},
        {"text": "thanks", "intent": "general", "belief_state": {}},
    ]
    stored = [gateway.call("POST", "/v1/examples", body) for body in bodies]
    assert [one.status_code for one in stored] == [201, 201, 201]
    views = [one.json() for one in stored]
    assert [one["intent"] for one in views] == ["find_train", None, "general"]
    assert [one["belief_state"] for one in views] == [None, {"train": {"day": "friday"}}, {}]
    first = gateway.call("GET", "/v1/examples?limit=2").json()
    rest = gateway.call("GET", f"/v1/examples?limit=2&before={first['next']}").json()
    assert first["examples"] + rest["examples"] == views[::-1]
    assert rest["next"] is None
    path = f"/v1/examples/{views[1]['example_id']}"
    assert gateway.call("DELETE", path).status_code == 204
    assert gateway.call("DELETE", path).status_code == 404
    assert len(gateway.call("GET", "/v1/examples").json()["examples"]) == 2
    for file in tmp_path.glob("dialogues.sqlite*"):
        assert b"zebra" not in file.read_bytes()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"text": "a train"}, "invalid"),
        ({"text": " ", "intent": "find_train"}, "invalid"),
        ({"text": "a tram", "intent": "find_tram"}, "unknown_label"),
    ],
)
def test_examples_without_a_known_label_are_refused(
    gateway: GatewayServer, body: Body, kind: str
) -> None:
    refused = gateway.call("POST", "/v1/examples", body)
    assert (refused.status_code, refused.json()["type"]) == (422, kind)
    assert gateway.call("GET", "/v1/examples").json()["examples"] == []


def test_a_model_that_is_not_served_is_missing_unless_it_is_the_gateways_own(
    gateway: GatewayServer, model: ModelServer
) -> None:
    model.unknown = "french"
    dialogue_id = gateway.begin(model="french")
    refused = gateway.say(dialogue_id, "bonjour", "1")
    assert (refused.status_code, refused.json()["type"]) == (404, "not_found")
    assert "'french'; name another model" in refused.json()["message"]
    assert gateway.call("GET", "/v1/model?name=french").status_code == 404
    kept = spoken(gateway, "a train")
    compared = gateway.call("POST", f"/v1/dialogues/{kept}/compare", {"model": "french"})
    assert compared.status_code == 404
    model.unknown = "tod"
    # It may still be loading, and then the same message is answered a moment later.
    away = gateway.say(kept, "on friday", "9")
    assert (away.status_code, away.json()["type"]) == (503, "model_unavailable")


def test_two_models_are_compared_turn_by_turn_and_nothing_is_stored(tmp_path: Path) -> None:
    asked = count()

    def answering(request: Body) -> Body:
        answer = counting(request)
        if next(asked) == 3:
            answer["belief_state"] = {"train": {"day": {"value": "friday"}}}
            answer["dialogue_act"] = []
        return answer

    with (
        ModelServer(answering) as model,
        GatewayServer(settings(model.url, tmp_path)) as gateway,
    ):
        dialogue_id = spoken(gateway, "a train", "on friday")
        before = gateway.turns(dialogue_id)
        path = f"/v1/dialogues/{dialogue_id}/compare"
        answer = gateway.call("POST", path, {"model": "tod/2.0"})
        assert answer.status_code == 200, answer.text
        first, second = answer.json()["turns"]
        assert gateway.turns(dialogue_id) == before
        missing = gateway.call("POST", "/v1/dialogues/0/compare", {"model": "tod"})
        assert missing.status_code == 404
    assert model.paths[-2:] == ["/predictions/tod/2.0"] * 2
    # The second turn is asked with what stood then, not with what the other model said.
    assert model.requests[-1] == model.requests[1]
    assert (first["user"], first["differences"]) == ("a train", [])
    assert first["answer_a"] == before[0]["answer"]
    assert second["answer_b"]["dialogue_act"] == []
    assert second["differences"] == [
        {"aspect": "belief_state", "a": ["train people 2"], "b": ["train day friday"]},
        {"aspect": "dialogue_act", "a": ["train-inform(id)"], "b": []},
    ]


def test_a_model_that_refuses_a_turn_differs_there(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with (
        ModelServer() as strange,
        GatewayServer(settings(strange.url, tmp_path)) as gateway,
    ):
        # The tiny model knows no slot `people` of trains.
        dialogue_id = spoken(gateway, "a train", "on friday")
    with (
        PipelineServer(Scripted(tiny_checkpoint).pipeline) as model,
        GatewayServer(settings(model.url, tmp_path)) as gateway,
    ):
        path = f"/v1/dialogues/{dialogue_id}/compare"
        first, second = gateway.call("POST", path, {"model": "tod"}).json()["turns"]
    assert first["answer_b"] is not None
    assert second["answer_b"] is None
    (refused,) = second["differences"]
    assert (refused["aspect"], refused["a"]) == ("refused", [])
    assert "unknown slot 'people'" in refused["b"][0]


def test_what_the_test_model_tells_is_a_description() -> None:
    from todserve.runtime.wire.model_description import ModelDescription

    assert ModelDescription.model_validate(DESCRIPTION).model_dump(mode="json") == DESCRIPTION


def test_an_export_has_the_domains_that_another_model_spoke_of(tmp_path: Path) -> None:
    def of_buses(request: Body) -> Body:
        act = {"domain": "bus", "act": "inform", "slot": ""}
        return counting(request) | {"dialogue_act": [act, act | {"domain": "booking"}]}

    with (
        ModelServer(of_buses) as model,
        GatewayServer(settings(model.url, tmp_path)) as gateway,
    ):
        spoken(gateway, "when does it leave")
        packed = gateway.call("GET", "/v1/export?format=zip").content
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path / "corpus")
    assert run_validate(tmp_path / "corpus") == []
    assert "bus" in {one.name for one in open_dialogues(tmp_path / "corpus")[0]}
