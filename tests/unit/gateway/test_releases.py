"""Versions on trial: a canary for some dialogues, a shadow that nobody sees, promote and back."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_server import DESCRIPTION, GatewayServer, ModelServer, counting
from tests.support.two_versions import two_versions
from todserve.cli.main import main
from todserve.gateway.api.roles import Token
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.releases import shadow_traffic
from todserve.serving.releases.releases import Releases
from todserve.serving.releases.rollout_file import Rollout, RolloutFile, Trial

LABEL, ADMIN = "label-lena-55d2", "admin-ada-77aa"
OTHERWISE = {"intent": {"name": "book_train", "confidence": 0.9}}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def logs(tmp_path: Path, model: ModelServer) -> Iterator[Path]:
    """Yield the folder of logs of a server that has two versions."""
    with two_versions(model, tmp_path) as folder:
        yield folder


@pytest.fixture
def settings(tmp_path: Path, model: ModelServer, logs: Path) -> GatewaySettings:
    return GatewaySettings(
        database=f"sqlite:///{tmp_path}/dialogues.sqlite",
        model_url=model.url,
        model_retries=0,
        requests_per_minute=0,
        releases=logs,
    )


@pytest.fixture
def gateway(settings: GatewaySettings) -> Iterator[GatewayServer]:
    with GatewayServer(settings) as server:
        yield server


def version_of(gateway: GatewayServer, dialogue_id: str, message_id: str) -> str:
    answer = gateway.say(dialogue_id, "a train to ely", message_id)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model"]["version"])


def released(gateway: GatewayServer, method: str, path: str, **body: object) -> dict[str, Any]:
    answer = gateway.call(method, f"/v1/releases{path}", body or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counted(gateway: GatewayServer, line: str) -> float:
    for one in gateway.call("GET", "/metrics").text.splitlines():
        if one.startswith(f"{line} "):
            return float(one.rpartition(" ")[2])
    return 0.0


def asked_again(gateway: GatewayServer, turns: int) -> dict[str, Any]:
    """Return the overview once the shadow has been asked so many turns."""
    for _ in range(600):
        found = released(gateway, "GET", "")
        if found["shadowed"] and found["shadowed"]["turns"] >= turns:
            return found
        threading.Event().wait(0.05)
    raise AssertionError("the shadow was not asked")


def test_new_dialogues_fall_to_the_canary_and_stay_whichever_gateway_answers(
    gateway: GatewayServer, settings: GatewaySettings, logs: Path
) -> None:
    before = gateway.begin()
    assert version_of(gateway, before, "1") == "1.0"
    Releases(logs, "tod").canary("2.0", share=0.5, reason="new menu")
    dialogues = [gateway.begin() for _ in range(40)]
    fell = {one: version_of(gateway, one, "1") for one in dialogues}
    share = Trial(version="2.0", share=0.5)
    assert fell == {one: "2.0" if share.takes(one) else "1.0" for one in dialogues}
    assert {*fell.values()} == {"1.0", "2.0"}
    # Another share is for those that begin from then on.
    Releases(logs, "tod").canary("2.0", share=1, reason="all well")
    with GatewayServer(settings) as other:
        assert {one: version_of(other, one, "2") for one in dialogues} == fell
        assert version_of(other, before, "2") == "1.0"
        assert version_of(other, other.begin(), "1") == "2.0"
        # Whoever names a version gets that one.
        assert version_of(other, other.begin(model="tod/1.0"), "1") == "1.0"
        figures = {one["model"]: one["turns"] for one in released(other, "GET", "")["figures"]}
        assert figures["tod/2.0"] == 2 * [*fell.values()].count("2.0") + 1
    assert counted(gateway, 'tod_gateway_turns_total{version="tod/2.0"}') == [*fell.values()].count(
        "2.0"
    )
    Releases(logs, "tod").roll_back(reason="too slow")
    assert {version_of(gateway, one, "3") for one in dialogues} == {"1.0"}
    assert version_of(gateway, gateway.begin(), "1") == "1.0"


def test_a_sender_of_a_channel_falls_to_the_canary_too(gateway: GatewayServer, logs: Path) -> None:
    Releases(logs, "tod").canary("2.0", share=1, reason="")
    body = {"sender": "anna", "message": "a train to ely"}
    assert gateway.call("POST", "/webhooks/rest/webhook", body).status_code == 200
    (found,) = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
    assert gateway.turns(found["dialogue_id"])[0]["model"]["version"] == "2.0"


def test_what_the_canary_cannot_answer_the_other_version_does(
    gateway: GatewayServer, model: ModelServer, logs: Path
) -> None:
    Releases(logs, "tod").canary("2.0", share=1, reason="")
    dialogue = gateway.begin()
    model.unknown = "tod/2.0"
    assert version_of(gateway, dialogue, "1") == "1.0"
    assert counted(gateway, 'tod_gateway_canary_fallbacks_total{version="tod/2.0"}') == 1
    model.unknown = None
    assert version_of(gateway, dialogue, "2") == "2.0"
    model.away = True
    assert gateway.say(dialogue, "hello", "3").status_code == 503


def test_what_is_tried_goes_on_where_its_file_is_spoilt(gateway: GatewayServer, logs: Path) -> None:
    file = RolloutFile(logs)
    file.write("tod", Rollout(canary=Trial(version="2.0", share=1)))
    assert version_of(gateway, gateway.begin(), "1") == "2.0"
    file.path.write_text("{")
    assert version_of(gateway, gateway.begin(), "1") == "2.0"
    file.path.unlink()
    assert version_of(gateway, gateway.begin(), "1") == "1.0"


def test_the_shadow_is_asked_again_unseen_and_what_differs_is_kept(
    gateway: GatewayServer, model: ModelServer
) -> None:
    model.of_version["2.0"] = OTHERWISE
    released(gateway, "PUT", "/shadow", version="2.0", share=1)
    dialogue = gateway.begin()
    for number in range(2):
        assert version_of(gateway, dialogue, str(number)) == "1.0"
    found = asked_again(gateway, 2)
    assert found["shadowed"] == {"turns": 2, "different": 2, "aspects": {"intent": 2}}
    # It was asked with the same past, and what the person reads is the answer of before.
    first, second = (
        request
        for path, request in zip(model.paths, model.requests, strict=True)
        if path == "/predictions/tod/2.0"
    )
    assert (first["history"], len(second["history"])) == ([], 1)
    assert [turn["model"]["version"] for turn in gateway.turns(dialogue)] == ["1.0", "1.0"]
    assert all(turn["answer"]["intent"]["name"] == "find_train" for turn in gateway.turns(dialogue))
    turns = released(gateway, "GET", "/differences")["turns"]
    assert [(one["index"], one["differences"]) for one in turns] == [
        (index, [{"aspect": "intent", "a": ["find_train"], "b": ["book_train"]}])
        for index in (1, 0)
    ]
    assert (
        counted(gateway, 'tod_gateway_shadow_turns_total{outcome="different",version="tod/2.0"}')
        == 2
    )
    assert (
        counted(gateway, 'tod_gateway_shadow_differences_total{aspect="intent",version="tod/2.0"}')
        == 2
    )
    # What was said is deleted with its dialogue, here too.
    assert gateway.call("DELETE", f"/v1/dialogues/{dialogue}").status_code == 204
    assert released(gateway, "GET", "/differences")["turns"] == []
    assert released(gateway, "GET", "")["shadowed"]["turns"] == 0
    released(gateway, "DELETE", "/shadow")
    version_of(gateway, gateway.begin(), "1")
    assert released(gateway, "GET", "")["shadow"] is None


def test_the_shadow_drops_what_it_has_no_time_for_and_counts_it(
    settings: GatewaySettings, model: ModelServer, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_traffic, "_MOST", 1)
    monkeypatch.setattr(shadow_traffic, "_SETTLED", 3600.0)
    RolloutFile(logs).write("tod", Rollout(shadow=Trial(version="2.0", share=1)))
    with GatewayServer(settings) as gateway:
        dialogue = gateway.begin()
        for number in range(5):
            version_of(gateway, dialogue, str(number))
        dropped = 'tod_gateway_shadow_turns_total{outcome="dropped",version="tod/2.0"}'
        # One is about to be asked, one waits.
        assert counted(gateway, dropped) in (3, 4)
    assert "/predictions/tod/2.0" not in model.paths


def test_a_shadow_that_is_away_is_counted_and_nobody_notices(
    gateway: GatewayServer, model: ModelServer
) -> None:
    released(gateway, "PUT", "/shadow", version="2.0", share=1)
    model.unknown = "tod/2.0"
    assert version_of(gateway, gateway.begin(), "1") == "1.0"
    failed = 'tod_gateway_shadow_turns_total{outcome="failed",version="tod/2.0"}'
    for _ in range(600):
        if counted(gateway, failed):
            break
        threading.Event().wait(0.05)
    assert counted(gateway, failed) == 1
    model.unknown = None
    version_of(gateway, gateway.begin(), "1")
    assert asked_again(gateway, 1)["shadowed"]["different"] == 0


def test_a_version_is_promoted_where_it_answers_as_people_said_and_taken_back(
    gateway: GatewayServer, model: ModelServer
) -> None:
    refused = gateway.call("POST", "/v1/releases/promotion", {"version": "2.0"})
    assert (refused.status_code, refused.json()["type"]) == (409, "not_released")
    assert "nothing was corrected or found right yet" in refused.json()["message"]
    dialogue = gateway.begin()
    for number in range(2):
        version_of(gateway, dialogue, str(number))
    path = f"/v1/dialogues/{dialogue}/turns/1/correction"
    assert gateway.call("POST", path, {"verdict": "right"}).status_code == 200

    model.of_version["2.0"] = {"belief_state": {}}
    released(gateway, "PUT", "/canary", version="2.0", share=0.5)
    told = released(gateway, "POST", "/promotion", version="2.0", reason="new menu")
    assert (told["release"]["action"], told["asked"]) == ("refused", 1)
    assert told["differing"] == [{"dialogue_id": dialogue, "index": 1}]
    assert [one["answers"] for one in released(gateway, "GET", "")["versions"]] == [True, False]

    model.of_version.clear()
    told = released(gateway, "POST", "/promotion", version="2.0", reason="new menu")
    assert (told["release"]["action"], told["asked"], told["differing"]) == ("promote", 1, [])
    found = released(gateway, "GET", "")
    assert {one["version"]: one["answers"] for one in found["versions"]} == {
        "2.0": True,
        "1.0": False,
    }
    assert found["canary"] is None  # it has ended with that
    again = gateway.call("POST", "/v1/releases/promotion", {"version": "2.0", "untried": True})
    assert "answers already" in again.json()["message"]
    told = released(gateway, "POST", "/rollback", reason="slower")
    assert (told["release"]["action"], told["release"]["to"]) == ("rollback", "1.0")
    log = [one["action"] for one in released(gateway, "GET", "")["log"]]
    assert log == ["rollback", "promote", "refused", "canary"]


def test_who_labels_sees_releases_and_who_administers_makes_them_under_their_name(
    settings: GatewaySettings, logs: Path
) -> None:
    tokens = (Token.of_line(f"label {LABEL} lena"), Token.of_line(f"admin {ADMIN} ada"))
    with GatewayServer(settings.model_copy(update={"tokens": tokens})) as gateway:

        def call(token: str, method: str, path: str, body: object = None) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            return gateway.call(method, f"/v1/releases{path}", body, **headers)

        tried = {"version": "2.0", "share": 0.1, "reason": "new menu"}
        assert call(LABEL, "PUT", "/canary", tried).status_code == 403
        assert call(LABEL, "GET", "").json()["may_change"] is False
        assert call(ADMIN, "PUT", "/canary", tried).status_code == 200
        seen = call(LABEL, "GET", "").json()
        assert seen["canary"]["share"] == 0.1
        (line,) = seen["log"]
        assert (line["user"], line["action"], line["reason"]) == ("ada", "canary", "new menu")
        wrong = call(ADMIN, "PUT", "/canary", {"version": "3.0", "share": 0.1})
        assert wrong.status_code == 409
        assert "not loaded; expected one of 1.0, 2.0" in wrong.json()["message"]


def test_a_gateway_without_the_servers_folder_says_how_versions_are_changed(
    settings: GatewaySettings,
) -> None:
    with GatewayServer(settings.model_copy(update={"releases": None})) as gateway:
        found = released(gateway, "GET", "")
        assert "start the gateway with --logs DIR" in found["unmanaged"]
        assert (found["versions"], found["log"]) == ([], [])
        refused = gateway.call("POST", "/v1/releases/rollback", {})
        assert (refused.status_code, refused.json()["type"]) == (409, "not_released")


@pytest.fixture
def other() -> Iterator[ModelServer]:
    """Serve version 2.0 alone, at another address."""

    def answering(request: dict[str, Any]) -> dict[str, Any]:
        return counting(request) | {"model": {"name": "tod", "version": "2.0", "checkpoint": "d"}}

    with ModelServer(answering) as server:
        server.description = DESCRIPTION | {"version": "2.0"}
        yield server


def test_a_version_of_another_server_is_tried_promoted_and_taken_back_without_torchserve(
    tmp_path: Path, model: ModelServer, other: ModelServer
) -> None:
    logs = tmp_path / "kept"
    settings = GatewaySettings(
        database=f"sqlite:///{tmp_path}/dialogues.sqlite",
        model_url=model.url,
        model_retries=0,
        requests_per_minute=0,
        releases=logs,
    )
    words = ["--logs", str(logs), "--url", model.url]
    with GatewayServer(settings) as gateway:
        assert main(["release", "add", "--at", other.url, *words]) == 0
        assert main(["release", "add", "--at", other.url, *words]) == 1  # there is one already
        assert main(["release", "add", "--at", "http://127.0.0.1:9", *words]) == 1
        first = gateway.begin()
        assert version_of(gateway, first, "1") == "1.0"
        assert main(["release", "canary", "2.0", "--share", "100%", *words]) == 0
        second = gateway.begin()
        assert version_of(gateway, second, "1") == "2.0"
        assert version_of(gateway, first, "2") == "1.0"
        assert main(["release", "promote", "2.0", "--untried", *words]) == 0
        assert version_of(gateway, first, "3") == "2.0"
        assert [one for one in other.paths if one != "/predictions/tod/2.0"] == []
        # The first server may rest now: nobody asks it.
        model.away = True
        assert version_of(gateway, first, "4") == "2.0"
        assert gateway.call("GET", "/ready").json()["model"] is True
        assert main(["release", "list", "--logs", str(logs)]) == 0
        found = released(gateway, "GET", "")
        assert [(one["version"], one["place"]) for one in found["versions"] if one["answers"]] == [
            ("2.0", other.url)
        ]
        model.away = False
        assert main(["release", "remove", "2.0", *words]) == 1  # it answers
        assert main(["release", "rollback", *words]) == 0
        assert version_of(gateway, second, "2") == "1.0"
        assert main(["release", "remove", "2.0", *words]) == 0
        assert [one["action"] for one in released(gateway, "GET", "")["log"]] == [
            *("removed", "rollback", "promote", "canary", "added")
        ]


def test_a_version_of_another_server_is_tried_beside_torchserves_own(
    gateway: GatewayServer, other: ModelServer, logs: Path
) -> None:
    other.description = DESCRIPTION | {"version": "3.0"}
    Releases(logs, "tod").place(other.url, reason="on Ray")
    released(gateway, "PUT", "/canary", version="3.0", share=1)
    version_of(gateway, gateway.begin(), "1")
    assert other.paths == ["/predictions/tod/3.0"]
    told = released(gateway, "POST", "/promotion", version="3.0", untried=True)
    assert told["release"]["before"] == "1.0"
    told = released(gateway, "POST", "/promotion", version="2.0", untried=True)
    assert (told["release"]["before"], told["release"]["to"]) == ("3.0", "2.0")
    answering = [
        one["version"] for one in released(gateway, "GET", "")["versions"] if one["answers"]
    ]
    assert answering == ["2.0"]
    version_of(gateway, gateway.begin(), "2")
    assert other.paths == ["/predictions/tod/3.0"]


def test_kserves_routes_follow_a_promotion_to_another_server_and_back(
    gateway: GatewayServer, model: ModelServer, other: ModelServer, logs: Path
) -> None:
    def answers(path: str) -> str:
        answer = gateway.call("POST", path, {"user": "a train to ely"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["model"]["version"])

    # TorchServe has a version 2.0 of its own; 3.0 is the other server's.
    other.description = DESCRIPTION | {"version": "3.0"}
    other.of_version["3.0"] = {"model": {"name": "tod", "version": "3.0", "checkpoint": "d"}}
    plain = ("/v2/models/tod/infer", "/v2/models/tod/explain", "/v1/models/tod:predict")
    Releases(logs, "tod").place(other.url, reason="on Ray")
    assert {answers(path) for path in plain} == {"1.0"}
    assert answers("/v2/models/tod/versions/3.0/infer") == "3.0"
    assert other.paths == ["/predictions/tod/3.0"]

    released(gateway, "POST", "/promotion", version="3.0", untried=True)
    assert {answers(path) for path in plain} == {"3.0"}
    assert {*other.paths} == {"/predictions/tod/3.0", "/explanations/tod/3.0"}
    assert gateway.call("GET", "/v2/models/tod").json()["versions"] == ["3.0"]
    # Whoever names a version gets that one.
    assert answers("/v2/models/tod/versions/1.0/infer") == "1.0"

    model.away = True
    assert gateway.call("GET", "/v2/models/tod/ready").json()["ready"] is True
    assert answers(plain[0]) == "3.0"
    model.away = False
    released(gateway, "POST", "/rollback", reason="slow")
    assert {answers(path) for path in plain} == {"1.0"}
