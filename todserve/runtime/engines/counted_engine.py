"""CountedEngine: wraps an engine and counts the tokens that it reads and writes.

The pipeline runs its engine in one, and the worker tells its server the counts. Example:
``CountedEngine(engine).tokens.written`` grows with every generation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import Encoding, Engine, Generation, Row, SharedEngine


@dataclass(kw_only=True, slots=True)
class TokenCount:
    """Tokens since a start.

    Attributes:
        read: of contexts that were encoded; one that several tasks share counts once.
        written: of generations.
    """

    read: int = 0
    written: int = 0


class CountedEngine:
    """Answers as the engine inside does; for one batch at a time, as every engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tokens = TokenCount()

    def encode(self, contexts: Sequence[Sequence[int]]) -> Encoding:
        """Encode contexts, and count their tokens."""
        self.tokens.read += sum(map(len, contexts))
        return self._engine.encode(contexts)

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Decode all rows, and count what was written."""
        generations = self._engine.generate(encoding, rows, automaton)
        self.tokens.written += sum(len(one.ids) for one in generations)
        return generations

    def twin(self) -> Self:
        """Return another over the same network, for another thread; it counts from nothing.

        Raises:
            TypeError: the engine inside cannot be shared.
        """
        if not isinstance(self._engine, SharedEngine):
            raise TypeError(f"{type(self._engine).__name__} cannot be shared between threads")
        return type(self)(self._engine.twin())

    def close(self) -> None:
        """Release the engine inside."""
        self._engine.close()
