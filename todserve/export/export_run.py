"""Exporting: a checkpoint becomes a folder that an engine other than PyTorch can serve.

What ``tod export CHECKPOINT --format onnx`` does; ``tod archive`` packs the folder as it packs a
checkpoint. Example: ``export_checkpoint(folder, out, engine=EngineName.ONNX, dtype=Dtype.INT8)``.
"""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from todserve.runtime.checkpoint import (
    CHECKPOINT_FILES,
    CHECKSUM_LENGTH,
    OPTIONAL_FILES,
    load_network,
    weights_checksum,
)
from todserve.runtime.engines.engine_settings import Dtype, EngineName
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest, sha256_of

EXPORTED = (EngineName.ONNX, EngineName.TORCHSCRIPT, EngineName.CTRANSLATE2)
"""The engines that need an export."""


def export_checkpoint(
    checkpoint: Path, out: Path, *, engine: EngineName, dtype: Dtype
) -> ExportManifest:
    """Write the folder ``out``; an export that is there already is replaced.

    Args:
        checkpoint: what `tod train` wrote.
        out: the folder to write; nothing changes in it unless the export succeeds.
        engine: one of EXPORTED.
        dtype: float32 or int8.

    Raises:
        ConfigError: the checkpoint is not whole, or ``out`` holds something else.
    """
    missing = [name for name in CHECKPOINT_FILES if not (checkpoint / name).is_file()]
    if missing:
        raise ConfigError(
            f"{checkpoint} is no complete checkpoint; missing {', '.join(missing)}; "
            "`tod train CONFIG` writes them all"
        )
    if out.exists() and ExportManifest.of_folder(out) is None and any(out.iterdir()):
        raise ConfigError(f"{out} holds something that is no export; give --out another folder")
    import torch

    network = load_network(checkpoint, dtype=torch.float32)
    fresh = out.with_name(f".{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    files = _writer(engine)(network, fresh, dtype=dtype)
    for name in (*CHECKPOINT_FILES, *OPTIONAL_FILES):
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, fresh / name)
    manifest = ExportManifest(
        engine=engine,
        dtype=dtype,
        checkpoint=weights_checksum(checkpoint)[:CHECKSUM_LENGTH],
        exporter=version("todserve"),
        files={path.relative_to(fresh).as_posix(): sha256_of(path) for path in sorted(files)},
    )
    manifest.save(fresh)
    shutil.rmtree(out, ignore_errors=True)
    fresh.replace(out)
    return manifest


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
        engine: one of EXPORTED.
        dtype: float32 or int8.
        turns: how many turns of MultiWOZ's dev split to measure on.
        root: where the corpora are; the environment variable TOD_DATA when None.
        measure: False leaves the measurement out.

    Raises:
        ConfigError: the checkpoint cannot be exported.
        CorpusError: the corpus to measure on is missing.
    """
    from todserve.export.fidelity import TURNS, run_fidelity

    folder = out or Path("runs/exports") / f"{checkpoint.resolve().name}-{engine}-{dtype}"
    manifest = export_checkpoint(checkpoint, folder, engine=engine, dtype=dtype)
    size = sum((folder / name).stat().st_size for name in manifest.files) / 1e6
    print(f"{folder}: {engine} in {dtype}, {size:.1f} MB of checkpoint {manifest.checkpoint}")
    if measure:
        report = run_fidelity(checkpoint, folder, turns=turns or TURNS, root=root)
        beside = measured_folder(checkpoint, engine, dtype)
        beside.mkdir(parents=True, exist_ok=True)
        report.save(beside)
        print(report.markdown())
    return folder


def measured_folder(checkpoint: Path, engine: EngineName, dtype: Dtype) -> Path:
    """Return where a checkpoint keeps the fidelity of its exports."""
    return checkpoint / "fidelity" / f"{engine}-{dtype}"


def _writer(engine: EngineName) -> Callable[..., list[Path]]:
    """Return what writes an engine's files; its packages are imported only now."""
    if engine is EngineName.ONNX:
        from todserve.runtime.engines.onnx.onnx_export import export_onnx

        return export_onnx
    if engine is EngineName.TORCHSCRIPT:
        from todserve.runtime.engines.torchscript.torchscript_export import export_torchscript

        return export_torchscript
    if engine is EngineName.CTRANSLATE2:
        from todserve.runtime.engines.ctranslate2.ctranslate2_export import export_ctranslate2

        return export_ctranslate2
    raise ConfigError(
        f"engine {engine} runs a checkpoint as it is; expected one of {', '.join(EXPORTED)}"
    )
