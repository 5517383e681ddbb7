"""The layers of a T5 as ONNX operators: attention, feed-forward, norms.

``onnx_models`` and ``onnx_position`` put the exported encoder and decoder together from them. Every
function adds to ``graph`` and returns the name of its result. Sizes in the comments: C contexts, L
their length, R rows, Q positions of each, T before these, H heads, d d_model, D d_kv. Example:
``norm(graph, "encoder.norm", weights, scale, hidden)``.
"""

import numpy as np

from todserve.runtime.engines.onnx.onnx_graph import FLOAT, Graph
from todserve.runtime.networks.network_weights import Array, Attention, FeedForward, T5Weights

LARGE = 1e9
"""Subtracted from the score of what must not be looked at; its softmax is exactly 0 in fp32."""


def norm(graph: Graph, name: str, weights: T5Weights, scale: Array, hidden: str) -> str:
    """T5's layer norm: no mean is taken off and no bias added."""
    square = graph.op("Pow", hidden, graph.number(2))
    mean = graph.op("ReduceMean", square, axes=[-1], keepdims=1)
    epsilon = graph.number(weights.epsilon)
    size = graph.op("Sqrt", graph.op("Add", mean, epsilon))
    return graph.op("Mul", graph.op("Div", hidden, size), graph.constant(name, scale))


def feed_forward(
    graph: Graph, name: str, weights: T5Weights, part: FeedForward, hidden: str
) -> str:
    """Norm, network and residual: (..., d) -> (..., d)."""
    normed = norm(graph, f"{name}.norm", weights, part.norm, hidden)
    inner = graph.op("MatMul", normed, graph.constant(f"{name}.inner", part.inner))
    inner = _activation(graph, weights.activation, inner)
    if part.gate is not None:
        gate = graph.op("MatMul", normed, graph.constant(f"{name}.gate", part.gate))
        inner = graph.op("Mul", inner, gate)
    outer = graph.op("MatMul", inner, graph.constant(f"{name}.outer", part.outer))
    return graph.op("Add", hidden, outer)


def encoder_attention(
    graph: Graph, name: str, weights: T5Weights, part: Attention, hidden: str, bias: str
) -> str:
    """Self-attention over whole contexts: (C, L, d) -> (C, L, d); ``bias`` (C, H, L, L)."""
    normed = norm(graph, f"{name}.norm", weights, part.norm, hidden)
    query, key, value = _projections(graph, name, part, normed)
    query = _by_head(graph, weights, query)
    key = graph.op("Transpose", _spread(graph, weights, key), perm=[0, 2, 3, 1])
    value = _by_head(graph, weights, value)
    scores = graph.op("Add", graph.op("MatMul", query, key), bias)
    looked = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
    looked = graph.op("Transpose", looked, perm=[0, 2, 1, 3])
    looked = graph.op("Reshape", looked, graph.integers(0, 0, -1))
    return _finish(graph, name, part, looked, hidden)


def cross_memory(
    graph: Graph, name: str, weights: T5Weights, part: Attention, encoded: str
) -> tuple[str, str]:
    """Keys and values a decoder layer looks at, (C, H, L, D) each; the same at every step."""
    key = graph.op("MatMul", encoded, graph.constant(f"{name}.key", part.key))
    value = graph.op("MatMul", encoded, graph.constant(f"{name}.value", part.value))
    return _by_head(graph, weights, key), _by_head(graph, weights, value)


def decoder_self_attention(
    graph: Graph,
    name: str,
    weights: T5Weights,
    part: Attention,
    hidden: str,
    past: tuple[str, str],
    bias: str,
) -> tuple[str, tuple[str, str]]:
    """Some positions look at those before them and themselves: (R, Q, d) -> (R, Q, d).

    ``past`` is keys and values (R, H, T, D); what is returned beside has T + Q; ``bias`` is
    (R or 1, H, Q, T + Q).
    """
    normed = norm(graph, f"{name}.norm", weights, part.norm, hidden)
    query, key, value = (
        _by_head(graph, weights, one) for one in _projections(graph, name, part, normed)
    )
    keys = graph.op("Concat", past[0], key, axis=2)
    values = graph.op("Concat", past[1], value, axis=2)
    looked = _look(graph, query, (keys, values), bias)
    looked = graph.op("Reshape", looked, graph.integers(0, 0, -1))
    return _finish(graph, name, part, looked, hidden), (keys, values)


def decoder_cross_attention(
    graph: Graph,
    name: str,
    weights: T5Weights,
    part: Attention,
    hidden: str,
    memory: tuple[str, str],
    mask: str,
) -> str:
    """Some positions look at their context: (R, Q, d) -> (R, Q, d).

    ``memory`` is keys and values (C, H, L, D) and ``mask`` (C, 1, 1, L). Rows of the same context
    follow one another and are taken as further positions of one row, so that what they look at is
    read once for all of them.
    """
    normed = norm(graph, f"{name}.norm", weights, part.norm, hidden)
    query = graph.op("MatMul", normed, graph.constant(f"{name}.query", part.query))
    contexts = graph.op("Shape", memory[0], end=1)
    heads, size = weights.heads, weights.head_size
    split = graph.op("Concat", contexts, graph.integers(-1, heads, size), axis=0)
    query = graph.op("Transpose", graph.op("Reshape", query, split), perm=[0, 2, 1, 3])
    looked = _look(graph, query, memory, mask)
    rows = graph.op("Shape", hidden, end=2)
    joined = graph.op("Concat", rows, graph.integers(heads * size), axis=0)
    return _finish(graph, name, part, graph.op("Reshape", looked, joined), hidden)


def mask_bias(graph: Graph, mask: str) -> str:
    """Turn int64 1 and 0 into float 0 and a large negative number, in the same shape."""
    seen = graph.op("Cast", mask, to=FLOAT)
    one = graph.number(1)
    large = graph.number(LARGE)
    return graph.op("Mul", graph.op("Sub", seen, one), large)


def _projections(graph: Graph, name: str, part: Attention, normed: str) -> list[str]:
    # One product instead of three: the operators' own cost is what counts at this size.
    joined = np.concatenate([part.query, part.key, part.value], axis=1)
    product = graph.op("MatMul", normed, graph.constant(f"{name}.qkv", joined))
    width = part.query.shape[1]
    return graph.ops("Split", [product, graph.integers(width, width, width)], 3, axis=-1)


def _look(graph: Graph, query: str, memory: tuple[str, str], bias: str) -> str:
    """Queries (R, H, Q, D) at keys and values (R, H, T, D) to (R, Q, H, D)."""
    keys = graph.op("Transpose", memory[0], perm=[0, 1, 3, 2])
    scores = graph.op("Add", graph.op("MatMul", query, keys), bias)
    looked = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), memory[1])
    return graph.op("Transpose", looked, perm=[0, 2, 1, 3])


def _finish(graph: Graph, name: str, part: Attention, looked: str, hidden: str) -> str:
    output = graph.op("MatMul", looked, graph.constant(f"{name}.output", part.output))
    return graph.op("Add", hidden, output)


def _spread(graph: Graph, weights: T5Weights, flat: str) -> str:
    return graph.op("Reshape", flat, graph.integers(0, 0, weights.heads, weights.head_size))


def _by_head(graph: Graph, weights: T5Weights, flat: str) -> str:
    return graph.op("Transpose", _spread(graph, weights, flat), perm=[0, 2, 1, 3])


def _activation(graph: Graph, name: str, inner: str) -> str:
    if name == "relu":
        return graph.op("Relu", inner)
    if name != "gelu_new":
        raise ValueError(f"activation {name!r}; expected relu or gelu_new")
    half, cubic, root = (graph.number(one) for one in (0.5, 0.044715, (2 / np.pi) ** 0.5))
    one = graph.number(1)
    three = graph.number(3)
    bent = graph.op("Add", inner, graph.op("Mul", cubic, graph.op("Pow", inner, three)))
    turned = graph.op("Tanh", graph.op("Mul", root, bent))
    return graph.op("Mul", graph.op("Mul", half, inner), graph.op("Add", one, turned))
