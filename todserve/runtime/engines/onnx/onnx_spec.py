"""The spec of the ONNX engine: how it opens and exports, and what packages it needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from todserve.runtime.engines.engine_spec import Dtype, EngineExport, EngineName, EngineSpec

if TYPE_CHECKING:
    import torch

    from todserve.runtime.engines.engine import Engine, LogitSource
    from todserve.runtime.engines.engine_settings import EngineSettings


def _open(folder: Path, settings: "EngineSettings", model_file: Path | None) -> "Engine":
    from todserve.runtime.engines.onnx.onnx_engine import OnnxEngine

    return OnnxEngine(folder, threads=settings.threads)


def _write(network: "torch.nn.Module", folder: Path, dtype: Dtype) -> list[Path]:
    from todserve.runtime.engines.onnx.onnx_export import export_onnx

    return export_onnx(network, folder, dtype=dtype)


def _logits(folder: Path) -> "LogitSource":
    from todserve.runtime.engines.onnx.onnx_logits import OnnxLogits

    return OnnxLogits(folder)


SPEC = EngineSpec(
    name=EngineName.ONNX,
    needs=("onnxruntime",),
    dtypes=(Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
    open=_open,
    export=EngineExport(write=_write, files=frozenset({"onnx/encoder.onnx", "onnx/decoder.onnx"})),
    logits=_logits,
    is_shared=True,
)
