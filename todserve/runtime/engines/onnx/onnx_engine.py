"""The ONNX engine: ONNX Runtime drives the exported encoder and the exported greedy search.

Stands where ``engines.base.Engine`` does; imports neither PyTorch nor transformers, so a worker
starts in a fraction of the time and memory. The loop over tokens runs inside the graph: a turn's
rows cost a call for each time that half of them have ended, not a call for each token.
Example: ``OnnxEngine(folder, threads=1).encode([(5, 17, 3)]).size == 1``.

Batching: which contexts go together, and what became of rows that end one after another.

Beside the engines: what each of them would otherwise write for itself.
Example: ``similar_lengths([30, 8, 31]) == [[1], [0, 2]]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import (
    Encoding,
    Generation,
    Row,
    check_contexts,
    generation_of,
    needed_automaton,
)
from todserve.runtime.errors import ConfigError

_WASTE = 1.5  # a context joins others if it is at most this many times shorter than the longest
_WORTH_A_CALL = 16  # positions that must be padded before a call of their own is cheaper


def similar_lengths(lengths: Sequence[int]) -> list[list[int]]:
    """Return groups of indices, shortest first, in which little is padded.

    Args:
        lengths: tokens of each context.
    """
    by_length = sorted(range(len(lengths)), key=lambda index: lengths[index])
    groups: list[list[int]] = [[]]
    for index in reversed(by_length):
        group = groups[-1]
        longest = lengths[group[0]] if group else lengths[index]
        padded = longest - lengths[index]
        if padded > _WORTH_A_CALL and longest > _WASTE * lengths[index]:
            groups.append([index])
        else:
            group.append(index)
    return [sorted(group) for group in reversed(groups)]


class Chosen:
    """Collects what rows chose, step by step, until each has its generation."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Start with nothing chosen."""
        self._rows = rows
        self._tokens: list[list[int]] = [[] for _ in rows]
        self._log_probs: list[list[float]] = [[] for _ in rows]
        self._allowed: list[list[float]] = [[] for _ in rows]

    def add(
        self,
        which: NDArray[np.int64],
        tokens: NDArray[np.int64],
        log_probs: NDArray[np.float32],
        allowed_log_probs: NDArray[np.float32],
    ) -> None:
        """Take over some steps of the rows ``which``, all arrays (steps, rows)."""
        parts = zip(
            which.tolist(),
            tokens.T.tolist(),
            log_probs.T.tolist(),
            allowed_log_probs.T.tolist(),
            strict=True,
        )
        for index, chosen, probable, allowed in parts:
            self._tokens[index] += chosen
            self._log_probs[index] += probable
            self._allowed[index] += allowed

    def generations(self) -> list[Generation]:
        """Return each row up to its end token or cap, its prefix left out.

        Raises:
            ConfigError: a log-probability is not finite.
        """
        return [self._generation(index) for index in range(len(self._rows))]

    def _generation(self, index: int) -> Generation:
        row = self._rows[index]
        given = len(row.prefix) - 1
        return generation_of(
            row,
            self._tokens[index][given:],
            self._log_probs[index][given:],
            self._allowed[index][given:],
        )


ENCODER_FILE = "onnx/encoder.onnx"
SEARCH_FILE = "onnx/search.onnx"

_CHOOSE = -1  # in ``forced``: the search chooses
_STATES = "states"  # the encoder's output that the search does not take


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxEncoding:
    """What the decoder looks at, for some contexts.

    Attributes:
        memory: of each input ``cross_key_i`` and ``cross_value_i`` of the search, (contexts,
            heads, longest, d_kv), zero beyond a context's end.
        mask: (contexts, longest), 1 where there is a token.
        states: (contexts, longest, d_model); None of an export from before they were written.
    """

    memory: dict[str, NDArray[np.float32]]
    mask: NDArray[np.int64]
    states: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """Number of contexts."""
        return int(self.mask.shape[0])


class OnnxEngine:
    """Greedy generation with ONNX Runtime on the CPU."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load the two models of an export folder.

        Raises:
            ConfigError: a model is missing or cannot be loaded.
        """
        self._encoder = _session(folder / ENCODER_FILE, threads)
        self._search = _session(folder / SEARCH_FILE, threads)
        shapes = {one.name: one.shape for one in self._search.get_inputs()}
        self._past = {name: shape for name, shape in shapes.items() if name.startswith("past_")}
        # A table of one state, FREE: the search then leaves every table alone.
        self._free = np.zeros((1, int(shapes["table"][1])), dtype=np.int16)
        self._outputs = [one.name for one in self._search.get_outputs()]
        self._memory = [one.name for one in self._encoder.get_outputs()]

    def encode(self, contexts: Sequence[Sequence[int]]) -> OnnxEncoding:
        """Run the encoder, contexts of similar length together.

        Raises:
            ValueError: there is no context, or one has no token.
        """
        check_contexts(contexts)
        lengths = [len(context) for context in contexts]
        groups = similar_lengths(lengths)
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        if len(groups) == 1:
            memory = self._encode(contexts, mask)
            return OnnxEncoding(states=memory.pop(_STATES, None), memory=memory, mask=mask)
        memory = {}
        for group in groups:
            longest = max(lengths[index] for index in group)
            part = self._encode([contexts[index] for index in group], mask[group, :longest])
            for name, array in part.items():
                if name not in memory:
                    # The length is the last axis but one of keys, values and states alike.
                    shape = (len(contexts), *array.shape[1:-2], max(lengths), array.shape[-1])
                    memory[name] = np.zeros(shape, dtype=np.float32)
                memory[name][group, ..., :longest, :] = array
        return OnnxEncoding(states=memory.pop(_STATES, None), memory=memory, mask=mask)

    def generate(
        self,
        encoding: Encoding,
        rows: Sequence[Row],
        automaton: TokenAutomaton | None = None,
    ) -> list[Generation]:
        """Decode ``rows`` greedily; the answer has their order.

        Raises:
            TypeError: ``encoding`` is another engine's.
            ValueError: a row has a state, but there is no automaton.
            ConfigError: the network's probabilities are not finite, or the automaton has another
                vocabulary than the network.
        """
        if not isinstance(encoding, OnnxEncoding):
            raise TypeError(f"an encoding of {type(encoding).__name__}; expected OnnxEncoding")
        if not rows:
            return []
        chosen = Chosen(rows)
        feed = self._first_feed(encoding, rows, automaton)
        going = np.arange(len(rows))
        while len(going):
            # Half of the rows may end before the rest go on without them: copying what the
            # others remember at every end would cost more than it saves.
            feed["enough"] = np.array(len(going) // 2, dtype=np.int64)
            found = dict(zip(self._outputs, self._search.run(None, feed), strict=True))
            chosen.add(going, found["chosen"], found["log_probs"], found["allowed_log_probs"])
            keep = np.nonzero(found["still_going"])[0]
            going = going[keep]
            feed = _next_feed(feed, found, keep)
        return chosen.generations()

    def close(self) -> None:
        """Let go of the models."""
        self._encoder = self._search = None

    def _encode(
        self, contexts: Sequence[Sequence[int]], mask: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float32]]:
        ids = np.zeros_like(mask)
        for index, context in enumerate(contexts):
            ids[index, : len(context)] = context
        arrays = self._encoder.run(None, {"ids": ids, "mask": mask})
        return dict(zip(self._memory, arrays, strict=True))

    def _first_feed(
        self, encoding: OnnxEncoding, rows: Sequence[Row], automaton: TokenAutomaton | None
    ) -> dict[str, NDArray[Any]]:
        columns = max(len(row.prefix) for row in rows)
        forced = np.full((columns, len(rows)), _CHOOSE, dtype=np.int64)
        for place, row in enumerate(rows):
            forced[: len(row.prefix) - 1, place] = row.prefix[1:]
        feed: dict[str, NDArray[Any]] = {
            **encoding.memory,
            "mask": encoding.mask,
            "forced": forced,
            "context": np.array([row.context for row in rows], dtype=np.int64),
            "tokens": np.array([row.prefix[0] for row in rows], dtype=np.int64),
            "ends": np.array([row.end_id for row in rows], dtype=np.int64),
            "last": np.array(
                [len(row.prefix) + row.max_new_tokens - 2 for row in rows], dtype=np.int64
            ),
            "sharpness": np.array([1 / row.temperature for row in rows], dtype=np.float32),
            "going": np.ones(len(rows), dtype=bool),
        }
        feed["states"] = np.array([row.state for row in rows], dtype=np.int64)
        needed = needed_automaton(rows, automaton, vocabulary=self._free.shape[1])
        feed["table"] = self._free if needed is None else needed.table
        for name, (_, heads, _, size) in self._past.items():
            feed[name] = np.zeros((len(rows), heads, 0, size), dtype=np.float32)
        return feed


def _next_feed(
    feed: dict[str, NDArray[Any]], found: dict[str, NDArray[Any]], keep: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """What the rows that go on need to go on."""
    steps = len(found["chosen"])
    again = dict(feed)
    for name in ("context", "ends", "last", "sharpness"):
        again[name] = feed[name][keep]
    columns = len(feed["forced"])
    again["forced"] = feed["forced"][min(steps, columns - 1) :, keep]
    again["tokens"] = found["next_tokens"][keep]
    again["states"] = found["next_states"][keep]
    again["going"] = found["still_going"][keep]
    for name in feed:
        if name.startswith("past_"):
            again[name] = found["present_" + name.removeprefix("past_")][keep]
    return again


def _session(path: Path, threads: int | None) -> Any:
    if not path.is_file():
        raise ConfigError(f"no {path}; `tod export --format onnx` writes it")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    # A worker that waits must not burn the core that another one needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own making
        raise ConfigError(
            f"cannot load {path}: {error}; export the checkpoint again with this version"
        ) from error
