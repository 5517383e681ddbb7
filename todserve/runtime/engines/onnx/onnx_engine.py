"""The ONNX engine: ONNX Runtime drives the exported encoder and decoder, numpy chooses.

It has the methods of ``engine.Engine``, so the pipeline can use it as it uses any other. It imports
neither PyTorch nor transformers, so a worker starts in a fraction of the time and memory. A call of
the decoder takes any number of positions of every row, so that tokens which were guessed right cost
no step of their own: ``greedy_search``. Example:
``OnnxEngine(folder, threads=1).encode([(5, 17, 3)]).size == 1``.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from todserve.runtime.decoding.drafts import DRAFTS_FILE, Drafts
from todserve.runtime.decoding.greedy_search import GreedySearch
from todserve.runtime.decoding.shortlist import noted
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.decoding.token_choices import Choices, Ids
from todserve.runtime.engines.engine import (
    Encoding,
    Generation,
    Row,
    check_contexts,
    needed_automaton,
)
from todserve.runtime.errors import ConfigError

ENCODER_FILE = "onnx/encoder.onnx"
DECODER_FILE = "onnx/decoder.onnx"

_SLOWER = ["SkipLayerNormFusion"]
"""Joins a sum and a norm to an operator that takes three times as long on a CPU."""

_STATES = "states"  # the encoder's output that the decoder does not take


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxEncoding:
    """What the decoder looks at, for some contexts.

    Attributes:
        memory: of each input ``cross_key_i`` and ``cross_value_i`` of the decoder, (contexts,
            heads, longest, d_kv), zero beyond a context's end.
        mask: (contexts, longest), 1 where there is a token.
        contexts: the tokens themselves.
        states: (contexts, longest, d_model); None of an export from before they were written.
    """

    memory: dict[str, NDArray[np.float32]]
    mask: NDArray[np.int64]
    contexts: Sequence[Sequence[int]]
    states: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """Number of contexts."""
        return int(self.mask.shape[0])


class OnnxEngine:
    """Greedy generation with ONNX Runtime on the CPU."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load the two models of an export folder, and the drafts where it has some.

        Raises:
            ConfigError: a model is missing or cannot be loaded, or the drafts are malformed.
        """
        self._encoder = _session(folder / ENCODER_FILE, threads)
        self._decoder = _session(folder / DECODER_FILE, threads)
        shapes = {one.name: one.shape for one in self._decoder.get_inputs()}
        self._past = {
            name: (shape[1], shape[3]) for name, shape in shapes.items() if name.startswith("past_")
        }
        presents = [f"present_{name.removeprefix('past_')}" for name in self._past]
        self._outputs = ["logits", *presents]
        narrowed = noted(self._decoder.get_modelmeta().custom_metadata_map)
        self._shortlist: Ids | None = None
        if narrowed is None:
            self._vocabulary = int(self._decoder.get_outputs()[0].shape[1])
        else:
            self._shortlist = np.array(narrowed[0].ids, dtype=np.int64)
            self._vocabulary = narrowed[1]
        self._listed = frozenset([] if narrowed is None else narrowed[0].ids)
        self._drafts = Drafts.load(folder / DRAFTS_FILE, vocabulary=self._vocabulary)
        self._choices = Choices(None, self._shortlist)
        self._memory = [one.name for one in self._encoder.get_outputs()]

    def encode(self, contexts: Sequence[Sequence[int]]) -> OnnxEncoding:
        """Run the encoder, once for each context.

        Alone a context needs no padding, what it becomes stays in the core's cache, and in 8 bits
        it gets scales of its own. Sixteen together take twice as long as sixteen times one.

        Raises:
            ValueError: there is no context, or one has no token.
        """
        check_contexts(contexts)
        lengths = [len(context) for context in contexts]
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        memory: dict[str, NDArray[np.float32]] = {}
        for place, context in enumerate(contexts):
            for name, array in self._encode(context).items():
                if len(contexts) == 1:
                    memory[name] = array
                    continue
                if name not in memory:
                    # The length is the last axis but one of keys, values and states alike.
                    shape = (len(contexts), *array.shape[1:-2], max(lengths), array.shape[-1])
                    memory[name] = np.zeros(shape, dtype=np.float32)
                memory[name][place, ..., : len(context), :] = array[0]
        states = memory.pop(_STATES, None)
        return OnnxEncoding(states=states, memory=memory, mask=mask, contexts=contexts)

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
        needed = needed_automaton(rows, automaton, vocabulary=self._vocabulary)
        if self._choices.automaton is not needed:
            # Kept, for it remembers what it has looked up.
            self._choices = Choices(needed, self._shortlist)
        feed: dict[str, NDArray[Any]] = {}
        foreign = None
        if self._shortlist is not None:
            more, foreign = self._beyond(self._shortlist, encoding, rows)
            self._choices.add(more)
            feed["more"] = np.array(more, dtype=np.int64)
        search = GreedySearch(rows, self._choices, self._drafts, foreign)
        feed |= _looked_at(encoding, search.contexts)
        for name, (heads, size) in self._past.items():
            feed[name] = np.zeros((len(rows), heads, 0, size), dtype=np.float32)
        while search.goes_on:
            step = search.step()
            feed |= {"tokens": step.tokens, "distance": step.distance, "asked": step.asked}
            logits, *found = self._decoder.run(self._outputs, feed)
            search.take(logits)
            keep = search.left_over()
            if keep is not None:
                feed |= _looked_at(encoding, search.contexts)
            for name, present in zip(self._past, found, strict=True):
                feed[name] = present if keep is None else present[keep]
        return search.generations()

    def twin(self) -> Self:
        """Return an engine over the same two models, for another thread."""
        twin = copy.copy(self)
        twin._choices = Choices(None, self._shortlist)
        return twin

    def close(self) -> None:
        """Let go of the models."""
        self._encoder = self._decoder = None

    def _beyond(
        self, shortlist: Ids, encoding: OnnxEncoding, rows: Sequence[Row]
    ) -> tuple[list[int], list[NDArray[np.intp]] | None]:
        """What else these rows may write: their contexts' words, labels, and their ends.

        Returns the tokens, and of each context the columns of those that only others hold, so
        that nobody's words can be written to somebody else.
        """
        every = (self._choices.labels | {row.end_id for row in rows}) - self._listed
        said = [frozenset(context) - self._listed for context in encoding.contexts]
        more = sorted(every.union(*said))
        if encoding.size == 1:
            return more, None
        return more, [
            len(shortlist) + np.flatnonzero([token not in own for token in more])
            for own in (one | every for one in said)
        ]

    def _encode(self, context: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        ids = np.array([context], dtype=np.int64)
        arrays = self._encoder.run(None, {"ids": ids, "mask": np.ones_like(ids)})
        return dict(zip(self._memory, arrays, strict=True))


def _looked_at(encoding: OnnxEncoding, contexts: Sequence[int]) -> dict[str, NDArray[Any]]:
    """What rows of these contexts look at; once for all rows of a context, where it can be."""
    distinct = list(dict.fromkeys(contexts))
    each = len(contexts) // len(distinct)
    if [one for one in distinct for _ in range(each)] != list(contexts):
        distinct = list(contexts)
    arrays: dict[str, NDArray[Any]] = {**encoding.memory, "mask": encoding.mask}
    if distinct == list(range(encoding.size)):
        return arrays
    longest = int(encoding.mask[distinct].sum(axis=1).max())
    found = {name: array[distinct, :, :longest] for name, array in encoding.memory.items()}
    return found | {"mask": encoding.mask[distinct, :longest]}


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
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
    except Exception as error:  # onnxruntime raises classes of its own making
        raise ConfigError(
            f"cannot load {path}: {error}; export the checkpoint again with this version"
        ) from error
