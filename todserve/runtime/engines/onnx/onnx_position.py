"""Decoder positions as ONNX operators: from some tokens to the states and caches after them.

``onnx_models`` makes both of its decoders with it: the exported step is one position, the exported
decoder any number of them, of each row its own. Sizes in the comments: R rows, Q positions of each,
S positions that are looked at, H heads. Example:
``decoded(graph, weights, tokens, bias, past, cross, mask)``.
"""

import numpy as np

from todserve.runtime.decoding.shortlist import Shortlist
from todserve.runtime.engines.onnx import onnx_layers as layers
from todserve.runtime.engines.onnx.onnx_graph import Graph, Shape
from todserve.runtime.networks.network_weights import T5Weights


def decoded(
    graph: Graph,
    weights: T5Weights,
    tokens: str,
    bias: str,
    past: list[tuple[str, str]],
    cross: list[tuple[str, str]],
    mask: str,
) -> tuple[str, list[tuple[str, str]]]:
    """Take some positions of each row through all decoder layers.

    Args:
        graph: gets the operators.
        weights: of the network.
        tokens: int64 (R, Q).
        bias: (R or 1, H, Q, S), added to the scores of the positions so far and these.
        past: keys and values of each layer, (R, H, S - Q, d_kv).
        cross: keys and values of each layer, (contexts, heads, length, d_kv); each context has as
            many rows as any other, one after another.
        mask: (contexts, 1, 1, length), added to the scores.

    Returns:
        states (R, Q, d_model) after the last norm, and the past with these positions in it.
    """
    hidden = graph.op("Gather", graph.constant("embedding", weights.embedding), tokens)
    present = []
    for index, layer in enumerate(weights.decoder):
        assert layer.cross is not None
        name = f"decoder.{index}"
        hidden, kept = layers.decoder_self_attention(
            graph, f"{name}.self", weights, layer.attention, hidden, past[index], bias
        )
        present.append(kept)
        hidden = layers.decoder_cross_attention(
            graph, f"{name}.cross", weights, layer.cross, hidden, cross[index], mask
        )
        hidden = layers.feed_forward(graph, f"{name}.ff", weights, layer.feed_forward, hidden)
    return layers.norm(graph, "decoder.norm", weights, weights.decoder_norm, hidden), present


def logits(graph: Graph, weights: T5Weights, states: str) -> str:
    """States (..., d_model) to logits (..., vocabulary)."""
    return graph.op("MatMul", states, graph.constant("output", weights.output))


def shortlisted(
    graph: Graph, weights: T5Weights, states: str, shortlist: Shortlist, more: str
) -> str:
    """States (asked, d_model) to the logits of a shortlist and of further tokens."""
    columns = graph.constant("output.short", weights.output[:, list(shortlist.ids)])
    rows = weights.output.T
    tied = np.array_equal(rows, weights.embedding)
    table = graph.constant("embedding", weights.embedding) if tied else graph.constant("rows", rows)
    added = graph.op("Transpose", graph.op("Gather", table, more), perm=[1, 0])
    parts = (graph.op("MatMul", states, columns), graph.op("MatMul", states, added))
    return graph.op("Concat", *parts, axis=1)


def pairs(
    graph: Graph, weights: T5Weights, name: str, length: str, rows: str
) -> list[tuple[str, str]]:
    """Declare a key and a value input for each decoder layer, (rows, heads, length, d_kv)."""
    shape: Shape = [rows, weights.heads, length, weights.head_size]
    return [
        (
            graph.input(f"{name}_key_{index}", "float", shape),
            graph.input(f"{name}_value_{index}", "float", shape),
        )
        for index in range(len(weights.decoder))
    ]


def distance_bias(graph: Graph, weights: T5Weights, distance: str) -> str:
    """How many positions before each query each key is, (R or 1, Q, S), to (R or 1, H, Q, S).

    A key that must not be looked at has the distance -1.
    """
    hidden = np.full((1, weights.heads), -layers.LARGE, dtype=np.float32)
    table = np.concatenate([hidden, weights.decoder_bias])
    row = graph.op("Min", distance, graph.integer(weights.reach))
    row = graph.op("Add", row, graph.integer(1))
    bias = graph.op("Gather", graph.constant("decoder.bias", table), row)
    return graph.op("Transpose", bias, perm=[0, 3, 1, 2])
