"""The wheel is the whole product: in an empty folder it archives, starts and talks."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served_endpoint import write_config
from tests.support.source_tree import ROOT

BUILT_FROM = ("todserve", "handlers", "model_defs", "archive")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "config.properties")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built in a copy: a build leaves files behind."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        ignored = shutil.ignore_patterns("__pycache__", "store")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copyfile(ROOT / name, source / name)
    pip(
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(source / "dist"),
        ".",
        cwd=source,
    )
    return next((source / "dist").glob("todserve-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel alone; what it depends on is this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--target", str(folder), str(wheel), cwd=folder)
    return folder


@pytest.fixture
def empty(tmp_path: Path, installed: Path) -> Iterator[Path]:
    """An empty working directory, whose server is stopped afterwards."""
    yield tmp_path
    tod(installed, tmp_path, "stop", check=False)


def pip(*arguments: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300)


def tod(
    installed: Path, cwd: Path, *arguments: str, text: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "todserve", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        input=text,
        check=check,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_wheel_holds_the_top_level_files_and_no_weights(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        size = sum(one.file_size for one in content.infolist())
    for path in ("config.properties", "handlers/tod_handler.py", "model_defs/plug_and_play_t5.py"):
        assert f"todserve/torchserve_files/{path}" in names
    assert "todserve/torchserve_files/archive/model-config.yaml" in names
    assert not [name for name in names if name.startswith(("tests/", "checkpoints/"))]
    assert not [name for name in names if name.endswith((".mar", ".safetensors", ".pyc"))]
    assert size < 10_000_000


def test_the_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    program = "import todserve; print(todserve.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(installed))


def test_an_empty_folder_archives_starts_chats_and_stops(
    installed: Path, empty: Path, tiny_checkpoint: Path
) -> None:
    quick = empty / "quick.yaml"
    quick.write_text("handler:\n  engine: {threads: 1}\n")
    tod(installed, empty, "archive", str(tiny_checkpoint), "--model-config", str(quick))
    assert (empty / "archive" / "store" / "tod.mar").is_file()
    write_config(empty, metrics_config="archive/metrics.yaml")  # which only the wheel has
    started = tod(installed, empty, "start")
    url = next(word for word in started.stdout.split() if word.startswith("http://127.0.0.1"))
    said = tod(installed, empty, "chat", "--url", url.partition("/predictions")[0], text="hello\n")
    assert said.stdout
    assert "stopped" in tod(installed, empty, "stop").stdout.lower()
