"""The exported greedy search: the decoder step in a loop, with the choice of the token.

Beside the encoder and the step: what ``runtime.engines.onnx_engine`` runs. A loop in the graph
costs a generation one call instead of one for each token, and its rows may be taken up again
without those that have ended. Example: ``search(weights).graph.output[0].name == "next_tokens"``.
"""

import numpy as np
import onnx

from todserve.runtime.engines.onnx import onnx_layers as layers
from todserve.runtime.engines.onnx.onnx_graph import FLOAT, INT64, Graph, Shape
from todserve.runtime.engines.onnx.onnx_position import one_position, pairs
from todserve.runtime.networks.network_weights import T5Weights

NOT_FORCED = -1
"""Stands in ``forced`` where the search chooses."""


def search(weights: T5Weights) -> onnx.ModelProto:
    """Greedy search until few enough rows go on.

    Inputs beyond the step's: ``forced`` int64 (columns, rows), the tokens given at each position
    from the one after ``tokens`` on, NOT_FORCED where the search chooses and in the last column at
    least; ``ends`` int64 (rows), each row's end token; ``last`` int64 (rows), the position whose
    choice is the row's last; ``going`` bool (rows); ``sharpness`` float (rows), what logits are
    multiplied by before log-probabilities are taken; ``enough`` int64 (), the search returns when
    no more than so many rows go on. ``context`` int64 (rows) names each row's context of
    ``cross_*``, which are as the encoder gave them, and of ``mask``. ``table`` int16 (states,
    vocabulary) is a token automaton, the next state or -1 where a token is refused, and ``states``
    int64 (rows) says where each row stands in it; a table of one state constrains nothing and
    costs nothing.

    Outputs: ``chosen`` int64, ``log_probs`` float and ``allowed_log_probs`` float, the log of the
    probability that the allowed tokens had, all (steps, rows); ``next_tokens``, ``next_states``,
    ``still_going`` and the ``present_*``, with which the search can be taken up again.
    """
    graph = Graph("search")
    tokens = graph.input("tokens", "int64", ["rows"])
    past = pairs(graph, weights, "past", "positions")
    cross = pairs(graph, weights, "cross", "length", rows="contexts")
    mask = graph.input("mask", "int64", ["contexts", "length"])
    context = graph.input("context", "int64", ["rows"])
    graph.input("forced", "int64", ["columns", "rows"])
    graph.input("ends", "int64", ["rows"])
    graph.input("last", "int64", ["rows"])
    going = graph.input("going", "bool", ["rows"])
    graph.input("sharpness", "float", ["rows"])
    graph.input("enough", "int64", [])
    states = graph.input("states", "int64", ["rows"])
    graph.input("table", "int16", ["states_of_table", weights.output.shape[1]])
    size = graph.op("Gather", graph.op("Shape", "table"), graph.integer(0))
    constrained = graph.op("Greater", size, graph.integer(1))
    columns = graph.op("Gather", graph.op("Shape", "forced"), graph.integer(0))
    last_column = graph.op("Sub", columns, graph.integer(1))
    mask = graph.op("Gather", layers.mask_bias(graph, mask), context)
    mask = graph.op("Unsqueeze", mask, graph.integers(1, 3))
    seen = [(graph.op("Gather", k, context), graph.op("Gather", v, context)) for k, v in cross]

    body = _search_body(graph, weights, seen, mask, constrained, last_column)
    first = graph.constant("yes", np.array(True))
    carried = [tokens, going, states, *(one for pair in past for one in pair)]
    done = graph.loop(first, carried, body, scanned=3)
    graph.output(done[0], "next_tokens", "int64", ["rows"])
    graph.output(done[1], "still_going", "bool", ["rows"])
    graph.output(done[2], "next_states", "int64", ["rows"])
    shape: Shape = ["rows", weights.heads, "positions_after", weights.head_size]
    for index in range(len(past)):
        graph.output(done[3 + 2 * index], f"present_key_{index}", "float", shape)
        graph.output(done[4 + 2 * index], f"present_value_{index}", "float", shape)
    graph.output(done[-3], "chosen", "int64", ["steps", "rows"])
    graph.output(done[-2], "log_probs", "float", ["steps", "rows"])
    graph.output(done[-1], "allowed_log_probs", "float", ["steps", "rows"])
    return graph.model()


def _search_body(
    graph: Graph,
    weights: T5Weights,
    cross: list[tuple[str, str]],
    mask: str,
    constrained: str,
    last_column: str,
) -> Graph:
    body = Graph("body", outer=graph)
    iteration = body.input("iteration", "int64", [])
    body.input("condition", "bool", [])
    tokens = body.input("token_now", "int64", ["rows"])
    going = body.input("going_now", "bool", ["rows"])
    states = body.input("state_now", "int64", ["rows"])
    past = pairs(body, weights, "now", "positions_now")
    logits, present = one_position(body, weights, tokens, past, cross, mask)
    sharp = body.op("Mul", logits, body.op("Unsqueeze", "sharpness", body.integers(1)))
    log = body.op("LogSoftmax", sharp, axis=-1)
    best, after, allowed = body.either(
        constrained,
        _choose_allowed(body, logits, log, states),
        _choose_any(body, logits, states),
    )
    place = body.op("Unsqueeze", best, body.integers(1))
    log_probs = body.op("Squeeze", body.op("GatherElements", log, place, axis=1), body.integers(1))
    given = body.op("Gather", "forced", body.op("Min", iteration, last_column))
    free = body.op("Equal", given, body.integer(NOT_FORCED))
    chosen = body.op("Where", free, best, given)
    state = body.op("Where", free, after, states)

    position = body.op("Gather", body.op("Shape", past[0][0]), body.integer(2))
    ended = body.op("And", free, body.op("Equal", chosen, "ends"))
    full = body.op("GreaterOrEqual", position, "last")
    over = body.op("Or", ended, full)
    still = body.op("And", going, body.op("Not", over))
    count = body.op("ReduceSum", body.op("Cast", still, to=INT64), keepdims=0)
    more = body.op("Greater", count, "enough")

    body.output(more, "more", "bool", [])
    body.output(chosen, "token_after", "int64", ["rows"])
    body.output(still, "going_after", "bool", ["rows"])
    body.output(state, "state_after", "int64", ["rows"])
    shape: Shape = ["rows", weights.heads, "positions_next", weights.head_size]
    for index, (key, value) in enumerate(present):
        body.output(key, f"key_after_{index}", "float", shape)
        body.output(value, f"value_after_{index}", "float", shape)
    body.output(chosen, "chosen_now", "int64", ["rows"])
    body.output(log_probs, "log_probs_now", "float", ["rows"])
    body.output(allowed, "allowed_now", "float", ["rows"])
    return body


def _choose_any(body: Graph, logits: str, states: str) -> Graph:
    branch = Graph("any", outer=body)
    best = branch.op("ArgMax", logits, axis=-1, keepdims=0)
    # A table of one state has the state 0 alone, and the log of a whole probability is 0 too.
    nothing = branch.op("Cast", states, to=FLOAT)
    return _choice(branch, best, branch.op("Identity", states), nothing)


def _choose_allowed(body: Graph, logits: str, log: str, states: str) -> Graph:
    branch = Graph("allowed", outer=body)
    after = branch.op("Gather", "table", states)
    allowed = branch.op("GreaterOrEqual", after, branch.constant("none", np.array(0, np.int16)))
    never = branch.constant("never", np.array(-np.inf, dtype=np.float32))
    best = branch.op("ArgMax", branch.op("Where", allowed, logits, never), axis=-1, keepdims=0)
    mass = branch.op(
        "ReduceLogSumExp", branch.op("Where", allowed, log, never), axes=[-1], keepdims=0
    )
    place = branch.op("Unsqueeze", best, branch.integers(1))
    state = branch.op("GatherElements", after, place, axis=1)
    state = branch.op("Cast", branch.op("Squeeze", state, branch.integers(1)), to=INT64)
    return _choice(branch, best, state, mass)


def _choice(branch: Graph, best: str, state: str, allowed: str) -> Graph:
    branch.output(best, f"{branch.name}_best", "int64", ["rows"])
    branch.output(state, f"{branch.name}_state", "int64", ["rows"])
    branch.output(allowed, f"{branch.name}_mass", "float", ["rows"])
    return branch
