"""A real gateway's store with dialogues that people corrected, exported as a folder."""

import io
import zipfile
from pathlib import Path
from typing import Any

from tests.support.gateway_server import GatewayServer
from tests.support.pipeline_server import PipelineServer
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.pipeline import Pipeline

RIGHT_STATE = {"restaurant": {"area": "north", "pricerange": "cheap"}}
"""What people say that "somewhere cheap" should have been understood as."""


def spoken(gateway: GatewayServer, *texts: str) -> str:
    """Hold a dialogue; its id."""
    dialogue_id = gateway.begin()
    for number, text in enumerate(texts):
        answer = gateway.say(dialogue_id, text, str(number))
        assert answer.status_code == 200, answer.text
    return dialogue_id


def corrected(gateway: GatewayServer, dialogue_id: str, index: int, **body: object) -> None:
    """Correct a turn."""
    path = f"/v1/dialogues/{dialogue_id}/turns/{index}/correction"
    answer = gateway.call("POST", path, body)
    assert answer.status_code == 200, answer.text


def export(gateway: GatewayServer, folder: Path, query: str = "corrected=true") -> Path:
    """Download the export and unpack it into ``folder``."""
    answer = gateway.call("GET", f"/v1/export?format=zip&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(folder)
    return folder


def remembered(pipeline: Pipeline, folder: Path) -> dict[str, Any]:
    """Speak with a pipeline, correct, label, and export.

    Returns:
        name -> dialogue id, ``folder``: the unpacked export, ``sgd``: its lines in SGD's layout.
    """
    with PipelineServer(pipeline) as server:
        settings = GatewaySettings(
            database=f"sqlite:///{folder}/dialogues.sqlite", model_url=server.url
        )
        with GatewayServer(settings) as gateway:
            ids = {
                "later": spoken(gateway, "somewhere cheap", "book it"),
                "again": spoken(gateway, "something cheap", "now a train"),
                "wrong": spoken(gateway, "cheap and wrong"),
                "right": spoken(gateway, "really cheap please"),
                "silent": spoken(gateway, "cheap, and nobody looked"),
            }
            acts = [{"domain": "restaurant", "act": "inform", "slot": "name"}]
            reply = "[value_name] is in the [value_area]."
            corrected(gateway, ids["later"], 0, belief_state=RIGHT_STATE, verdict="wrong")
            corrected(gateway, ids["later"], 0, dialogue_act=acts, response=reply)
            corrected(gateway, ids["later"], 1, intent="find_restaurant")
            corrected(gateway, ids["again"], 0, belief_state=RIGHT_STATE, rerun=True)
            corrected(gateway, ids["wrong"], 0, verdict="wrong")
            corrected(gateway, ids["right"], 0, verdict="right")
            example = {"text": "is there any curry around", "intent": "find_restaurant"}
            stored = gateway.call("POST", "/v1/examples", example)
            assert stored.status_code == 201, stored.text
            ids["example"] = stored.json()["example_id"]
            lines = gateway.call("GET", "/v1/export?format=sgd&corrected=true").text
            return ids | {"folder": export(gateway, folder / "corrections"), "sgd": lines}
