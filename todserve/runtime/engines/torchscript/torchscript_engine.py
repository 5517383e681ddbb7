"""The TorchScript engine: one compiled module encodes and searches, without transformers.

It has the methods of ``engine.Engine``, so the pipeline can use it as it uses any other. The loop
over tokens runs inside the module, so a turn's rows cost one call, however many tokens they become.
Example: ``TorchScriptEngine(folder, threads=1).encode([(5, 17, 3)]).size == 1``.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import (
    Encoding,
    Generation,
    Row,
    check_contexts,
    generation_of,
    needed_automaton,
)
from todserve.runtime.engines.torchscript.torchscript_code import check_code
from todserve.runtime.errors import ConfigError

MODEL_FILE = "torchscript/model.pt"

_ANNOUNCED = (
    (DeprecationWarning, r"`torch\.jit\.load` is deprecated"),
    (UserWarning, "torch.quantize_per_tensor, torch.quantize_per_channel and other quantized"),
)
"""What PyTorch announces of TorchScript and of int8 tensors when it loads them; it is pinned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchScriptEncoding:
    """What the decoder looks at, for some contexts.

    Attributes:
        memory: of each decoder layer keys and values, (contexts, 2, heads, longest, d_kv).
        lengths: tokens of each context.
    """

    memory: list[torch.Tensor]
    lengths: list[int]

    @property
    def size(self) -> int:
        """Number of contexts."""
        return len(self.lengths)


class TorchScriptEngine:
    """Greedy generation with an exported module on the CPU."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load the module of an export folder.

        Args:
            folder: what `tod export --format torchscript` wrote.
            threads: of a product, in the whole process; None leaves PyTorch's number.

        Raises:
            ConfigError: the module is missing or cannot be loaded.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self._module: Any = load_module(folder / MODEL_FILE)
        self._automaton: tuple[TokenAutomaton, torch.Tensor] | None = None

    def encode(self, contexts: Sequence[Sequence[int]]) -> TorchScriptEncoding:
        """Run the encoder over all contexts at once; its products know no padding.

        Raises:
            ValueError: there is no context, or one has no token.
        """
        check_contexts(contexts)
        with _running():
            memory, lengths = self._module.encode([list(context) for context in contexts])
        return TorchScriptEncoding(memory=memory, lengths=lengths)

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Decode ``rows`` greedily; the answer has their order.

        Raises:
            TypeError: ``encoding`` is another engine's.
            ValueError: a row has a state, but there is no automaton.
            ConfigError: the network's probabilities are not finite. Or the automaton has another
                vocabulary than the network.
        """
        if not isinstance(encoding, TorchScriptEncoding):
            raise TypeError(
                f"an encoding of {type(encoding).__name__}; expected TorchScriptEncoding"
            )
        with _running():
            found = self._module.search(
                encoding.memory,
                encoding.lengths,
                [row.context for row in rows],
                [list(row.prefix) for row in rows],
                [row.end_id for row in rows],
                [row.max_new_tokens for row in rows],
                [row.temperature for row in rows],
                self._table(rows, automaton),
                [row.state for row in rows],
            )
        return [generation_of(*parts) for parts in zip(rows, *found, strict=True)]

    def close(self) -> None:
        """Let go of the module."""
        self._module = self._automaton = None

    def _table(self, rows: Sequence[Row], automaton: TokenAutomaton | None) -> torch.Tensor | None:
        """Return the automaton's table; None where all rows are free."""
        needed = needed_automaton(rows, automaton, vocabulary=int(self._module.vocabulary))
        if needed is None:
            return None
        if self._automaton is None or self._automaton[0] is not needed:
            self._automaton = needed, torch.from_numpy(needed.whole())
        return self._automaton[1]


@contextmanager
def _running() -> Iterator[None]:
    jit: Any = torch.jit  # does not name this function to type checkers
    # Without its optimiser the executor starts at full speed: no profiling of first calls, no
    # compiling again for every other length, and nothing lost, for there is nothing to fuse.
    with torch.inference_mode(), jit.optimized_execution(False):
        yield


def load_module(path: Path) -> Any:
    """Return the exported module, ready to run.

    Raises:
        ConfigError: it is missing, cannot be loaded, or does more than a network.
    """
    if not path.is_file():
        raise ConfigError(f"no {path}; `tod export --format torchscript` writes it")
    check_code(path)
    try:
        with warnings.catch_warnings():
            for category, message in _ANNOUNCED:
                warnings.filterwarnings("ignore", message=message, category=category)
            return torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise ConfigError(
            f"cannot load {path}: {str(error).splitlines()[0]}; export the checkpoint again with "
            "this version"
        ) from error
