"""Every engine's folder says what it is, and saying it costs no package."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_spec import REFERENCE, Dtype, EngineName, exported_engines
from todserve.runtime.errors import ConfigError

ENGINES = ROOT / "todserve" / "runtime" / "engines"


def test_every_folder_is_an_engine_and_every_engine_has_its_folder() -> None:
    assert {path.parent.name for path in ENGINES.glob("*/__init__.py")} == set(EngineName)


@pytest.mark.parametrize("engine", EngineName)
def test_a_spec_is_of_the_folder_it_stands_in(engine: EngineName) -> None:
    assert engine.spec.name is engine


@pytest.mark.parametrize("engine", EngineName)
def test_every_engine_computes_in_float32(engine: EngineName) -> None:
    assert Dtype.FLOAT32 in engine.spec.dtypes
    assert (Dtype.AUTO in engine.spec.dtypes) == (Dtype.INT8 in engine.spec.dtypes)
    assert Dtype.AUTO not in engine.spec.export_dtypes
    assert bool(engine.spec.export_dtypes) == (engine.spec.export is not None)


@pytest.mark.parametrize("engine", exported_engines())
def test_an_export_keeps_to_a_folder_of_its_engines_name(engine: EngineName) -> None:
    assert engine.spec.export is not None
    assert engine.spec.export.files
    assert {name.split("/")[0] for name in engine.spec.export.files} == {engine}


@pytest.mark.parametrize("engine", EngineName)
def test_what_an_engine_needs_is_pinned_for_its_workers(engine: EngineName) -> None:
    lines = (ROOT / "archive" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert set(engine.spec.needs) <= {line.partition("==")[0] for line in lines}


def test_an_engine_that_runs_checkpoints_has_no_export(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="runs a checkpoint as it is; expected one of .*onnx"):
        export_checkpoint(tiny_checkpoint, tmp_path, engine=REFERENCE, dtype=Dtype.FLOAT32)


def test_asking_every_spec_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = {*sys.modules}\n"
        "from todserve.runtime.engines.engine_spec import EngineName\n"
        "print(all(engine.spec.dtypes for engine in EngineName))\n"
        "roots = {name.partition('.')[0] for name in {*sys.modules} - before}\n"
        "print(sorted(roots - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["True", "['todserve']"]
