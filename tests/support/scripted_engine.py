"""An engine that says what a test tells it to, and counts how often it is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import Encoding, Generation, Row
from todserve.runtime.language.tasks import TASKS, TaskName

LOG_PROB = -0.125
"""Of every generated token; exact in binary."""


@dataclass(frozen=True)
class Asked:
    """A row as text: ``script(Asked) -> what the model writes``."""

    task: TaskName
    context: str
    prefix: str


@dataclass(frozen=True)
class ScriptedEncoding:
    contexts: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        return len(self.contexts)


class ScriptedEngine:
    def __init__(
        self, checkpoint: Checkpoint, script: Callable[[Asked], str], *, finished: bool = True
    ) -> None:
        self._tokenizer = checkpoint.tokenizer
        self._script = script
        self._finished = finished
        self._tasks = {self._tokenizer.token_id(t.start_token): name for name, t in TASKS.items()}
        self.encoded: list[int] = []
        self.generated: list[list[Asked]] = []

    def encode(self, contexts: Sequence[Sequence[int]]) -> ScriptedEncoding:
        self.encoded.append(len(contexts))
        return ScriptedEncoding(tuple(map(tuple, contexts)))

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        assert isinstance(encoding, ScriptedEncoding)
        asked = [
            Asked(
                task=self._tasks[row.prefix[0]],
                context=self._tokenizer.decode(encoding.contexts[row.context]),
                prefix=self._tokenizer.decode(row.prefix),
            )
            for row in rows
        ]
        self.generated.append(asked)
        return [self._generation(self._script(one)) for one in asked]

    def close(self) -> None:
        pass

    def _generation(self, text: str) -> Generation:
        ids = tuple(self._tokenizer.encode(text))
        return Generation(
            ids=ids,
            log_probs=(LOG_PROB,) * len(ids),
            end_log_prob=LOG_PROB if self._finished else None,
        )
