"""The ONNX export: writes a network as three ONNX models, in fp32 or with 8-bit matrix products.

``tod export --format onnx`` calls it. ``onnx_engine`` runs ``onnx/encoder.onnx`` and
``onnx/decoder.onnx``; ``onnx/step.onnx``, one position with past keys and values, is for whoever
drives the decoder with a loop of their own. Example: ``export_onnx(network, Path("out"))``.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from todserve.runtime.decoding.shortlist import SHORTLIST_FILE, Shortlist
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.onnx.onnx_models import decoder, encoder, step
from todserve.runtime.networks.network_weights import T5Weights

if TYPE_CHECKING:
    import torch

FOLDER = "onnx"

_Model = Callable[[T5Weights, Shortlist | None], onnx.ModelProto]
_MODELS: Mapping[str, _Model] = {
    "encoder.onnx": lambda weights, _: encoder(weights),
    "decoder.onnx": decoder,
    "step.onnx": lambda weights, _: step(weights),
}
_OF_THE_ENGINE = ("encoder.onnx", "decoder.onnx")


def export_onnx(network: "torch.nn.Module", folder: Path, *, dtype: Dtype) -> list[Path]:
    """Write the models below ``folder`` and return those that the engine needs.

    Args:
        network: a T5ForConditionalGeneration in fp32.
        folder: the export folder; a ``shortlist.json`` in it narrows the decoder's output.
        dtype: float32 or int8: then the weights of every matrix product are kept in 8 bits and
            its inputs are brought to 8 bits while it runs; sums, norms and softmax stay in fp32.
    """
    weights = T5Weights.of(network)
    shortlist = Shortlist.load(folder / SHORTLIST_FILE, vocabulary=weights.output.shape[1])
    out = folder / FOLDER
    out.mkdir(parents=True, exist_ok=True)
    for name, model in _MODELS.items():
        if dtype is Dtype.INT8:
            _quantize(model(weights, shortlist), out / name)
        else:
            onnx.save(model(weights, shortlist), out / name)
    return [out / name for name in _OF_THE_ENGINE]


def _quantize(model: onnx.ModelProto, path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises on the root logger to preprocess; shapes are known
    try:
        with tempfile.TemporaryDirectory(prefix="tod-export-") as folder:
            plain = Path(folder) / "plain.onnx"
            onnx.save(model, plain)
            quantize_dynamic(
                plain,
                path,
                op_types_to_quantize=["MatMul"],
                weight_type=QuantType.QInt8,
                per_channel=True,
                # Products of two activations (attention) stay as they are.
                # Behind fused operators no type can be inferred; all that is multiplied is fp32.
                extra_options={
                    "MatMulConstBOnly": True,
                    "DefaultTensorType": onnx.TensorProto.FLOAT,
                },
            )
    finally:
        root.setLevel(level)
