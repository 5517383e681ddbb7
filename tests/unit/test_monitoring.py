"""Alerts and dashboard name figures that there are; a real Prometheus understands them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gateway_server import DESCRIPTION
from tests.support.source_tree import ROOT
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.waiting_room import WaitingRoom
from todserve.runtime.wire.model_description import ModelDescription

FOLDER = ROOT / "deploy" / "monitoring"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="Prometheus is not installed")


def promtool(*arguments: str) -> str:
    command = [str(PROMTOOL), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def shown() -> list[str]:
    board = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return [one["expr"] for panel in board["panels"] for one in panel["targets"]]


def alerts() -> dict[str, str]:
    (group,) = read(FOLDER / "alerts.yml")["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_every_figure_of_ours_that_is_asked_for_is_one_that_is_given() -> None:
    metrics = GatewayMetrics(WaitingRoom(at_once=1, most=1, seconds=1.0))
    metrics.answered("GET", "/health", 200, 0.1)
    metrics.refused("full")
    metrics.stored("tod/1.0", ["unparsed"])
    metrics.fell_back("tod/2.0")
    metrics.shadowed("tod/2.0", "alike")
    known = ModelDescription.model_validate(DESCRIPTION | {"intent_shares": {"find_train": 1.0}})
    for _ in range(50):  # before that nothing is said of drift
        metrics.answers.stored(
            {"intent": {"name": "find_train", "confidence": 0.9}},
            {"gateway_model": 1.0},
            before={},
            usual=lambda: known,
        )
    with metrics.asking():
        pass
    given = set(re.findall(r"^(\w+)[ {]", metrics.exposition().decode(), re.M))
    endpoint = read(ROOT / "archive" / "metrics.yaml")["model_metrics"]
    given |= {one["name"] for kind in ("counter", "gauge") for one in endpoint.get(kind, [])}
    given |= {f"{one['name']}_bucket" for one in endpoint["histogram"]}
    asked = {
        name for text in [*shown(), *alerts().values()] for name in re.findall(r"\btod_\w+", text)
    }
    assert len(asked) > 8
    assert asked - given == set()


def test_both_prometheus_configurations_have_the_same_jobs() -> None:
    ours, in_containers = (
        {job["job_name"]: job.get("authorization") for job in read(path)["scrape_configs"]}
        for path in (FOLDER / "prometheus.yml", ROOT / "deploy" / "compose" / "prometheus.yml")
    )
    assert ours == in_containers
    named = {job for text in alerts().values() for job in re.findall(r'job="(todserve-\w+)"', text)}
    assert named <= ours.keys()


@needs_promtool
@pytest.mark.parametrize("name", ["monitoring", "compose"])
def test_a_real_prometheus_takes_the_configuration(name: str, tmp_path: Path) -> None:
    for source in (FOLDER / "alerts.yml", ROOT / "deploy" / name / "prometheus.yml"):
        shutil.copyfile(source, tmp_path / source.name)
    (tmp_path / "gateway-token").write_text("some-token", encoding="ascii")
    assert "SUCCESS" in promtool("check", "config", str(tmp_path / "prometheus.yml"))


@needs_promtool
def test_every_alert_fires_in_its_example_and_in_no_other() -> None:
    examples = read(FOLDER / "alerts_test.yml")["tests"]
    tried = [case for one in examples for case in one["alert_rule_test"]]
    for name in alerts():
        outcomes = {bool(case["exp_alerts"]) for case in tried if case["alertname"] == name}
        assert outcomes == {True, False}, name
    assert "SUCCESS" in promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
