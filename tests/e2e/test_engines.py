"""Every engine answers the same turns behind a real TorchServe; those without PyTorch load none."""

from pathlib import Path

import psutil
import pytest
import requests

from tests.support.served_endpoint import ROOT, write_config
from todserve.runtime.engines.engine_settings import EngineName
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e

TURNS = (
    {"user": "i am looking for a cheap restaurant in the centre"},
    {"user": "a train to ely on friday", "state": {"train": {"departure": "cambridge"}}},
)


def answers(folder: Path, checkpoint: Path, engine: EngineName) -> tuple[list[object], set[str]]:
    """Return the answers to TURNS, and the libraries mapped by the worker that gave them."""
    config = folder / "model-config.yaml"
    config.write_text(f"handler:\n  engine: {{engine: {engine}, threads: 1}}\n")
    build_archive(checkpoint, folder / "store", model_config=config)
    settings = ServerSettings(
        store=folder / "store",
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    running: RunningServer = start(settings)
    with running, requests.Session() as session:
        session.trust_env = False
        found = []
        for turn in TURNS:
            answer = session.post(f"{running.inference_url}/predictions/tod", json=turn, timeout=60)
            assert answer.status_code == 200, answer.text
            found.append(_without_figures(answer.json()))
        worker = psutil.Process(running.workers()[0].pid)
        mapped = {Path(one.path).name for one in worker.memory_maps()}
    return found, mapped


def _without_figures(value: object) -> object:
    """Leave out what no two runs share to the last digit."""
    if isinstance(value, dict):
        return {
            key: _without_figures(one)
            for key, one in value.items()
            if key not in ("timing_ms", "confidence")
        }
    if isinstance(value, list):
        return [_without_figures(one) for one in value]
    return value


def test_all_engines_answer_alike_and_only_those_of_pytorch_load_it(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    found = {}
    for engine in EngineName:
        folder = tmp_path / engine
        folder.mkdir()
        found[engine] = answers(folder, tiny_checkpoint, engine)
    expected = found[EngineName.TORCH][0]
    assert {engine: given for engine, (given, _) in found.items() if given != expected} == {}
    with_torch = {
        engine
        for engine, (_, mapped) in found.items()
        if any(name.startswith("libtorch") for name in mapped)
    }
    assert with_torch == {EngineName.TORCH, EngineName.TORCHSCRIPT}
