"""Which number format an archive gets, and which exports it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from todserve.fidelity.fidelity_report import Change, FidelityReport
from todserve.fidelity.measured_export import measured_folder
from todserve.runtime.checkpoint import CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.serving.archive.packed_folder import prepare

ONNX = EngineName.ONNX


def settings(dtype: Dtype, engine: EngineName = ONNX) -> EngineSettings:
    return EngineSettings(engine=engine, dtype=dtype)


def report(checkpoint: str, *, lost: float = 0.0) -> FidelityReport:
    change = Change(reference=50.0, exported=50.0 - lost, of=200)
    return FidelityReport(
        engine=ONNX,
        dtype=Dtype.INT8,
        checkpoint=checkpoint,
        exporter="0.1.0",
        signature="invented",
        turns=200,
        tokens=4000,
        max_logit_difference=0.5,
        mean_kl=0.001,
        same_choice=0.99,
        identical_turns=0.7,
        joint_goal_accuracy=change,
        response_bleu_surrogate=change,
    )


def measured(checkpoint: Path, *, lost: float = 0.0, of: str | None = None) -> None:
    """Put a report beside a checkpoint, as `tod export` does."""
    folder = measured_folder(checkpoint, ONNX, Dtype.INT8)
    folder.mkdir(parents=True)
    report(of or weights_checksum(checkpoint)[:CHECKSUM_LENGTH], lost=lost).save(folder)


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")


def dtype_of(folder: Path) -> Dtype:
    manifest = ExportManifest.of_folder(folder)
    assert manifest is not None
    manifest.verify(folder)
    return manifest.dtype


def test_torch_takes_the_checkpoint_as_it_is(checkpoint: Path, tmp_path: Path) -> None:
    chosen = settings(Dtype.FLOAT32, EngineName.TORCH)
    assert prepare(checkpoint, chosen, tmp_path) == checkpoint


def test_auto_takes_float32_and_says_why_where_nothing_was_measured(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dtype_of(prepare(checkpoint, settings(Dtype.AUTO), tmp_path)) is Dtype.FLOAT32
    assert f"`tod export {checkpoint} --format onnx --dtype int8`" in capsys.readouterr().out


def test_auto_takes_int8_where_it_lost_little(checkpoint: Path, tmp_path: Path) -> None:
    measured(checkpoint, lost=0.5)
    assert dtype_of(prepare(checkpoint, settings(Dtype.AUTO), tmp_path)) is Dtype.INT8


def test_auto_takes_float32_where_int8_lost_too_much(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(checkpoint, lost=0.75)
    assert dtype_of(prepare(checkpoint, settings(Dtype.AUTO), tmp_path)) is Dtype.FLOAT32
    assert "fell by 0.75 points" in capsys.readouterr().out


def test_a_measurement_of_other_weights_counts_for_nothing(
    checkpoint: Path, tmp_path: Path
) -> None:
    measured(checkpoint, of="0123456789ab")
    assert dtype_of(prepare(checkpoint, settings(Dtype.AUTO), tmp_path)) is Dtype.FLOAT32


def test_int8_is_refused_where_nothing_was_measured(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="nobody has measured"):
        prepare(checkpoint, settings(Dtype.INT8), tmp_path)


def test_int8_is_refused_where_it_lost_too_much(checkpoint: Path, tmp_path: Path) -> None:
    measured(checkpoint, lost=0.75)
    with pytest.raises(ArchiveError, match=r"fell by 0\.75 points .* at most 0\.50"):
        prepare(checkpoint, settings(Dtype.INT8), tmp_path)


def test_an_export_is_packed_as_it_is(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    assert prepare(out, settings(Dtype.AUTO), tmp_path / "work") == out


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (settings(Dtype.FLOAT32, EngineName.TORCH), "export for engine onnx.*says engine torch"),
        (settings(Dtype.INT8), "export in float32.*says dtype int8"),
    ],
)
def test_an_export_of_another_kind_than_configured_is_refused(
    chosen: EngineSettings, message: str, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    with pytest.raises(ArchiveError, match=message):
        prepare(out, chosen, tmp_path)


def test_an_unmeasured_int8_export_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.INT8)
    with pytest.raises(ArchiveError, match="nobody has measured"):
        prepare(out, settings(Dtype.AUTO), tmp_path)


def test_an_export_with_a_changed_file_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    manifest = export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    with (out / "onnx" / "decoder.onnx").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ConfigError, match="damaged or of another export"):
        manifest.verify(out)


def test_an_export_overwrites_an_export_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    again = export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.INT8)
    assert dtype_of(out) is again.dtype is Dtype.INT8
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="no export"):
        export_checkpoint(checkpoint, other, engine=ONNX, dtype=Dtype.FLOAT32)
    assert (other / "notes.txt").read_text() == "mine"


def test_an_incomplete_checkpoint_is_not_exported(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "schema.json").unlink()
    with pytest.raises(ConfigError, match=r"missing schema\.json"):
        export_checkpoint(checkpoint, tmp_path / "out", engine=ONNX, dtype=Dtype.FLOAT32)
    assert not (tmp_path / "out").exists()


def test_an_unreadable_manifest_is_reported(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    fields = json.loads((out / "export.json").read_text())
    (out / "export.json").write_text(json.dumps(fields | {"engine": "abacus"}))
    with pytest.raises(ConfigError, match="export the checkpoint again"):
        ExportManifest.of_folder(out)


def test_an_export_of_an_older_version_is_refused_and_replaced(
    checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    manifest = out / "export.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("onnx/decoder.onnx", "onnx/search.onnx"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"got 'onnx/search\.onnx'.*export the checkpoint again"):
        ExportManifest.of_folder(out)
    export_checkpoint(checkpoint, out, engine=ONNX, dtype=Dtype.FLOAT32)
    assert dtype_of(out) is Dtype.FLOAT32
