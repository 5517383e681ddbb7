"""Questions: puts several tasks of several requests to the network in one call of the engine.

The pipeline asks the network through it, for every stage of a turn; it has the prompts built and
calls the engine. With placement ``decoder`` the two stages of a turn ask about the same contexts,
which are then encoded once for both. Example:
``Questions(engine, builder).ask([Question(source=..., task=TaskName.INTENT)])``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.calibration import UNCALIBRATED, Calibration
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.engine import Encoding, Engine, Generation, Row, states_of
from todserve.runtime.language.prompts import PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TASKS, TaskName


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One task about one turn.

    Attributes:
        source: the turn.
        task: what is asked.
        database_token: only for the tasks that need it.
        start: the automaton's start; None is the task's own.
        forced: tokens that the answer begins with.
        most_tokens: the answer's cap; None is the task's own.
    """

    source: PromptInput
    task: TaskName
    database_token: str | None = None
    start: str | None = None
    forced: tuple[int, ...] = ()
    most_tokens: int | None = None


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

    def ask(
        self, questions: Sequence[Question], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Return a generation for each question, with one ``engine.generate`` for all.

        Equal contexts are encoded once; contexts of the call before are not encoded again.

        Args:
            questions: what is asked.
            automaton: holds these answers instead of the usual one.
        """
        automaton = automaton or self._automaton
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
                prefix=(
                    *self._builder.prefix(asked.task, asked.database_token),
                    *asked.forced,
                ),
                end_id=self._builder.end_id(asked.task),
                max_new_tokens=asked.most_tokens or TASKS[asked.task].max_new_tokens,
                temperature=self._calibration.temperature(asked.task),
                state=_state(asked, automaton),
            )
            for asked, context in zip(questions, contexts, strict=True)
        ]
        generations = self._engine.generate(encoding, rows, automaton)
        return [
            _with_forced(asked, generation)
            for asked, generation in zip(questions, generations, strict=True)
        ]

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


def _state(asked: Question, automaton: TokenAutomaton | None) -> int:
    if automaton is None:
        return FREE
    start = automaton.starts[asked.start or asked.task]
    # Given tokens do not move a row; it goes on from where they lead, or, where the vocabulary has
    # no token for what they say and spells it, as if nothing had been given.
    after = automaton.after(start, asked.forced)
    return start if after == REFUSED else after


def _with_forced(asked: Question, generation: Generation) -> Generation:
    """Return a generation with the tokens it was made to begin with; those were certain."""
    if not asked.forced:
        return generation
    certain = (0.0,) * len(asked.forced)
    allowed = generation.allowed_log_probs
    return replace(
        generation,
        ids=(*asked.forced, *generation.ids),
        log_probs=(*certain, *generation.log_probs),
        allowed_log_probs=(*certain, *allowed) if allowed else (),
    )
