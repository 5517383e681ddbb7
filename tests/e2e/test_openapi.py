"""The model endpoint keeps what its OpenAPI document promises, on a real TorchServe."""

import json
from itertools import count
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.generated_cases import check_answer, check_generated
from todserve.serving.openapi.openapi_document import document
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e

_OF_THE_CHECKPOINT = ("unknown domain", "unknown slot", "unknown value", "tokens long")


@pytest.fixture(scope="module")
def described() -> OpenApiSchema:
    """The document without the management address, which no client of turns needs."""
    promised = document()
    del promised["paths"]["/models"]
    return schemathesis.openapi.from_dict(promised)


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_the_document_names(
    mode: GenerationMode,
    server: RunningServer,
    described: OpenApiSchema,
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = count()

    def check(case: Case[Any]) -> None:
        # Invented names lead nowhere; three of four cases speak with the model that there is.
        if "model" in case.path_parameters and next(numbers) % 4:
            case.path_parameters["model"] = "tod"
            if "version" in case.path_parameters:
                case.path_parameters["version"] = "1.0"
        if mode is GenerationMode.POSITIVE and case.operation.path.startswith("/v2/"):
            body: Any = case.body
            hold_turns(body["inputs"][0])
        check_answer(case, is_about_the_checkpoint, server.inference_url)

    cases = check_generated(described, mode, check)
    with capsys.disabled():
        print(f"\nmodel endpoint: {cases} {mode.value} cases")
    assert cases > 50


def hold_turns(tensor: dict[str, Any]) -> None:
    """Make every text the JSON of a turn, and count them; a schema says both in words only."""
    tensor["data"] = [json.dumps({"user": f"a train {text}"[:100]}) for text in tensor["data"]]
    tensor["shape"] = [len(tensor["data"])]


def is_about_the_checkpoint(answer: Response) -> bool:
    return answer.status_code == 400 and any(part in answer.text for part in _OF_THE_CHECKPOINT)
