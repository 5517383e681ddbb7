"""A BERT as ONNX operators, ONNX Runtime's fused ones where it has them.

The ONNX export's encoder is made of it, in place of T5's layers, where a network's encoder is a
pretrained BERT. Attention and the activation with its bias are one operator each (domain
``com.microsoft``); the matrix products stay plain, so that they are kept in 8 bits like all others.
Sizes in the comments: C contexts, L their length, d hidden size. Example:
``bert_encoded(graph, weights, words, mask)``.
"""

from todserve.runtime.engines.onnx.onnx_graph import FUSED, INT32, Graph
from todserve.runtime.networks.network_weights import Array, Bert, BertLayer, Scaling


def bert_encoded(graph: Graph, weights: Bert, words: str, mask: str) -> str:
    """Embedded words (C, L, d) and int64 mask (C, L) to what the decoder looks at, (C, L, d)."""
    length = graph.op("Gather", graph.op("Shape", words), graph.integer(1))
    places = graph.op("Range", graph.integer(0), length, graph.integer(1))
    table = graph.constant("encoder.positions", weights.positions)
    placed = graph.op("Add", words, graph.op("Gather", table, places))
    norm = weights.embedding_norm
    first = graph.op(
        "LayerNormalization",
        placed,
        graph.constant("encoder.embedding.scale", norm.scale),
        graph.constant("encoder.embedding.shift", norm.shift),
        axis=-1,
        epsilon=weights.epsilon,
    )
    seen = graph.op("Cast", mask, to=INT32)
    hidden = first
    for index, layer in enumerate(weights.layers):
        hidden = _layer(graph, f"encoder.{index}", weights, layer, hidden, seen)
    mixed = graph.op("Mul", first, graph.constant("encoder.mix", weights.mix))
    return graph.op("Add", hidden, mixed)


def _layer(graph: Graph, name: str, weights: Bert, layer: BertLayer, hidden: str, seen: str) -> str:
    product = graph.op("MatMul", hidden, graph.constant(f"{name}.qkv", layer.qkv))
    width = layer.output.shape[0]
    widths = graph.integers(width, width, width)
    query, key, value = graph.ops("Split", [product, widths], 3, axis=-1)
    looked = graph.op(
        "MultiHeadAttention",
        query,
        key,
        value,
        graph.constant(f"{name}.qkv_bias", layer.qkv_bias),
        seen,
        num_heads=weights.heads,
        domain=FUSED,
    )
    looked = graph.op("MatMul", looked, graph.constant(f"{name}.output", layer.output))
    hidden = _summed(
        graph, f"{name}.attention", weights, looked, hidden, layer.attention_norm, layer.output_bias
    )
    inner = graph.op("MatMul", hidden, graph.constant(f"{name}.inner", layer.inner))
    bias = graph.constant(f"{name}.inner_bias", layer.inner_bias)
    inner = graph.op("BiasGelu", inner, bias, domain=FUSED)
    outer = graph.op("MatMul", inner, graph.constant(f"{name}.outer", layer.outer))
    return _summed(graph, f"{name}.ff", weights, outer, hidden, layer.norm, layer.outer_bias)


def _summed(
    graph: Graph,
    name: str,
    weights: Bert,
    product: str,
    hidden: str,
    norm: Scaling,
    bias: Array,
) -> str:
    """Norm of product, bias and residual together: (C, L, d)."""
    # Two sums and a norm, not SkipLayerNormalization: that operator takes three times as long.
    product = graph.op("Add", product, graph.constant(f"{name}.bias", bias))
    return graph.op(
        "LayerNormalization",
        graph.op("Add", product, hidden),
        graph.constant(f"{name}.scale", norm.scale),
        graph.constant(f"{name}.shift", norm.shift),
        axis=-1,
        epsilon=weights.epsilon,
    )
