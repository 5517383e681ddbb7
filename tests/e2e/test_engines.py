"""Every engine answers the same turns behind a real TorchServe; those without PyTorch load none."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.served_endpoint import ROOT, write_config
from todserve.runtime.engines.engine_spec import REFERENCE, EngineName
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.server.readiness import Probe
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e

TURNS = (
    {"user": "i am looking for a cheap restaurant in the centre"},
    {"user": "a train to ely on friday", "state": {"train": {"departure": "cambridge"}}},
)


@pytest.fixture
def served(tiny_checkpoint: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """One server with a model for each engine, called as the engine is."""
    config = tmp_path / "model-config.yaml"
    for engine in EngineName:
        config.write_text(f"handler:\n  engine: {{engine: {engine}, threads: 1}}\n")
        build_archive(tiny_checkpoint, tmp_path / "store", name=engine, model_config=config)
    first, *others = EngineName
    settings = ServerSettings(
        store=tmp_path / "store",
        name=first,
        beside=tuple(others),
        config=write_config(tmp_path),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=tmp_path / "logs",
        ready_timeout=240,
    )
    with start(settings) as running:
        yield running


def answers(server: RunningServer, probe: Probe) -> tuple[list[object], set[str]]:
    """Return a model's answers to TURNS, and the libraries mapped by the worker that gave them."""
    found = []
    with requests.Session() as session:
        session.trust_env = False
        for turn in TURNS:
            url = f"{server.inference_url}/predictions/{probe.name}"
            answer = session.post(url, json=turn, timeout=60)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["model"].pop("name") == probe.name
            found.append(_without_figures(told))
    worker = psutil.Process(probe.workers()[0].pid)
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
    served: RunningServer,
) -> None:
    found = {EngineName(probe.name): answers(served, probe) for probe in served.probes}
    assert set(found) == set(EngineName)
    expected = found[REFERENCE][0]
    assert {engine: given for engine, (given, _) in found.items() if given != expected} == {}
    with_torch = {
        engine
        for engine, (_, mapped) in found.items()
        if any(name.startswith("libtorch") for name in mapped)
    }
    assert with_torch == {engine for engine in EngineName if engine.spec.needs_torch}
