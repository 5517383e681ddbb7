"""Position: one decoder position as ONNX operators, from its token to the logits after it.

Between the layers and the models: the exported step is one position, the exported search is one
in a loop. Example: ``one_position(graph, weights, tokens, past, cross, mask)``.
"""

import numpy as np

from todserve.runtime.engines.onnx import onnx_layers as layers
from todserve.runtime.engines.onnx.onnx_graph import Graph, Shape
from todserve.runtime.networks.network_weights import Array, T5Weights


def one_position(
    graph: Graph,
    weights: T5Weights,
    tokens: str,
    past: list[tuple[str, str]],
    cross: list[tuple[str, str]],
    mask: str,
) -> tuple[str, list[tuple[str, str]]]:
    """Take one position through all decoder layers.

    Args:
        graph: gets the operators.
        weights: of the network.
        tokens: int64 (rows).
        past: keys and values of each layer, (rows, heads, positions, d_kv).
        cross: keys and values of each layer, (rows, heads, length, d_kv).
        mask: (rows, 1, length, 1), added to the scores.

    Returns:
        logits (rows, vocabulary), and the past with this position in it.
    """
    hidden = graph.op("Gather", graph.constant("embedding", weights.embedding), tokens)
    bias = _step_bias(graph, weights, past[0][0])
    present = []
    for index, layer in enumerate(weights.decoder):
        assert layer.cross is not None
        name = f"decoder.{index}"
        hidden, kept = layers.step_self_attention(
            graph, f"{name}.self", weights, layer.attention, hidden, past[index], bias
        )
        present.append(kept)
        hidden = layers.step_cross_attention(
            graph, f"{name}.cross", weights, layer.cross, hidden, cross[index], mask
        )
        hidden = layers.feed_forward(graph, f"{name}.ff", weights, layer.feed_forward, hidden)
    hidden = layers.norm(graph, "decoder.norm", weights, weights.decoder_norm, hidden)
    return graph.op("MatMul", hidden, graph.constant("output", weights.output)), present


def pairs(
    graph: Graph, weights: T5Weights, name: str, length: str, rows: str = "rows"
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


def _step_bias(graph: Graph, weights: T5Weights, past: str) -> str:
    """(1, H, T + 1, 1): from the farthest key to the position itself."""
    position = graph.op("Gather", graph.op("Shape", past), graph.integer(2))
    distance = graph.op("Range", position, graph.integer(-1), graph.integer(-1))
    row = graph.op("Min", distance, graph.integer(weights.reach))
    table = _by_head(weights.decoder_bias)
    bias = graph.op("Gather", graph.constant("decoder.bias", table), row, axis=1)
    return graph.op("Unsqueeze", bias, graph.integers(0, 3))


def _by_head(table: Array) -> Array:
    return np.ascontiguousarray(table.T)
