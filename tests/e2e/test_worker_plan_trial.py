"""A worker plan is tried on a real TorchServe, which is gone afterwards."""

from pathlib import Path

from tests.support.served_endpoint import ROOT
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.capacity.plan_trial import TrialSettings, try_plan
from todserve.serving.capacity.worker_plan import WorkerPlan
from todserve.serving.server.server_record import Record


def test_two_workers_are_started_asked_and_stopped(store: Path, tmp_path: Path) -> None:
    unpacked = unpack(store / "tod.mar", tmp_path / "unpacked")
    settings = TrialSettings(
        archive=store / "tod.mar",
        model_config=unpacked / "model-config.yaml",
        config=ROOT / "config.properties",
        turns=({"user": "a train to ely"}, {"user": "a cheap hotel"}),
        clients=4,
        seconds=0.5,
    )
    folder = tmp_path / "trial"
    folder.mkdir()
    plan = WorkerPlan(workers=2, threads=1)
    measured = try_plan(plan, settings, folder)
    assert measured.plan == plan
    assert load_model_config(folder / "model-config.yaml").min_workers == 2
    assert measured.alone > 0
    assert measured.rate > 0
    assert measured.memory > 2 * 50_000_000  # two processes
    assert Record.load(folder / "logs") is None
