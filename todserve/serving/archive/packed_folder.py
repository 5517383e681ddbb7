"""Packed folder: the checkpoint in the form that the archive's engine runs.

Called first by ``tod archive``: a checkpoint is exported where the engine wants that and packed as
it is where not; an export is packed as it is. Which number format an export may have is decided by
its measured fidelity. Example: ``prepare(checkpoint, EngineSettings(engine="onnx"), workspace)``.
"""

from pathlib import Path

from todserve.fidelity.fidelity_limits import check
from todserve.fidelity.fidelity_report import FIDELITY_FILE, FidelityReport
from todserve.fidelity.measured_export import measured_folder
from todserve.runtime.checkpoint import CHECKPOINT_FILES, CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.console import tell
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.errors import ArchiveError
from todserve.runtime.networks.export_manifest import ExportManifest

WEIGHTS = "model.safetensors"
"""Of a checkpoint that is no export."""


def prepare(folder: Path, settings: EngineSettings, workspace: Path) -> Path:
    """Return the folder to pack: ``folder`` itself, or its export below ``workspace``.

    Args:
        folder: what `tod train` or `tod export` wrote.
        settings: of the archive.
        workspace: where an export may be written.

    Raises:
        ArchiveError: the folder is not whole, it is an export for another engine, or its fidelity
            is not known or not good enough.
        ConfigError: the checkpoint cannot be exported.
    """
    manifest = check_folder(folder)
    if manifest is not None:
        _check_export(folder, manifest, settings)
        return folder
    if settings.engine.spec.export is None:
        return folder
    out = workspace / "export"
    export_checkpoint(folder, out, engine=settings.engine, dtype=_dtype(folder, settings))
    return out


def check_folder(folder: Path) -> ExportManifest | None:
    """Refuse a folder that is no whole checkpoint; return the manifest where it is an export.

    Raises:
        ArchiveError: it is no folder, or a file is missing in it.
    """
    if not folder.is_dir():
        raise ArchiveError(f"no checkpoint folder {folder}; `tod train` writes one")
    manifest = ExportManifest.of_folder(folder)
    needed = CHECKPOINT_FILES if manifest is not None else (*CHECKPOINT_FILES, WEIGHTS)
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise ArchiveError(
            f"{folder} is no complete checkpoint; missing {', '.join(missing)}; "
            "`tod train CONFIG` writes them all"
        )
    return manifest


def _check_export(folder: Path, manifest: ExportManifest, settings: EngineSettings) -> None:
    if manifest.engine is not settings.engine:
        raise ArchiveError(
            f"{folder} is an export for engine {manifest.engine}, the archive's configuration "
            f"says engine {settings.engine}; change `engine:` there, or export for that engine"
        )
    if settings.dtype not in (Dtype.AUTO, manifest.dtype):
        raise ArchiveError(
            f"{folder} is an export in {manifest.dtype}, the archive's configuration says dtype "
            f"{settings.dtype}; change `dtype:` there, or export in that format"
        )
    if (folder / FIDELITY_FILE).is_file():
        check(FidelityReport.load(folder), manifest)
    elif manifest.dtype is Dtype.INT8:
        raise ArchiveError(_unmeasured(folder, manifest.engine))


def _dtype(checkpoint: Path, settings: EngineSettings) -> Dtype:
    """Return the number format to export in; ``auto`` takes int8 only where it was measured."""
    if settings.dtype is Dtype.FLOAT32:
        return Dtype.FLOAT32
    report = _measured(checkpoint, settings.engine)
    if report is None:
        problem = _unmeasured(checkpoint, settings.engine)
    else:
        try:
            check(report)
            return Dtype.INT8
        except ArchiveError as error:
            problem = str(error)
    if settings.dtype is Dtype.INT8:
        raise ArchiveError(problem)
    tell(f"in float32: {problem}")
    return Dtype.FLOAT32


def _measured(checkpoint: Path, engine: EngineName) -> FidelityReport | None:
    """Return what `tod export` measured of these very weights in int8."""
    folder = measured_folder(checkpoint, engine, Dtype.INT8)
    if not (folder / FIDELITY_FILE).is_file():
        return None
    report = FidelityReport.load(folder)
    of_these = report.checkpoint == weights_checksum(checkpoint)[:CHECKSUM_LENGTH]
    return report if of_these else None


def _unmeasured(folder: Path, engine: EngineName) -> str:
    return (
        f"nobody has measured what {folder} loses in int8 with engine {engine}; "
        f"`tod export {folder} --format {engine} --dtype int8` does, on MultiWOZ's dialogues"
    )
