"""The spec of the reference engine, PyTorch: how it is opened, and which packages it needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from todserve.runtime.engines.engine_spec import Dtype, EngineName, EngineSpec

if TYPE_CHECKING:
    from todserve.runtime.engines.engine import Engine, LogitSource
    from todserve.runtime.engines.engine_settings import EngineSettings


def _open(folder: Path, settings: "EngineSettings", model_file: Path | None) -> "Engine":
    import torch

    from todserve.runtime.checkpoint import load_network
    from todserve.runtime.engines.torch.torch_engine import TorchEngine

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    dtype = getattr(torch, settings.dtype)
    return TorchEngine(load_network(folder, dtype=dtype, model_file=model_file))


def _logits(folder: Path) -> "LogitSource":
    import torch

    from todserve.runtime.checkpoint import load_network
    from todserve.runtime.engines.torch.torch_logits import TorchLogits

    return TorchLogits(load_network(folder, dtype=torch.float32))


SPEC = EngineSpec(
    name=EngineName.TORCH,
    needs=("torch", "transformers", "safetensors"),
    dtypes=(Dtype.FLOAT32, Dtype.BFLOAT16),
    open=_open,
    export=None,
    logits=_logits,
)
