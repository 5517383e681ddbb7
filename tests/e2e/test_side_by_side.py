"""Several models in one server: a language each, say, behind the same three ports."""

from pathlib import Path

import pytest
import requests

from tests.support.served_endpoint import MODEL_CONFIG, MakeSettings
from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.client.client import Client
from todserve.serving.server.torchserve_server import start

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


@pytest.fixture
def two_models(copied_store: Path, tmp_path: Path) -> Path:
    """A store with the tiny model as ``tod`` and the shipped Korean one as ``korean``."""
    config = tmp_path / "model-config.yaml"
    config.write_text(MODEL_CONFIG)
    korean = ROOT / "checkpoints" / "korean"
    build_archive(korean, copied_store, name="korean", model_config=config)
    return copied_store


def test_models_stand_side_by_side_and_each_answers_for_itself(
    two_models: Path, make_settings: MakeSettings, http: requests.Session
) -> None:
    settings = make_settings(other_store=two_models, beside=("korean",))
    with start(settings) as server:
        listed = http.get(f"{server.management_url}/models", timeout=30).json()["models"]
        assert {one["modelName"] for one in listed} == {"tod", "korean"}
        with Client(server.inference_url, name="korean") as client:
            answer = client.send({"user": "가수 최원이 부른 노래 알려줘"})
            assert answer.model.name == "korean"
            assert answer.belief_state is not None
            assert answer.belief_state["music"]["singer"].value == "최원"
        with Client(server.inference_url, name="tod") as client:
            assert client.send({"user": "a train to ely"}).model.name == "tod"


def test_the_name_of_a_model_that_is_not_there_is_said(
    two_models: Path, make_settings: MakeSettings
) -> None:
    with pytest.raises(ArchiveError, match=r"french\.mar"):
        start(make_settings(other_store=two_models, beside=("french",)))


def test_a_model_named_twice_is_refused(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigError, match="tod, tod; expected each archive once"):
        make_settings(beside=("tod",))
