"""The gateway keeps what its OpenAPI document promises, whatever is sent to it."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.generated_cases import check_answer, check_generated
from todserve.gateway.gateway_settings import GatewaySettings


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    folder = tmp_path_factory.mktemp("openapi")
    with (
        ModelServer() as model,
        GatewayServer(
            GatewaySettings(
                database=f"sqlite:///{folder}/dialogues.sqlite",
                model_url=model.url,
                model_retries=0,
                requests_per_minute=0,
            )
        ) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def document(gateway: GatewayServer) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")


@pytest.fixture(scope="module")
def spoken(gateway: GatewayServer) -> Iterator[str]:
    """Yields ids of dialogues that have a turn, a new one each time."""

    def begun() -> Iterator[str]:
        for number in count():
            dialogue_id = gateway.begin()
            gateway.say(dialogue_id, f"hello {number}", "m1")
            yield dialogue_id

    return begun()


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_the_document_names(
    mode: GenerationMode,
    document: OpenApiSchema,
    spoken: Iterator[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = count()

    def check(case: Case[Any]) -> None:
        # Invented ids lead nowhere; every other case speaks of a dialogue that exists.
        if "dialogue_id" in case.path_parameters and next(numbers) % 2:
            case.path_parameters["dialogue_id"] = next(spoken)
            if isinstance(case.path_parameters.get("index"), int):
                case.path_parameters["index"] = 0
        check_answer(case, is_about_labels)

    cases = check_generated(document, mode, check)
    with capsys.disabled():
        print(f"\ngateway: {cases} {mode.value} cases")
    assert cases > 100


def is_about_labels(answer: Response) -> bool:
    if answer.status_code == 400 and "error" in answer.json():
        return True  # the model's own word about a body that was handed on to it
    return answer.status_code == 422 and answer.json()["type"] == "unknown_label"


def test_the_documents_page_needs_nobody_elses_server(gateway: GatewayServer) -> None:
    # The other page that FastAPI knows fetches a picture from its makers.
    assert gateway.call("GET", "/redoc").status_code == 404
    shown = gateway.call("GET", "/docs")
    assert shown.status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->|^\s*//.*$", "", shown.text, flags=re.S | re.M)
    parts = re.findall(r'(?:src|href)="(/[^"]+)"', shown.text)
    assert any(part.endswith(".js") for part in parts)
    for part in parts:
        assert len(gateway.call("GET", part).content) > 1000, part


def test_document_names_every_address(gateway: GatewayServer) -> None:
    paths = gateway.call("GET", "/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/dialogues",
        "/v1/dialogues/{dialogue_id}",
        "/v1/dialogues/{dialogue_id}/turns",
        "/v1/dialogues/{dialogue_id}/turns/{index}/correction",
        "/v1/dialogues/{dialogue_id}/turns/last/correction",
        "/v1/dialogues/{dialogue_id}/compare",
        "/v1/proposals",
        "/v1/dialogues/{dialogue_id}/hand-off",
        "/v1/model",
        "/v1/examples",
        "/v1/examples/{example_id}",
        "/v1/users/{user_id}",
        "/v1/export",
        "/v1/queue",
        "/v1/agreement",
        "/v1/versions",
        "/v1/review",
        "/v1/releases",
        "/v1/releases/canary",
        "/v1/releases/differences",
        "/v1/releases/promotion",
        "/v1/releases/rollback",
        "/v1/releases/shadow",
        "/v1/models/{name}",
        "/v1/models/{name}:predict",
        "/v1/models/{name}:explain",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        "/v2/models/{name}/infer",
        "/v2/models/{name}/explain",
        "/v2/models/{name}/versions/{number}",
        "/v2/models/{name}/versions/{number}/ready",
        "/v2/models/{name}/versions/{number}/infer",
        "/webhooks/rest/",
        "/webhooks/rest/webhook",
        "/webhooks/callback/",
        "/webhooks/callback/webhook",
        "/conversations/{conversation_id}/tracker",
        "/model/parse",
        "/health",
        "/ready",
    }
