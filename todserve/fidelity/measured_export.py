"""A measured export: a checkpoint's export, and beside both how true it is to the checkpoint.

What ``tod export`` does; ``tod archive`` looks for the measurement where this leaves it.
Example: ``measured_folder(checkpoint, EngineName.ONNX, Dtype.INT8).name == "onnx-int8"``.
"""

from pathlib import Path

from todserve.runtime.console import tell
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_spec import Dtype, EngineName


def run_export(
    *,
    checkpoint: Path,
    out: Path | None,
    engine: EngineName,
    dtype: Dtype,
    turns: int | None = None,
    root: Path | None = None,
    measure: bool = True,
) -> Path:
    """Export, measure the fidelity, print both and return the folder.

    The fidelity is kept with the export and, for ``tod archive CHECKPOINT``, beside the checkpoint.

    Args:
        checkpoint: what `tod train` wrote.
        out: the folder to write; by default one below runs/exports.
        engine: one that needs an export.
        dtype: one of the engine's ``export_dtypes``.
        turns: how many turns of MultiWOZ's dev split to measure on.
        root: where the corpora are; the environment variable TOD_DATA when None.
        measure: False leaves the measurement out.

    Raises:
        ConfigError: the checkpoint cannot be exported.
        CorpusError: the corpus to measure on is missing.
    """
    from todserve.fidelity.fidelity_measurement import TURNS, run_fidelity

    folder = out or Path("runs/exports") / f"{checkpoint.resolve().name}-{engine}-{dtype}"
    manifest = export_checkpoint(checkpoint, folder, engine=engine, dtype=dtype)
    size = sum((folder / name).stat().st_size for name in manifest.files) / 1e6
    tell(f"{folder}: {engine} in {dtype}, {size:.1f} MB of checkpoint {manifest.checkpoint}")
    if measure:
        report = run_fidelity(checkpoint, folder, turns=turns or TURNS, root=root)
        beside = measured_folder(checkpoint, engine, dtype)
        beside.mkdir(parents=True, exist_ok=True)
        report.save(beside)
        tell(report.markdown())
    return folder


def measured_folder(checkpoint: Path, engine: EngineName, dtype: Dtype) -> Path:
    """Return where a checkpoint keeps the fidelity of its exports."""
    return checkpoint / "fidelity" / f"{engine}-{dtype}"
