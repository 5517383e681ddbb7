"""An engine is added by what docs/engines.md says: one folder, one line."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY
from tests.support.source_tree import ROOT

ENGINES = Path("todserve", "runtime", "engines")


def section() -> str:
    text = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    return text.partition("\n## Add an engine\n")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package in which the toy of the documentation was added."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("todserve", "handlers", "model_defs", "archive"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("store"))
    line, *files = re.findall(r"^```python\n(.*?)^```$", section(), re.DOTALL | re.MULTILINE)
    names = ["__init__.py", *re.findall(r"^`(mute_\w+\.py)`", section(), re.MULTILINE)]
    folder = copy / ENGINES / "mute"
    folder.mkdir()
    for name, text in zip(names, files, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    registry = copy / ENGINES / "engine_spec.py"
    first = '    TORCH = "torch"\n'
    text = registry.read_text(encoding="utf-8")
    assert text.count(first) == 1
    registry.write_text(text.replace(first, line + first), encoding="utf-8")
    return copy


def tod(house: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the copy's command."""
    return subprocess.run(
        [sys.executable, "-m", "todserve.cli.main", *map(str, arguments)],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def export(house: Path, tiny_checkpoint: Path) -> Path:
    """Return what `tod export` wrote and measured."""
    checkpoint = shutil.copytree(tiny_checkpoint, house / "checkpoint")
    out = house / "out"
    done = tod(
        house,
        *("export", checkpoint, "--format", "mute", "--out", out),
        *("--corpora", TINY, "--turns", 3),
    )
    assert done.returncode == 0, done.stderr
    return out


def config(house: Path) -> Path:
    path = house / "model-config.yaml"
    path.write_text(json.dumps({"handler": {"engine": {"engine": "mute"}}}))
    return path


def test_it_is_exported_and_measured(export: Path) -> None:
    manifest = json.loads((export / "export.json").read_text())
    assert (manifest["engine"], list(manifest["files"])) == ("mute", ["mute/network.json"])
    assert json.loads((export / "fidelity.json").read_text())["identical_turns"] < 1


def test_it_answers_in_an_evaluation(house: Path, export: Path) -> None:
    lines = house / "dialogues"
    lines.mkdir()
    shutil.copyfile(export / "schema.json", lines / "schema.json")
    turn = {"user": "a train to ely", "belief_state": {"train": {"destination": "ely"}}}
    (lines / "dev.jsonl").write_text(json.dumps({"dialogue_id": "one", "turns": [turn]}) + "\n")
    done = tod(house, "evaluate", "corpus", lines, "--checkpoint", export)
    assert done.returncode == 0, done.stderr
    assert re.search(r"joint_goal_accuracy\W+0\.", done.stdout)


def test_an_export_that_lost_too_much_is_not_packed(house: Path, export: Path) -> None:
    done = tod(house, "archive", export, "--out", house / "s", "--model-config", config(house))
    assert done.returncode == 1
    assert "the mute export in float32" in done.stderr
    assert "is not true enough" in done.stderr


def test_an_archive_runs_it_and_lists_no_other_engines_packages(house: Path, export: Path) -> None:
    checkpoint = house / "checkpoint"
    done = tod(house, "archive", checkpoint, "--out", house / "s", "--model-config", config(house))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(house / "s" / "tod.mar") as packed:
        needed = packed.read("requirements.txt").decode()
        names = packed.namelist()
    assert "numpy==" in needed
    assert not re.search("^(torch|transformers|onnxruntime|ctranslate2)==", needed, re.MULTILINE)
    assert {"mute/network.json", "lazy_torch.py"} <= set(names)


def test_what_it_cannot_be_written_in_is_refused(house: Path, export: Path) -> None:
    done = tod(house, "export", house / "checkpoint", "--format", "mute", "--dtype", "int8")
    assert done.returncode == 1
    assert "no export for engine mute in int8; expected float32" in done.stderr
