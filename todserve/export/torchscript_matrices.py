"""Matrices of the TorchScript export: the products of a T5, in fp32 or in int8.

Below ``torchscript_layers``. Both classes answer to the same two calls, so that a layer is written
once for both. Example: ``Matrix(np.eye(4, dtype=np.float32))(rows)`` is ``rows``.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from todserve.export.weights import Array

_LARGEST = 127
_SMALLEST_SCALE = 1e-12  # an output whose weights are all 0 needs a scale too


class Matrix(nn.Module):
    """A matrix in fp32: (rows, inputs) -> (rows, outputs)."""

    weight: Tensor

    def __init__(self, weight: Array) -> None:
        """Keep ``weight`` (inputs, outputs)."""
        super().__init__()
        self.register_buffer("weight", torch.from_numpy(np.ascontiguousarray(weight)))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the product."""
        return torch.mm(rows, self.weight)

    @torch.jit.export
    def onto(self, hidden: Tensor, rows: Tensor) -> Tensor:
        """Return ``hidden`` plus the product."""
        return torch.addmm(hidden, rows, self.weight)


class Int8Matrix(nn.Module):
    """The same in int8: PyTorch's dynamic quantisation.

    Weights are brought to eight bits here, with a scale for each output; what is multiplied with
    them when it comes, with one scale and zero point for all rows of the call.
    """

    def __init__(self, weight: Array) -> None:
        """Quantise ``weight`` (inputs, outputs)."""
        super().__init__()
        turned = torch.from_numpy(np.ascontiguousarray(weight.T))
        scales = turned.abs().amax(dim=1).clamp(min=_SMALLEST_SCALE).double() / _LARGEST
        zeros = torch.zeros(len(turned), dtype=torch.long)
        with known_deprecation():
            quantised = torch.quantize_per_channel(turned, scales, zeros, 0, torch.qint8)
        self.packed = torch.ops.quantized.linear_prepack(quantised, None)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the product."""
        product: Tensor = torch.ops.quantized.linear_dynamic(rows, self.packed, False)
        return product

    @torch.jit.export
    def onto(self, hidden: Tensor, rows: Tensor) -> Tensor:
        """Return ``hidden`` plus the product."""
        return hidden + self.forward(rows)


@contextmanager
def known_deprecation() -> Iterator[None]:
    """Silence PyTorch's one announcement that its int8 tensors are to go; the version is pinned."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            message="torch.quantize_per_tensor, torch.quantize_per_channel and other quantized",
            category=UserWarning,
        )
        yield
