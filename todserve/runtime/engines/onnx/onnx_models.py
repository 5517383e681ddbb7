"""The exported ONNX models: the encoder, the decoder, and one decoder step for other runtimes.

``tod export --format onnx`` writes them to files; they are put together from ``onnx_layers`` and
``onnx_position``. Sizes are dynamic: contexts, length (of the longest), rows, positions. Example:
``encoder(weights).graph.output[0].name == "cross_key_0"``.
"""

import onnx

from todserve.runtime.decoding.shortlist import Shortlist
from todserve.runtime.engines.onnx import onnx_layers as layers
from todserve.runtime.engines.onnx.onnx_bert import bert_encoded
from todserve.runtime.engines.onnx.onnx_graph import Graph, Shape
from todserve.runtime.engines.onnx.onnx_position import (
    decoded,
    distance_bias,
    logits,
    pairs,
    shortlisted,
)
from todserve.runtime.networks.network_weights import Bert, T5Encoder, T5Weights


def encoder(weights: T5Weights) -> onnx.ModelProto:
    """Contexts to what the decoder looks at.

    Inputs: ``ids`` and ``mask``, int64 (contexts, length). Outputs: ``cross_key_i`` and
    ``cross_value_i`` of every decoder layer, (contexts, heads, length, d_kv), and ``states``, what
    they are projected from, (contexts, length, d_model): an intent model looks at it.
    """
    graph = Graph("encoder")
    ids = graph.input("ids", "int64", ["contexts", "length"])
    mask = graph.input("mask", "int64", ["contexts", "length"])
    words = graph.op("Gather", graph.constant("embedding", weights.embedding), ids)
    if isinstance(weights.encoder, Bert):
        hidden = bert_encoded(graph, weights.encoder, words, mask)
    else:
        hidden = _t5_encoded(graph, weights, weights.encoder, words, mask)
    shape: Shape = ["contexts", weights.heads, "length", weights.head_size]
    for index, layer in enumerate(weights.decoder):
        assert layer.cross is not None
        key, value = layers.cross_memory(
            graph, f"decoder.{index}.cross", weights, layer.cross, hidden
        )
        graph.output(key, f"cross_key_{index}", "float", shape)
        graph.output(value, f"cross_value_{index}", "float", shape)
    graph.output(hidden, "states", "float", ["contexts", "length", weights.embedding.shape[1]])
    return graph.model()


def decoder(weights: T5Weights, shortlist: Shortlist | None = None) -> onnx.ModelProto:
    """Any number of decoder positions of each row: what the engine runs.

    Inputs: ``tokens`` int64 (rows, positions); ``distance`` int64 (rows, positions, positions so
    far and these), how far before each position each key is, -1 where it must not be looked at;
    ``asked`` int64 (asked), the positions whose logits are wanted, counted through the rows;
    ``past_key_i`` and ``past_value_i`` (rows, heads, positions so far, d_kv); ``cross_key_i`` and
    ``cross_value_i`` (contexts, heads, length, d_kv) and ``mask`` int64 (contexts, length), where
    each context has as many rows as any other, one after another. Outputs: ``logits`` (asked,
    vocabulary), ``present_key_i`` and ``present_value_i``.

    With a shortlist ``logits`` has its tokens' columns alone, and behind them those of a further
    input ``more``, int64 (more), whose rows of the table stay in fp32.
    """
    graph = Graph("decoder")
    tokens = graph.input("tokens", "int64", ["rows", "positions"])
    bias = distance_bias(
        graph, weights, graph.input("distance", "int64", ["rows", "positions", "all_positions"])
    )
    asked = graph.input("asked", "int64", ["asked"])
    past = pairs(graph, weights, "past", "past_positions", "rows")
    cross = pairs(graph, weights, "cross", "length", "contexts")
    mask = _before_keys(graph, graph.input("mask", "int64", ["contexts", "length"]))
    states, present = decoded(graph, weights, tokens, bias, past, cross, mask)
    flat = graph.op("Reshape", states, graph.integers(-1, weights.embedding.shape[1]))
    states = graph.op("Gather", flat, asked)
    if shortlist is None:
        wanted = logits(graph, weights, states)
        graph.output(wanted, "logits", "float", ["asked", weights.output.shape[1]])
    else:
        more = graph.input("more", "int64", ["more"])
        wanted = shortlisted(graph, weights, states, shortlist, more)
        graph.output(wanted, "logits", "float", ["asked", "columns"])
    _hand_out(graph, weights, present, "all_positions")
    return graph.model({} if shortlist is None else shortlist.notes(weights.output.shape[1]))


def step(weights: T5Weights) -> onnx.ModelProto:
    """One decoder position.

    Inputs: ``tokens`` int64 (rows), ``past_key_i`` and ``past_value_i`` (rows, heads, positions,
    d_kv), ``cross_key_i`` and ``cross_value_i`` (rows, heads, length, d_kv), ``mask`` int64 (rows,
    length). Outputs: ``logits`` (rows, vocabulary), ``present_key_i`` and ``present_value_i``.
    """
    graph = Graph("step")
    tokens = graph.op("Unsqueeze", graph.input("tokens", "int64", ["rows"]), graph.integers(1))
    past = pairs(graph, weights, "past", "positions", "rows")
    cross = pairs(graph, weights, "cross", "length", "rows")
    mask = _before_keys(graph, graph.input("mask", "int64", ["rows", "length"]))
    position = graph.op("Gather", graph.op("Shape", past[0][0]), graph.integer(2))
    distance = graph.op("Range", position, graph.integer(-1), graph.integer(-1))
    bias = distance_bias(graph, weights, graph.op("Unsqueeze", distance, graph.integers(0, 1)))
    states, present = decoded(graph, weights, tokens, bias, past, cross, mask)
    flat = graph.op("Squeeze", states, graph.integers(1))
    graph.output(logits(graph, weights, flat), "logits", "float", ["rows", weights.output.shape[1]])
    _hand_out(graph, weights, present, "positions_after")
    return graph.model()


def _hand_out(
    graph: Graph, weights: T5Weights, present: list[tuple[str, str]], positions: str
) -> None:
    shape: Shape = ["rows", weights.heads, positions, weights.head_size]
    for index, (key, value) in enumerate(present):
        graph.output(key, f"present_key_{index}", "float", shape)
        graph.output(value, f"present_value_{index}", "float", shape)


def _t5_encoded(graph: Graph, weights: T5Weights, stack: T5Encoder, words: str, mask: str) -> str:
    """(C, L, d) -> (C, L, d)."""
    bias = graph.op("Add", _encoder_bias(graph, weights, stack, words), _before_keys(graph, mask))
    hidden = words
    for index, layer in enumerate(stack.layers):
        name = f"encoder.{index}"
        hidden = layers.encoder_attention(
            graph, f"{name}.self", weights, layer.attention, hidden, bias
        )
        hidden = layers.feed_forward(graph, f"{name}.ff", weights, layer.feed_forward, hidden)
    return layers.norm(graph, "encoder.norm", weights, stack.norm, hidden)


def _before_keys(graph: Graph, mask: str) -> str:
    """(C, L) -> (C, 1, 1, L)."""
    return graph.op("Unsqueeze", layers.mask_bias(graph, mask), graph.integers(1, 2))


def _encoder_bias(graph: Graph, weights: T5Weights, stack: T5Encoder, words: str) -> str:
    """(1, H, L, L): what each key's distance adds to each query's score."""
    length = graph.op("Gather", graph.op("Shape", words), graph.integer(1))
    places = graph.op("Range", graph.integer(0), length, graph.integer(1))
    keys = graph.op("Unsqueeze", places, graph.integers(0))
    queries = graph.op("Unsqueeze", places, graph.integers(1))
    reach = weights.reach
    distance = graph.op(
        "Clip", graph.op("Sub", keys, queries), graph.integer(-reach), graph.integer(reach)
    )
    row = graph.op("Add", distance, graph.integer(reach))
    table = graph.constant("encoder.bias", stack.bias)
    bias = graph.op("Transpose", graph.op("Gather", table, row), perm=[2, 0, 1])
    return graph.op("Unsqueeze", bias, graph.integers(0))
