"""T5Weights: a network's weights as arrays, ready for engines that know no PyTorch.

First step of every export. What PyTorch works out while it runs (position buckets, the scaled
output matrix of tied weights, three projections of one input) is worked out here once.
Example: ``T5Weights.of(load_network(folder, dtype=torch.float32)).decoder[0].cross.query``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Projections of one attention, each (d_model, heads x d_kv) but ``output``, its transpose.

    Attributes:
        norm: (d_model,) scale of the layer norm before it.
        query: of the states that ask.
        key: of the states that are looked at.
        value: of the states that are looked at.
        output: (heads x d_kv, d_model).
    """

    norm: Array
    query: Array
    key: Array
    value: Array
    output: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedForward:
    """The two-matrix (or gated, three-matrix) network after the attentions.

    Attributes:
        norm: (d_model,) scale of the layer norm before it.
        inner: (d_model, d_ff), under the activation.
        gate: (d_model, d_ff), multiplied with it; None where T5 has no gate.
        outer: (d_ff, d_model).
    """

    norm: Array
    inner: Array
    gate: Array | None
    outer: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer; an encoder's has no ``cross``."""

    attention: Attention
    cross: Attention | None
    feed_forward: FeedForward


@dataclass(frozen=True, kw_only=True, slots=True)
class T5Weights:
    """All a T5 knows.

    Attributes:
        heads: attention heads.
        head_size: d_kv.
        epsilon: of the layer norms.
        activation: ``relu`` or ``gelu_new``.
        embedding: (vocabulary, d_model).
        encoder: its layers.
        encoder_norm: (d_model,), after the last.
        encoder_bias: (2 x reach + 1, heads): bias of a key ``reach`` before to ``reach`` behind
            the query; a key farther away has the bias of the farthest.
        decoder: its layers.
        decoder_norm: (d_model,), after the last.
        decoder_bias: (reach + 1, heads): bias of a key 0 to ``reach`` before the query.
        output: (d_model, vocabulary), the scale of tied weights included.
    """

    heads: int
    head_size: int
    epsilon: float
    activation: str
    embedding: Array
    encoder: tuple[Layer, ...]
    encoder_norm: Array
    encoder_bias: Array
    decoder: tuple[Layer, ...]
    decoder_norm: Array
    decoder_bias: Array
    output: Array

    @classmethod
    def of(cls, network: "torch.nn.Module") -> Self:
        """Take the weights out of a T5ForConditionalGeneration."""
        t5: Any = network
        config = t5.config
        arrays = {
            name: tensor.detach().float().cpu().numpy() for name, tensor in t5.state_dict().items()
        }
        scale = config.d_model**-0.5 if config.scale_decoder_outputs else 1.0
        return cls(
            heads=config.num_heads,
            head_size=config.d_kv,
            epsilon=config.layer_norm_epsilon,
            activation=config.dense_act_fn,
            embedding=arrays["shared.weight"],
            encoder=_layers(arrays, "encoder", config.num_layers),
            encoder_norm=arrays["encoder.final_layer_norm.weight"],
            encoder_bias=_bias_by_distance(t5, arrays, "encoder"),
            decoder=_layers(arrays, "decoder", config.num_decoder_layers),
            decoder_norm=arrays["decoder.final_layer_norm.weight"],
            decoder_bias=_bias_by_distance(t5, arrays, "decoder"),
            output=_turned(arrays["lm_head.weight"] * np.float32(scale)),
        )

    @property
    def reach(self) -> int:
        """Distance from which on every key has the same position bias."""
        return len(self.decoder_bias) - 1


def _layers(arrays: Mapping[str, Array], stack: str, count: int) -> tuple[Layer, ...]:
    return tuple(_layer(arrays, f"{stack}.block.{index}.layer", stack) for index in range(count))


def _layer(arrays: Mapping[str, Array], place: str, stack: str) -> Layer:
    decodes = stack == "decoder"
    return Layer(
        attention=_attention(arrays, f"{place}.0", "SelfAttention"),
        cross=_attention(arrays, f"{place}.1", "EncDecAttention") if decodes else None,
        feed_forward=_feed_forward(arrays, f"{place}.{2 if decodes else 1}"),
    )


def _attention(arrays: Mapping[str, Array], place: str, kind: str) -> Attention:
    query, key, value, output = (
        _turned(arrays[f"{place}.{kind}.{name}.weight"]) for name in ("q", "k", "v", "o")
    )
    norm = arrays[f"{place}.layer_norm.weight"]
    return Attention(norm=norm, query=query, key=key, value=value, output=output)


def _feed_forward(arrays: Mapping[str, Array], place: str) -> FeedForward:
    name = f"{place}.DenseReluDense"
    gated = f"{name}.wi_0.weight" in arrays
    return FeedForward(
        norm=arrays[f"{place}.layer_norm.weight"],
        inner=_turned(arrays[f"{name}.wi_0.weight" if gated else f"{name}.wi.weight"]),
        gate=_turned(arrays[f"{name}.wi_1.weight"]) if gated else None,
        outer=_turned(arrays[f"{name}.wo.weight"]),
    )


def _turned(matrix: Array) -> Array:
    # PyTorch keeps (output, input); a product written x @ W wants (input, output).
    return np.ascontiguousarray(matrix.T)


def _bias_by_distance(t5: Any, arrays: Mapping[str, Array], stack: str) -> Array:
    """Return (distances, heads): a row for each distance that has a bias of its own."""
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    config = t5.config
    reach = config.relative_attention_max_distance
    first = -reach if stack == "encoder" else 0
    # transformers' own function, so that no rounding of its logarithm differs.
    buckets = T5Attention._relative_position_bucket(
        -torch.arange(first, reach + 1) if first == 0 else torch.arange(first, reach + 1),
        bidirectional=stack == "encoder",
        num_buckets=config.relative_attention_num_buckets,
        max_distance=reach,
    )
    table = arrays[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    return np.ascontiguousarray(table[buckets.numpy()])
