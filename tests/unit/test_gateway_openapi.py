"""The gateway keeps what its OpenAPI document promises, whatever is sent to it."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.unit.gateway_server import GatewayServer, ModelServer
from todserve.gateway.settings import GatewaySettings

EXAMPLES = 25
"""Cases of one operation, well-formed and malformed."""

GENERATED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


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
    mode: GenerationMode, document: OpenApiSchema, spoken: Iterator[str]
) -> None:
    cases = count()

    def check(case: Case[Any]) -> None:
        # Invented ids lead nowhere; every other case speaks of a dialogue that exists.
        if "dialogue_id" in case.path_parameters and next(cases) % 2:
            case.path_parameters["dialogue_id"] = next(spoken)
            if isinstance(case.path_parameters.get("index"), int):
                case.path_parameters["index"] = 0
        case.call_and_validate(timeout=60)

    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @GENERATED
        @given(case=operation.as_strategy(mode))
        def checked(case: Case[Any]) -> None:
            check(case)

        # Where an operation takes nothing, nothing can be malformed.
        with suppress(Unsatisfiable):
            checked()


def test_the_documents_pages_are_served(gateway: GatewayServer) -> None:
    assert "swagger" in gateway.call("GET", "/docs").text.lower()
    paths = gateway.call("GET", "/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/dialogues",
        "/v1/dialogues/{dialogue_id}",
        "/v1/dialogues/{dialogue_id}/turns",
        "/v1/dialogues/{dialogue_id}/turns/{index}/correction",
        "/v1/dialogues/{dialogue_id}/turns/last/correction",
        "/v1/users/{user_id}",
        "/v1/export",
        "/webhooks/rest/",
        "/webhooks/rest/webhook",
        "/health",
        "/ready",
    }
