"""Engine choice: finds out which engine can run a folder, and opens that engine over it.

Used once, when a worker starts. An engine's packages are imported only when it
is opened, so that a worker pays for no other. Example: ``open_engine(Path("checkpoints/multiwoz"),
EngineSettings())``.
"""

from pathlib import Path

from todserve.runtime.engines.engine import Engine
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest


def open_engine(
    folder: Path, settings: EngineSettings, *, model_file: Path | None = None
) -> Engine:
    """Load the network of a checkpoint or export folder and return the engine over it.

    Args:
        folder: a checkpoint folder, or what `tod export` made of one.
        settings: engine, dtype and threads.
        model_file: where the network's class is, for an engine that needs it; see
            ``checkpoint.load_network``.

    Raises:
        ConfigError: the weights cannot be loaded, or the folder is no export for the engine.
    """
    spec = settings.engine.spec
    if spec.export is None:
        return spec.open(folder, settings, model_file)
    manifest = ExportManifest.of_folder(folder)
    if manifest is None or manifest.engine is not settings.engine:
        found = "a checkpoint" if manifest is None else f"an export for engine {manifest.engine}"
        raise ConfigError(
            f"{folder} is {found}; engine {settings.engine} needs what "
            f"`tod export --format {settings.engine}` writes"
        )
    return spec.open(folder, settings, model_file)


def default_settings(folder: Path) -> EngineSettings:
    """Return settings for a folder that nobody chose any for: its own engine, or the reference."""
    manifest = ExportManifest.of_folder(folder)
    if manifest is None:
        return EngineSettings()
    return EngineSettings(engine=manifest.engine, dtype=manifest.dtype)
