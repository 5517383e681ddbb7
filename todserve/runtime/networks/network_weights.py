"""T5Weights: a network's weights as arrays, ready for engines that know no PyTorch.

The ONNX and TorchScript exports begin with it. What PyTorch works out while it runs (position
buckets, the scaled output matrix of tied weights, three projections of one input) is worked out
here once. Example:
``T5Weights.of(load_network(folder, dtype=torch.float32)).decoder[0].cross.query``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.errors import ConfigError

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
class T5Encoder:
    """T5's own encoder.

    Attributes:
        layers: in order.
        norm: (d_model,), after the last.
        bias: (2 x reach + 1, heads): bias of a key ``reach`` before to ``reach`` behind the query;
            a key farther away has the bias of the farthest.
    """

    layers: tuple[Layer, ...]
    norm: Array
    bias: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """A layer norm that takes off the mean: (d,) ``scale`` and (d,) ``shift``."""

    scale: Array
    shift: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class BertLayer:
    """One layer of a BERT, whose norms come after the sums.

    Attributes:
        qkv: (d, 3 d), projections of query, key and value side by side.
        qkv_bias: (3 d,).
        output: (d, d), of the attention.
        output_bias: (d,).
        attention_norm: after the attention and its residual.
        inner: (d, intermediate_size), under the activation.
        inner_bias: (intermediate_size,).
        outer: (intermediate_size, d).
        outer_bias: (d,).
        norm: after the network and its residual.
    """

    qkv: Array
    qkv_bias: Array
    output: Array
    output_bias: Array
    attention_norm: Scaling
    inner: Array
    inner_bias: Array
    outer: Array
    outer_bias: Array
    norm: Scaling


@dataclass(frozen=True, kw_only=True, slots=True)
class Bert:
    """A pretrained BERT in the encoder's place.

    Attributes:
        heads: attention heads, of d / heads each.
        epsilon: of the layer norms.
        positions: (max_position_embeddings, d), the one token type's embedding included.
        embedding_norm: of the sum of a token's and its position's embedding.
        layers: in order.
        mix: (d,), by which the embeddings are multiplied before they join the last layer.
    """

    heads: int
    epsilon: float
    positions: Array
    embedding_norm: Scaling
    layers: tuple[BertLayer, ...]
    mix: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class T5Weights:
    """All weights of a network with a T5 decoder, whichever encoder it has.

    Attributes:
        heads: attention heads.
        head_size: d_kv.
        epsilon: of the layer norms.
        activation: ``relu`` or ``gelu_new``.
        embedding: (vocabulary, d_model).
        encoder: T5's own, or a BERT.
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
    encoder: T5Encoder | Bert
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
            encoder=_bert(t5, arrays) if "encoder.mix" in arrays else _t5_encoder(t5, arrays),
            decoder=_layers(arrays, "decoder", config.num_decoder_layers),
            decoder_norm=arrays["decoder.final_layer_norm.weight"],
            decoder_bias=_bias_by_distance(t5, arrays, "decoder"),
            output=_turned(arrays["lm_head.weight"] * np.float32(scale)),
        )

    @property
    def reach(self) -> int:
        """Distance from which on every key has the same position bias."""
        return len(self.decoder_bias) - 1


def _t5_encoder(t5: Any, arrays: Mapping[str, Array]) -> T5Encoder:
    return T5Encoder(
        layers=_layers(arrays, "encoder", t5.config.num_layers),
        norm=arrays["encoder.final_layer_norm.weight"],
        bias=_bias_by_distance(t5, arrays, "encoder"),
    )


def _bert(t5: Any, arrays: Mapping[str, Array]) -> Bert:
    config = t5.encoder.config
    if config.hidden_act != "gelu":
        raise ConfigError(
            f"the encoder's activation is {config.hidden_act!r}; exports are written for 'gelu': "
            "serve this checkpoint with the torch engine"
        )
    place = "encoder.bert.embeddings"
    return Bert(
        heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        positions=arrays[f"{place}.position_embeddings.weight"]
        + arrays[f"{place}.token_type_embeddings.weight"][0],
        embedding_norm=_scaling(arrays, f"{place}.LayerNorm"),
        layers=tuple(
            _bert_layer(arrays, f"encoder.bert.encoder.layer.{index}")
            for index in range(config.num_hidden_layers)
        ),
        mix=arrays["encoder.mix"],
    )


def _bert_layer(arrays: Mapping[str, Array], place: str) -> BertLayer:
    asking = [f"{place}.attention.self.{name}" for name in ("query", "key", "value")]
    return BertLayer(
        qkv=np.concatenate([_turned(arrays[f"{name}.weight"]) for name in asking], axis=1),
        qkv_bias=np.concatenate([arrays[f"{name}.bias"] for name in asking]),
        output=_turned(arrays[f"{place}.attention.output.dense.weight"]),
        output_bias=arrays[f"{place}.attention.output.dense.bias"],
        attention_norm=_scaling(arrays, f"{place}.attention.output.LayerNorm"),
        inner=_turned(arrays[f"{place}.intermediate.dense.weight"]),
        inner_bias=arrays[f"{place}.intermediate.dense.bias"],
        outer=_turned(arrays[f"{place}.output.dense.weight"]),
        outer_bias=arrays[f"{place}.output.dense.bias"],
        norm=_scaling(arrays, f"{place}.output.LayerNorm"),
    )


def _scaling(arrays: Mapping[str, Array], place: str) -> Scaling:
    return Scaling(scale=arrays[f"{place}.weight"], shift=arrays[f"{place}.bias"])


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
