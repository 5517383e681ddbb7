"""Questions: tasks put to the model, all items and tasks of a stage as one engine call.

Stands between prompts and engine on the way of a request. With placement ``decoder`` the two
stages of a turn ask about the same contexts, which are then encoded once for both.
Example: ``Questions(engine, builder).ask([Question(source=..., task=TaskName.INTENT)])``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.automaton import FREE, TokenAutomaton
from todserve.runtime.calibration import UNCALIBRATED, Calibration
from todserve.runtime.engines.base import Encoding, Engine, Generation, Row, states_of
from todserve.runtime.prompts import PromptBuilder, PromptInput
from todserve.runtime.tasks import TASKS, TaskName


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One task about one turn; ``database_token`` only for the tasks that need it."""

    source: PromptInput
    task: TaskName
    database_token: str | None = None


class Questions:
    """Asks an engine; remembers the last encoding, so keep one for the turns of one batch."""

    def __init__(
        self,
        engine: Engine,
        builder: PromptBuilder,
        calibration: Calibration = UNCALIBRATED,
        automaton: TokenAutomaton | None = None,
    ) -> None:
        """Ask ``engine`` with the prompts of ``builder``.

        Args:
            engine: answers.
            builder: writes the prompts.
            calibration: tempers the answers' probabilities.
            automaton: holds every answer to what its task may say; None leaves them free.
        """
        self._engine = engine
        self._builder = builder
        self._calibration = calibration
        self._automaton = automaton
        self._encoding: Encoding | None = None
        self._places: dict[tuple[int, ...], int] = {}
        self._histories: dict[int, tuple[PromptInput, list[int]]] = {}

    def ask(self, questions: Sequence[Question]) -> list[Generation]:
        """Return a generation for each question, with one ``engine.generate`` for all.

        Equal contexts are encoded once; contexts of the call before are not encoded again.
        """
        if not questions:
            return []
        contexts = [
            self._builder.context(
                asked.source,
                asked.task,
                asked.database_token,
                history=self._history(asked.source),
            )
            for asked in questions
        ]
        encoding = self._encode(contexts)
        rows = [
            Row(
                context=self._places[context],
                prefix=self._builder.prefix(asked.task, asked.database_token),
                end_id=self._builder.end_id(asked.task),
                max_new_tokens=TASKS[asked.task].max_new_tokens,
                temperature=self._calibration.temperature(asked.task),
                state=self._automaton.starts[asked.task] if self._automaton else FREE,
            )
            for asked, context in zip(questions, contexts, strict=True)
        ]
        return self._engine.generate(encoding, rows, self._automaton)

    def utterance_vectors(self, sources: Sequence[PromptInput]) -> list[NDArray[np.float32] | None]:
        """Return the mean of the encoder's states over each source's utterance.

        Of sources whose intent was asked for; None where the engine shows no states.
        """
        states = None if self._encoding is None else states_of(self._encoding)
        if states is None:
            return [None] * len(sources)
        found: list[NDArray[np.float32] | None] = []
        for source in sources:
            context = self._builder.context(source, TaskName.INTENT, history=self._history(source))
            place = self._places.get(context)
            inside = self._builder.utterance_places(context)
            found.append(None if place is None else states[place, inside].mean(axis=0))
        return found

    def _history(self, source: PromptInput) -> list[int]:
        """Tokenize a source once for all its tasks and both stages."""
        known = self._histories.get(id(source))
        if known is None:
            # The source is kept too, for its id would otherwise be given to another.
            known = self._histories[id(source)] = (source, self._builder.history(source))
        return known[1]

    def _encode(self, contexts: Sequence[tuple[int, ...]]) -> Encoding:
        if self._encoding is None or not self._places.keys() >= set(contexts):
            distinct = list(dict.fromkeys(contexts))
            self._places = {context: place for place, context in enumerate(distinct)}
            self._encoding = self._engine.encode(distinct)
        return self._encoding
