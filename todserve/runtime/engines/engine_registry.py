"""Opening an engine: the only place that names one.

Stands between the checkpoint and the pipeline. An engine's packages are imported here, when it
is chosen, so that a worker pays for no other.
Example: ``open_engine(Path("checkpoints/multiwoz"), EngineSettings())``.
"""

from pathlib import Path

from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine import Engine
from todserve.runtime.engines.engine_settings import EngineName, EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest


def open_engine(
    folder: Path, settings: EngineSettings, *, model_file: Path | None = None
) -> Engine:
    """Load the network of a checkpoint or export folder and return the engine over it.

    Args:
        folder: a checkpoint folder, or what `tod export` made of one.
        settings: engine, dtype and threads.
        model_file: where the network's class is, for the torch engine; see
            ``checkpoint.load_network``.

    Raises:
        ConfigError: the weights cannot be loaded, or the folder is no export for the engine.
    """
    if settings.engine is EngineName.TORCH:
        return _torch(folder, settings, model_file)
    manifest = ExportManifest.of_folder(folder)
    if manifest is None or manifest.engine is not settings.engine:
        found = "a checkpoint" if manifest is None else f"an export for engine {manifest.engine}"
        raise ConfigError(
            f"{folder} is {found}; engine {settings.engine} needs what "
            f"`tod export --format {settings.engine}` writes"
        )
    if settings.engine is EngineName.ONNX:
        from todserve.runtime.engines.onnx.onnx_engine import OnnxEngine

        return OnnxEngine(folder, threads=settings.threads)
    if settings.engine is EngineName.TORCHSCRIPT:
        from todserve.runtime.engines.torchscript.torchscript_engine import TorchScriptEngine

        return TorchScriptEngine(folder, threads=settings.threads)
    from todserve.runtime.engines.ctranslate2.ctranslate2_engine import CTranslate2Engine

    return CTranslate2Engine(folder, threads=settings.threads)


def default_settings(folder: Path) -> EngineSettings:
    """Return the settings of a folder nobody chose settings for: its own engine, or torch."""
    manifest = ExportManifest.of_folder(folder)
    if manifest is None:
        return EngineSettings()
    return EngineSettings(engine=manifest.engine, dtype=manifest.dtype)


def _torch(folder: Path, settings: EngineSettings, model_file: Path | None) -> Engine:
    import torch

    from todserve.runtime.engines.torch.torch_engine import TorchEngine

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    dtype = getattr(torch, settings.dtype)
    return TorchEngine(load_network(folder, dtype=dtype, model_file=model_file))
