"""The C++ program, built by cmake against the installed torch, beside the engine."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine import Row
from todserve.runtime.engines.engine_settings import Dtype
from todserve.runtime.engines.torchscript.torchscript_engine import TorchScriptEngine
from todserve.runtime.engines.torchscript.torchscript_export import export_torchscript

SOURCES = Path(__file__).resolve().parents[3] / "deploy" / "cpp"
CONTEXT = (7, 19, 42, 8, 77, 12)

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="cmake or a C++ compiler is missing",
)


@pytest.fixture(scope="module", params=["tiny_checkpoint", "tiny_bert_checkpoint"])
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    network = load_network(request.getfixturevalue(request.param), dtype=torch.float32)
    export_torchscript(network, folder, dtype=Dtype.FLOAT32)
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    # No optimisation: the program itself does next to nothing, and this compiles faster.
    configure = ["-S", str(SOURCES), "-B", str(build), f"-DPython={sys.executable}"]
    for arguments in (configure, ["--build", str(build)]):
        done = subprocess.run(["cmake", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "generate"


def run(program: Path, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("prefix", [(5,), (9, 31, 64)])
def test_the_program_writes_the_engines_tokens(
    program: Path, export: Path, prefix: tuple[int, ...]
) -> None:
    engine = TorchScriptEngine(export)
    row = Row(context=0, prefix=prefix, end_id=28, max_new_tokens=20)
    (expected,) = engine.generate(engine.encode([CONTEXT]), [row])
    model = export / "torchscript" / "model.pt"
    done = run(program, model, 28, 20, ",".join(map(str, prefix)), *CONTEXT)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    ends = () if expected.end_log_prob is None else (expected.end_log_prob,)
    assert [int(token) for token, _ in lines] == [*expected.ids, *([28] if ends else [])]
    log_probs = [float(log_prob) for _, log_prob in lines]
    assert log_probs == pytest.approx([*expected.log_probs, *ends], abs=1e-5)
    assert len(lines) > 1
    read = run(
        program, model, 28, 20, ",".join(map(str, prefix)), given=" ".join(map(str, CONTEXT))
    )
    assert read.stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("MODEL", 28), "usage: generate MODEL END CAP"),
        (("MODEL", "x", 20, 5, 7), "END is 'x'; expected a number"),
        (("MODEL", 28, 20, "5,", 7), None),
        (("MODEL", 28, 20, 5, "7b"), "TOKEN is '7b'"),
        (("MODEL", 28, 20, 5), "expected at least one token"),
        (("nowhere.pt", 28, 20, 5, 7), "nowhere.pt"),
    ],
)
def test_the_program_says_what_is_wrong(
    program: Path, export: Path, arguments: tuple[object, ...], message: str | None
) -> None:
    model = export / "torchscript" / "model.pt"
    done = run(program, *(model if one == "MODEL" else one for one in arguments))
    if message is None:
        assert done.returncode == 0
    else:
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stdout == ""
