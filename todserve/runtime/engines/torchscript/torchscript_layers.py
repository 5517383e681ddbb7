"""The layers of the TorchScript export: a T5's parts as plain PyTorch modules.

They are built from a network's arrays (``T5Weights``) and need no transformers, neither here nor
where they are loaded. Example: ``FeedForwardLayer(weights, layer.feed_forward, Matrix)(hidden)``.

At a turn's sizes an operator's own cost outweighs its arithmetic, so there are few: projections of
one input are one product, keys and values one tensor. Sizes in the comments: N tokens of all
contexts, C contexts, L the longest, R rows, T positions there is room for, d d_model, H heads, D
d_kv.

Their products are a ``Matrix`` in fp32 or an ``Int8Matrix``, which answer to the same two calls, so
that a layer is written once for both: ``Matrix(np.eye(4, dtype=np.float32))(rows)`` is ``rows``.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from todserve.runtime.networks.network_weights import (
    Array,
    Attention,
    FeedForward,
    Layer,
    T5Weights,
)

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


MatrixKind = type[Matrix] | type[Int8Matrix]


class Norm(nn.Module):
    """T5's layer norm, as ``x / sqrt(sum(x * x) + d * epsilon) * (sqrt(d) * scale)``.

    The scale could be a factor of the matrix behind it and cost nothing, but in int8 it has to
    stay here: it is small where T5's states are large, and all of them share one range.
    """

    scale: Tensor
    least: Tensor

    def __init__(self, weights: T5Weights, scale: Array) -> None:
        """Take epsilon from ``weights``, and ``scale`` (d)."""
        super().__init__()
        size = len(scale)
        self.register_buffer("scale", torch.from_numpy(scale * np.float32(size**0.5)))
        self.register_buffer("least", torch.tensor((size * weights.epsilon) ** 0.5))

    def forward(self, hidden: Tensor) -> Tensor:
        """(rows, d) -> (rows, d)."""
        length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        return hidden / torch.hypot(length, self.least) * self.scale


class FeedForwardLayer(nn.Module):
    """Norm, network and residual: (rows, d) -> (rows, d)."""

    def __init__(self, weights: T5Weights, part: FeedForward, kind: MatrixKind) -> None:
        """Join the gate, where there is one, to the inner matrix.

        Raises:
            ValueError: an activation that is not written here.
        """
        super().__init__()
        if weights.activation not in ("relu", "gelu_new"):
            raise ValueError(f"activation {weights.activation!r}; expected relu or gelu_new")
        inner = [part.inner] if part.gate is None else [part.inner, part.gate]
        self.norm = Norm(weights, part.norm)
        self.inner = kind(joined(*inner))
        self.outer = kind(part.outer)
        self.gated = part.gate is not None
        self.relu = weights.activation == "relu"

    def forward(self, hidden: Tensor) -> Tensor:
        """(rows, d) -> (rows, d)."""
        inner = self.inner(self.norm(hidden))
        if self.gated:
            inner, gate = inner.chunk(2, dim=1)
            return self.outer.onto(hidden, self._bent(inner) * gate)
        return self.outer.onto(hidden, self._bent(inner))

    def _bent(self, inner: Tensor) -> Tensor:
        if self.relu:
            return torch.relu(inner)
        return functional.gelu(inner, approximate="tanh")


class EncoderLayer(nn.Module):
    """One layer over all tokens of all contexts."""

    def __init__(self, weights: T5Weights, layer: Layer, kind: MatrixKind) -> None:
        """Take one of ``weights.encoder``."""
        super().__init__()
        part = layer.attention
        self.heads = weights.heads
        self.head_size = weights.head_size
        self.norm = Norm(weights, part.norm)
        self.qkv = kind(joined(part.query, part.key, part.value))
        self.output = kind(part.output)
        self.feed_forward = FeedForwardLayer(weights, layer.feed_forward, kind)

    def forward(self, hidden: Tensor, cells: Tensor, places: Tensor, bias: Tensor) -> Tensor:
        """(N, d) -> (N, d).

        Tokens lie one after another and padding exists only while they look at each other:
        ``cells`` (C x L) names the token in each cell of the padded table, ``places`` (N) the
        cell of each token. ``bias`` (C, H, L, L) is for distance and padding.
        """
        contexts, longest = bias.shape[0], bias.shape[2]
        table = self.qkv(self.norm(hidden)).index_select(0, cells)
        table = table.view(contexts, longest, 3, self.heads, self.head_size)
        query, key, value = table.permute(2, 0, 3, 1, 4).unbind(0)
        looked = functional.scaled_dot_product_attention(query, key, value, bias, scale=1.0)
        looked = looked.transpose(1, 2).reshape(-1, self.heads * self.head_size)
        return self.feed_forward(self.output.onto(hidden, looked.index_select(0, places)))  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """One layer at one position of every row."""

    def __init__(self, weights: T5Weights, layer: Layer, kind: MatrixKind) -> None:
        """Take one of ``weights.decoder``; keys and values of the contexts are the encoder's."""
        super().__init__()
        part, cross = layer.attention, _cross(layer)
        self.heads = weights.heads
        self.head_size = weights.head_size
        self.norm = Norm(weights, part.norm)
        self.qkv = kind(joined(part.query, part.key, part.value))
        self.output = kind(part.output)
        self.cross_norm = Norm(weights, cross.norm)
        self.cross_query = kind(cross.query)
        self.cross_output = kind(cross.output)
        self.feed_forward = FeedForwardLayer(weights, layer.feed_forward, kind)

    def forward(
        self,
        hidden: Tensor,
        position: int,
        past: Tensor,
        bias: Tensor,
        memory: Tensor,
        unseen: Tensor,
    ) -> Tensor:
        """(R, d) -> (R, d), and the position's keys and values go into ``past``.

        ``past`` (R, 2, H, T, D), ``bias`` (1, H, 1, position + 1) by distance, ``memory``
        (R, 2, H, L, D) of the contexts, ``unseen`` (R, 1, 1, L) hides their padding.
        """
        rows, size = hidden.shape[0], self.heads * self.head_size
        qkv = self.qkv(self.norm(hidden)).view(rows, 3, self.heads, self.head_size)
        past.select(3, position).copy_(qkv.narrow(1, 1, 2))
        key, value = past.narrow(3, 0, position + 1).unbind(1)
        query = qkv.select(1, 0).unsqueeze(2)
        looked = functional.scaled_dot_product_attention(query, key, value, bias, scale=1.0)
        hidden = self.output.onto(hidden, looked.reshape(rows, size))
        query = self.cross_query(self.cross_norm(hidden)).view(rows, self.heads, 1, self.head_size)
        key, value = memory.unbind(1)
        looked = functional.scaled_dot_product_attention(query, key, value, unseen, scale=1.0)
        return self.feed_forward(self.cross_output.onto(hidden, looked.reshape(rows, size)))  # type: ignore[no-any-return]


def memory_matrix(layer: Layer) -> Array:
    """Return what turns the encoder's states into a decoder layer's keys and values."""
    cross = _cross(layer)
    return joined(cross.key, cross.value)


def joined(*matrices: Array) -> Array:
    """Return one matrix for several (d, outputs) that read the same."""
    return np.concatenate(matrices, axis=1)


def _cross(layer: Layer) -> Attention:
    if layer.cross is None:
        raise ValueError("an encoder's layer where a decoder's was expected")
    return layer.cross
