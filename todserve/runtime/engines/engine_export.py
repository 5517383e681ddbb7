"""Engine export: makes of a checkpoint a folder that an engine other than PyTorch can serve.

``tod export CHECKPOINT --format onnx`` calls it before it measures; ``tod archive`` packs the
folder as it packs a checkpoint. Each format is written in its engine's own folder beside this
module (``onnx/onnx_export.py``). Example:
``export_checkpoint(folder, out, engine=EngineName.ONNX, dtype=Dtype.INT8)``.
"""

import shutil
from importlib.metadata import version
from pathlib import Path

from todserve.runtime.checkpoint import (
    CHECKPOINT_FILES,
    CHECKSUM_LENGTH,
    OPTIONAL_FILES,
    load_network,
    weights_checksum,
)
from todserve.runtime.engines.engine_spec import (
    Dtype,
    EngineExport,
    EngineName,
    exported_engines,
)
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.export_manifest import MANIFEST_FILE, ExportManifest, sha256_of


def export_checkpoint(
    checkpoint: Path, out: Path, *, engine: EngineName, dtype: Dtype
) -> ExportManifest:
    """Write the folder ``out``; an export that is there already is replaced.

    Args:
        checkpoint: what `tod train` wrote.
        out: the folder to write; nothing changes in it unless the export succeeds.
        engine: one that needs an export.
        dtype: one of the engine's ``export_dtypes``.

    Raises:
        ConfigError: the checkpoint is not whole, the engine needs no export or does not compute in
            ``dtype``, or ``out`` holds something else.
    """
    export = _export_of(engine, dtype)
    missing = [name for name in CHECKPOINT_FILES if not (checkpoint / name).is_file()]
    if missing:
        raise ConfigError(
            f"{checkpoint} is no complete checkpoint; missing {', '.join(missing)}; "
            "`tod train CONFIG` writes them all"
        )
    if out.exists() and not (out / MANIFEST_FILE).is_file() and any(out.iterdir()):
        raise ConfigError(f"{out} holds something that is no export; give --out another folder")
    import torch

    network = load_network(checkpoint, dtype=torch.float32)
    fresh = out.with_name(f".{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in (*CHECKPOINT_FILES, *OPTIONAL_FILES):
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, fresh / name)
    files = export.write(network, fresh, dtype)
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


def _export_of(engine: EngineName, dtype: Dtype) -> EngineExport:
    """Return how the engine's files are written, once it is known that they can be in ``dtype``."""
    spec = engine.spec
    if spec.export is None:
        raise ConfigError(
            f"engine {engine} runs a checkpoint as it is; expected one of "
            f"{', '.join(exported_engines())}"
        )
    if dtype not in spec.export_dtypes:
        raise ConfigError(
            f"no export for engine {engine} in {dtype}; expected {' or '.join(spec.export_dtypes)}"
        )
    return spec.export
