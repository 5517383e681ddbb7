"""The bill of materials: every pin, the Java that TorchServe bundles, and an archive's files."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from scripts.bill import bill
from scripts.hashed import normal, pins
from tests.support.source_tree import ROOT


def components(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in told.get("components", [])}


def test_the_bill_names_every_pin_and_the_bundled_java_with_versions() -> None:
    told = json.loads(bill())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    found = {normal(name): one.get("version") for name, one in components(told).items()}
    assert pins(ROOT / "requirements" / "runtime.txt").items() <= found.items()
    assert found["torch"]
    jar = components(told)["model-server.jar"]
    inside = components(jar)
    assert jar["hashes"][0]["alg"] == "SHA-256"
    assert all(
        one["version"].startswith("4.") for one in inside.values() if one["name"] == "netty-handler"
    )
    assert {"netty-handler", "netty-codec-http", "log4j-core", "gson", "snakeyaml"} <= set(inside)


def test_an_archives_files_are_listed_with_their_checksums(tmp_path: Path) -> None:
    path = tmp_path / "tod.mar"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("config.json", "{}")
        packed.writestr("model.safetensors", "x")
    files = components(components(json.loads(bill(path)))["tod.mar"])
    assert set(files) == {"config.json", "model.safetensors"}
    assert files["config.json"]["hashes"][0]["content"] == hashlib.sha256(b"{}").hexdigest()
    assert files["model.safetensors"]["type"] == "machine-learning-model"
