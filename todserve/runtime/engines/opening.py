"""Opening an engine: the only place that names one.

Stands between the checkpoint and the pipeline. An engine's packages are imported here, when it
is chosen, so that a worker pays for no other.
Example: ``open_engine(Path("checkpoints/multiwoz-small"), EngineSettings())``.
"""

from pathlib import Path

from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.base import Engine
from todserve.runtime.engines.settings import EngineSettings


def open_engine(
    folder: Path, settings: EngineSettings, *, model_file: Path | None = None
) -> Engine:
    """Load the network of a checkpoint folder and return the engine over it.

    Args:
        folder: a checkpoint folder.
        settings: engine, dtype and threads.
        model_file: where the network's class is; see ``checkpoint.load_network``.

    Raises:
        ConfigError: the weights cannot be loaded.
    """
    import torch

    from todserve.runtime.engines.torch_engine import TorchEngine

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    dtype = getattr(torch, settings.dtype)
    return TorchEngine(load_network(folder, dtype=dtype, model_file=model_file))
