"""State replay: rebuilds the belief state for a client that sends a history but keeps no state.

The pipeline calls it before it makes prompts, for the contexts ``markov`` and ``exchange`` alone:
there the state IS the past, so without it all but the last exchange would be forgotten. The history
is followed turn by turn, each turn's state feeding the next one's prompt. Example: four exchanges
without ``state`` cost four more belief generations, one after another.

Cost: as many encoder and generate calls as the longest such history of the batch has exchanges,
each over the items that reach that far. What lies further back than ``MOST_CHARACTERS`` is not
followed: one request of very long texts would hold the worker for a quarter of a minute. Items that
bring their state wait for these calls but add nothing to them; a client that wants speed sends back
the ``belief_state`` it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.parsed_generation import read
from todserve.runtime.decoding.questions import Question, Questions
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import Engine
from todserve.runtime.language.prompts import ContextForm, Exchange, PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.spelling.back_references import Before
from todserve.runtime.spelling.known_names import KnownNames
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.spelling.utterance_reader import UtteranceReader
from todserve.runtime.system_history import HistoryForm
from todserve.runtime.tracking.belief_tracking import Memory, track
from todserve.runtime.wire.request import TurnRequest

MOST_CHARACTERS = 20_000
"""Of what is followed, the newest; a hundred exchanges as people type them have fewer."""


def needs_replay(request: TurnRequest, context: ContextForm) -> bool:
    """Say whether the state must be rebuilt: the client sent a history, but no state.

    A client that names the active domain or a corrected slot keeps track itself; its state is
    just empty so far.
    """
    return (
        context.rests_on_state
        and bool(request.history)
        and not request.state
        and request.domain is None
        and not request.corrected
    )


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Rebuilds states with the model itself."""

    checkpoint: Checkpoint
    engine: Engine
    builder: PromptBuilder
    form: HistoryForm
    automaton: TokenAutomaton | None = None
    names: KnownNames | None = None
    reader: UtteranceReader | None = None

    def memories(
        self,
        histories: Sequence[Sequence[Exchange]],
        moments: Sequence[datetime | None] = (),
    ) -> list[Memory]:
        """Return what is known after each history, all histories side by side.

        Args:
            histories: what was said.
            moments: what time it is for each user, as of ``track``: nobody tells when they said it.
        """
        histories = [_newest(history) for history in histories]
        memories = [Memory() for _ in histories]
        replies = [""] * len(histories)
        for level in range(max(map(len, histories), default=0)):
            reaching = [place for place, history in enumerate(histories) if len(history) > level]
            users = {
                place: self._resolved(histories[place], level, memories[place])
                for place in reaching
            }
            sources = [
                _source(histories[place], level, users[place], replies[place], memories[place])
                for place in reaching
            ]
            generations = Questions(
                self.engine, self.builder, self.checkpoint.calibration, self.automaton
            ).ask([Question(source=source, task=TaskName.BELIEF_STATE) for source in sources])
            for place, generation in zip(reaching, generations, strict=True):
                exchange = histories[place][level]
                memories[place] = track(
                    memories[place],
                    read(
                        generation,
                        TaskName.BELIEF_STATE,
                        tokenizer=self.checkpoint.tokenizer,
                        schema=self.checkpoint.schema,
                        constrained=self.automaton is not None,
                    ),
                    target=self.checkpoint.format.belief_target,
                    schema=self.checkpoint.schema,
                    intent=None,
                    utterance=users[place],
                    domain_model=self.checkpoint.domain_model,
                    names=self.names,
                    grounds=self.checkpoint.grounds,
                    history=histories[place][:level],
                    act_from=self.checkpoint.calibration.act_from,
                    values=self.checkpoint.values,
                    now=moments[place] if moments else None,
                ).memory
                replies[place] = self.form.system_text(exchange.system, memories[place])
        return memories

    def _resolved(self, history: Sequence[Exchange], level: int, memory: Memory) -> str:
        """Return an utterance with what it points at named, as when it was said."""
        user = history[level].user
        if self.reader is None:
            return user
        said = [one.system for one in history[:level]]
        before = Before(state=memory.state, domain=memory.domain, said=said)
        return self.reader.resolved(Spelled(text=user), before).text


def _newest(history: Sequence[Exchange]) -> Sequence[Exchange]:
    left = MOST_CHARACTERS
    for place in range(len(history) - 1, -1, -1):
        left -= len(history[place].user) + len(history[place].system)
        if left < 0:
            return history[place + 1 :]
    return history


def _source(
    history: Sequence[Exchange], level: int, user: str, reply: str, memory: Memory
) -> PromptInput:
    before = (Exchange(user=history[level - 1].user, system=reply),) if level else ()
    return PromptInput(user=user, history=before, previous_state=memory.state)
