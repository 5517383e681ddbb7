"""What a gateway asks is what the model endpoint's own pipeline takes."""

import shutil
from pathlib import Path

from tests.support.gateway_server import GatewayServer
from tests.support.pipeline_server import PipelineServer
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.schema import Schema, Service, Slot, ValueType
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE
from todserve.runtime.wire.response import ModelIdentity


def test_a_dialogue_and_its_correction_go_through_the_real_pipeline(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with PipelineServer(Scripted(tiny_checkpoint).pipeline) as server:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite", model_url=server.url
        )
        with GatewayServer(settings) as gateway:
            dialogue_id = gateway.begin()
            for number, text in enumerate(("i need a train to ely", "on friday")):
                assert gateway.say(dialogue_id, text, str(number)).status_code == 200
            path = f"/v1/dialogues/{dialogue_id}/turns/0/correction"
            body = {
                "belief_state": {"train": {"day": "friday"}},
                "response": "[value_id] it is.",
                "rerun": True,
            }
            assert gateway.call("POST", path, body).status_code == 200
            assert server.requests[-1] == {
                "user": "on friday",
                "history": [{"user": "i need a train to ely", "system": "[value_id] it is."}],
                "state": {"train": {"day": "friday"}},
                "corrected": {"train": ["day", "departure", "destination", "leave"]},
                "domain": "train",
            }
            # The slot is right, and the value is none that it can have.
            unknown = {"belief_state": {"train": {"day": "doomsday"}}, "rerun": True}
            refused = gateway.call("POST", path, unknown)
            assert (refused.status_code, refused.json()["type"]) == (422, "unknown_label")
            assert "doomsday" not in str(gateway.turns(dialogue_id))
            assert gateway.call("GET", "/ready").status_code == 200


def test_a_correction_stands_in_later_turns_until_the_user_speaks_of_it_anew(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    (folder / WAYS_FILE).write_text('{"checked": true}', encoding="utf-8")

    def script(asked: Asked) -> str:
        # The network reads the first words again as long as its prompt holds them.
        found = "[restaurant] area north" if "north" in asked.context else ""
        return found if asked.task is TaskName.BELIEF_STATE else "sure."

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    with PipelineServer(pipeline) as server:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite", model_url=server.url
        )
        with GatewayServer(settings) as gateway:
            dialogue_id = gateway.begin()
            gateway.say(dialogue_id, "a place in the north", "0")
            path = f"/v1/dialogues/{dialogue_id}/turns/0/correction"
            body = {"belief_state": {"restaurant": {"area": "centre"}}}
            assert gateway.call("POST", path, body).status_code == 200
            for number, text in enumerate(("thanks", "and hello"), start=1):
                answer = gateway.say(dialogue_id, text, str(number)).json()["answer"]
                assert answer["belief_state"]["restaurant"]["area"]["value"] == "centre"
                assert answer["corrected"] == {"restaurant": ["area"]}
            answer = gateway.say(dialogue_id, "no, north", "3").json()["answer"]
            assert answer["belief_state"]["restaurant"]["area"]["value"] == "north"
            assert "corrected" not in answer


def test_what_a_day_means_is_kept_whenever_a_turn_is_run_again(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    visit = Service(
        name="visit", slots=(Slot(name="day", type=ValueType.DATE),), intents=("book_visit",)
    )
    Schema(services=(visit,)).save(folder / "schema.json")

    def script(asked: Asked) -> str:
        written = {TaskName.BELIEF_STATE: "[visit] day tomorrow", TaskName.INTENT: "[book_visit]"}
        return written.get(asked.task, "sure.")

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    seoul = "2026-11-28T08:30:00+09:00"
    with PipelineServer(pipeline) as server:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite", model_url=server.url
        )
        with GatewayServer(settings) as gateway:
            dialogue_id = gateway.begin()
            path = f"/v1/dialogues/{dialogue_id}/turns"
            for number in ("0", "1"):
                body = {"user": "tomorrow", "message_id": number, "now": seoul}
                assert gateway.call("POST", path, body).status_code == 200
            rerun = {"intent": "book_visit", "rerun": True}
            assert gateway.call("POST", f"{path}/0/correction", rerun).status_code == 200
            again = gateway.turns(dialogue_id)[1]["correction"]["answer"]
            day = again["belief_state"]["visit"]["day"]
            assert day["normalised"] == {"type": "date", "value": "2026-11-29"}
            assert server.requests[-1]["now"] == again["now"] == seoul
            wrong = gateway.call("POST", path, {**body, "message_id": "2", "now": "noon"})
            assert wrong.status_code == 422
