"""The spec of the TorchScript engine: how it opens and exports, and what packages it needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from todserve.runtime.engines.engine_spec import Dtype, EngineExport, EngineName, EngineSpec

if TYPE_CHECKING:
    import torch

    from todserve.runtime.engines.engine import Engine, LogitSource
    from todserve.runtime.engines.engine_settings import EngineSettings


def _open(folder: Path, settings: "EngineSettings", model_file: Path | None) -> "Engine":
    from todserve.runtime.engines.torchscript.torchscript_engine import TorchScriptEngine

    return TorchScriptEngine(folder, threads=settings.threads)


def _write(network: "torch.nn.Module", folder: Path, dtype: Dtype) -> list[Path]:
    from todserve.runtime.engines.torchscript.torchscript_export import export_torchscript

    return export_torchscript(network, folder, dtype=dtype)


def _logits(folder: Path) -> "LogitSource":
    from todserve.runtime.engines.torchscript.torchscript_logits import TorchScriptLogits

    return TorchScriptLogits(folder)


SPEC = EngineSpec(
    name=EngineName.TORCHSCRIPT,
    needs=("torch",),
    dtypes=(Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
    open=_open,
    export=EngineExport(write=_write, files=frozenset({"torchscript/model.pt"})),
    logits=_logits,
)
