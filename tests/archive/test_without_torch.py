"""A worker whose engine needs no PyTorch never loads it, and can still use it if someone does."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from todserve.serving.archive.archive_build import build_archive
from todserve.serving.archive.archive_packing import Parts
from todserve.serving.archive.archive_trial import unpack

SITE = Parts.shipped().worker_start
LAZY = Parts.shipped().without_torch


def python(folder: Path, program: str, **environment: str) -> str:
    """Run a program as TorchServe runs a worker: with ``folder`` on PYTHONPATH."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_torchserve_s_own_import_of_torch_loads_nothing() -> None:
    program = (
        "import sys; import ts.protocol.otf_message_handler as handler; "
        "print('torch' in vars(handler), 'torch.nn' in sys.modules)"
    )
    assert python(SITE.parent, program) == "True False"


@pytest.mark.parametrize(
    "program",
    [
        "import torch; print(torch.ones(2).sum().item())",
        "import torch.nn; print(torch.ones(2).sum().item())",
        "from torch import ones; print(ones(2).sum().item())",
        "import torch; isinstance(1, torch.Tensor); print(torch.ones(2).sum().item())",
    ],
)
def test_whoever_touches_torch_gets_it(program: str) -> None:
    assert python(SITE.parent, program) == "2.0"


def test_without_the_file_torch_is_loaded_at_once(tmp_path: Path) -> None:
    assert python(tmp_path, "import sys, torch; print('torch.nn' in sys.modules)") == "True"


def test_threads_of_a_worker_wait_without_spinning_unless_told_otherwise() -> None:
    program = "import os; print(os.environ['OMP_WAIT_POLICY'])"
    assert python(SITE.parent, program) == "PASSIVE"
    assert python(SITE.parent, program, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"


def config(folder: Path, engine: str) -> Path:
    path = folder / f"{engine}.yaml"
    path.write_text(f"handler:\n  engine: {{engine: {engine}, threads: 1}}\n")
    return path


def requirements(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as packed:
        lines = packed.read("requirements.txt").decode().splitlines()
    return {line.partition("==")[0] for line in lines if not line.startswith("#")}


def test_an_onnx_archive_carries_what_its_engine_needs(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    built = build_archive(tiny_checkpoint, tmp_path, model_config=config(tmp_path, "onnx"))
    folder = unpack(built, tmp_path / "unpacked")
    assert (folder / "onnx" / "encoder.onnx").is_file()
    assert (folder / "onnx" / "decoder.onnx").is_file()
    assert (folder / "sitecustomize.py").read_bytes() == SITE.read_bytes()
    assert (folder / "lazy_torch.py").read_bytes() == LAZY.read_bytes()
    assert not list(folder.rglob("*.safetensors"))
    assert not (folder / "onnx" / "step.onnx").exists()
    needed = requirements(built)
    assert "onnxruntime" in needed
    assert not needed & {"torch", "transformers", "ctranslate2"}


def test_a_torch_archive_carries_what_its_engine_needs(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    built = build_archive(tiny_checkpoint, tmp_path, model_config=config(tmp_path, "torch"))
    folder = unpack(built, tmp_path / "unpacked")
    assert (folder / "model.safetensors").is_file()
    assert (folder / "sitecustomize.py").read_bytes() == SITE.read_bytes()
    assert not (folder / "lazy_torch.py").exists()
    needed = requirements(built)
    assert {"torch", "transformers", "safetensors"} <= needed
    assert not needed & {"onnxruntime", "ctranslate2"}
