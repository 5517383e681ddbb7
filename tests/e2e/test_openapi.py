"""The model endpoint keeps what its OpenAPI document promises, on a real TorchServe."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.generated_cases import check_answer, check_generated
from tests.support.served_endpoint import MODEL_CONFIG, ROOT, write_config
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.openapi.openapi_document import document
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import start

pytestmark = pytest.mark.e2e

_OF_THE_CHECKPOINT = ("unknown domain", "unknown slot", "unknown value", "tokens long")


@pytest.fixture(scope="module")
def quick(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits for no batch to fill, since every case comes alone."""
    folder = tmp_path_factory.mktemp("quick")
    config = folder / "model-config.yaml"
    config.write_text(MODEL_CONFIG.replace("maxBatchDelay: 500", "maxBatchDelay: 1"))
    store = build_archive(tiny_checkpoint, folder / "store", model_config=config).parent
    settings = ServerSettings(
        store=store,
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    with start(settings) as server:
        yield server.inference_url


@pytest.fixture(scope="module")
def described() -> OpenApiSchema:
    """The document without the management address, which no client of turns needs."""
    promised = document()
    del promised["paths"]["/models"]
    return schemathesis.openapi.from_dict(promised)


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_the_document_names(
    mode: GenerationMode, quick: str, described: OpenApiSchema, capsys: pytest.CaptureFixture[str]
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
        check_answer(case, is_about_the_checkpoint, quick)

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
