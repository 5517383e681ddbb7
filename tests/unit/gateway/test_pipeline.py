"""What a gateway asks is what the model endpoint's own pipeline takes."""

from pathlib import Path

from tests.support.gateway_server import GatewayServer
from tests.support.pipeline_server import PipelineServer
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.gateway.gateway_settings import GatewaySettings


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
                "domain": "train",
            }
            # The slot is right, and the value is none that it can have.
            unknown = {"belief_state": {"train": {"day": "doomsday"}}, "rerun": True}
            refused = gateway.call("POST", path, unknown)
            assert (refused.status_code, refused.json()["type"]) == (422, "unknown_label")
            assert "doomsday" not in str(gateway.turns(dialogue_id))
            assert gateway.call("GET", "/ready").status_code == 200
