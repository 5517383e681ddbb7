"""Manifests: what deploy/ asks a cluster for is what the gateway is, and what clusters take."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.command_line import options
from tests.support.kserve_clients import needs_kserve, output
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.waiting_room import WaitingRoom

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
NAME = {"app.kubernetes.io/name": "todserve-gateway"}
KUSTOMIZE = shutil.which("kubectl")


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


WRITTEN = {
    one["kind"]: one
    for path in ("gateway.yaml", "availability.yaml", "network.yaml")
    for one in documents((FOLDER / path).read_text(encoding="utf-8"))
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    if KUSTOMIZE is None:
        pytest.skip("needs kubectl")
    folder = tmp_path_factory.mktemp("kustomize") / "kubernetes"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets"))
    (folder / "secrets").mkdir()
    for name in ("tokens", "database"):
        (folder / "secrets" / name).write_text("some text", encoding="utf-8")
    command = [KUSTOMIZE, "kustomize", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return {one["kind"]: one for one in documents(made.stdout)}


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_every_manifest_is_as_the_published_schema_says(kind: str, version: str) -> None:
    kubernetes_validate.validate(WRITTEN[kind], version, strict=True)


def test_what_kustomize_builds_is_valid_and_selects_what_was_written(
    built: dict[str, dict[str, Any]],
) -> None:
    for one in built.values():
        kubernetes_validate.validate(one, "1.37", strict=True)
    assert built["NetworkPolicy"]["spec"] == WRITTEN["NetworkPolicy"]["spec"]
    assert built["PodDisruptionBudget"]["spec"] == WRITTEN["PodDisruptionBudget"]["spec"]
    secret = built["Deployment"]["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
    assert secret == built["Secret"]["metadata"]["name"]


INFERENCE = documents((FOLDER / "inference-service.yaml").read_text(encoding="utf-8"))[0]


@needs_kserve
def test_kserve_knows_every_word_of_the_inference_service() -> None:
    known = output("known_words")
    assert INFERENCE["spec"].keys() <= set(known["spec"])
    assert INFERENCE["spec"]["predictor"].keys() <= set(known["predictor"])


@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_the_predictors_pod_is_as_the_published_schema_says(version: str) -> None:
    kserves_own = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")
    predictor = INFERENCE["spec"]["predictor"]
    spec = {name: one for name, one in predictor.items() if name not in kserves_own}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    kubernetes_validate.validate(pod, version, strict=True)
    assert spec["securityContext"]["runAsNonRoot"]
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_predictors_command_is_one_that_tod_takes() -> None:
    (container,) = INFERENCE["spec"]["predictor"]["containers"]
    named = [word for word in container["args"] if word.startswith("--")]
    assert set(named) <= options("serve kserve")
    containerfile = (ROOT / "deploy/kserve/Containerfile").read_text(encoding="utf-8")
    assert f"CMD {json.dumps(container['args'])}" in containerfile


def test_every_selector_means_the_gateways_pods() -> None:
    deployment = WRITTEN["Deployment"]["spec"]
    assert deployment["template"]["metadata"]["labels"] == NAME
    assert deployment["selector"]["matchLabels"] == NAME
    assert WRITTEN["Service"]["spec"]["selector"] == NAME
    assert WRITTEN["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == NAME
    assert WRITTEN["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == NAME


def test_the_autoscaler_asks_for_a_metric_that_the_gateway_has() -> None:
    room = WaitingRoom(at_once=1, most=1, seconds=1.0)
    shown = GatewayMetrics(room).exposition().decode()
    for one in WRITTEN["HorizontalPodAutoscaler"]["spec"]["metrics"]:
        assert f"# TYPE {one['pods']['metric']['name']} gauge" in shown


def test_the_container_may_write_nowhere_but_in_tmp_and_has_no_privilege() -> None:
    pod = WRITTEN["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    writable = [one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108 (the container's own)


def test_the_systemd_unit_says_nothing_that_systemd_does_not_know(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze")
    written = (ROOT / "deploy/systemd/todserve-gateway@.service").read_text(encoding="utf-8")
    unit = tmp_path / "todserve-gateway@8090.service"
    # It looks for the program; here is none.
    unit.write_text(written.replace("/opt/todserve/bin/tod", "/bin/true"), encoding="utf-8")
    command = [analyze, "verify", "--man=no", str(unit)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
