"""Prompts: writes history, state and utterance as the token ids that the network reads.

The pipeline makes each request's prompts with it and gives them to the engine. PPTOD's recipe (Su
et al., ACL 2022) is ``context=full, prompt_placement=encoder``; only the history is ever shortened,
never the prompt. Example (markov, decoder): ``<sos_context> <sos_b> [train] day friday <eos_b>
<sos_r> where to? <eos_r> <sos_u> to ely <eos_u> <eos_context>`` with decoder prefix
``<sos_a> [db_1]``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.control_text import plain_reply, plain_target, plain_value
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.formats import serialize_belief_state
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TASKS, Task, TaskName
from todserve.runtime.language.text import normalise
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.whole_files import write_whole

if TYPE_CHECKING:  # clients build prompts' types without the tokenizers package
    from todserve.runtime.language.tokenizer import Tokenizer

FORMAT_VERSION = 1
"""Raised whenever the same dialogue would become other token ids."""

_USER_BEFORE = 80
_SYSTEM_BEFORE = 120
"""Newest tokens kept of the last exchange's two turns, their frames among them."""


class ContextForm(StrEnum):
    """How much of the dialogue so far the encoder reads."""

    FULL = "full"
    """The newest tokens of the whole history (PPTOD)."""
    MARKOV = "markov"
    """Previous belief state, previous system turn, user turn: cost stays constant."""
    EXCHANGE = "exchange"
    """The same with the user's words before that system turn: what was answered, and how."""

    @property
    def rests_on_state(self) -> bool:
        """Whether the state stands in for all of the past but the last exchange."""
        return self is not ContextForm.FULL


class PromptPlacement(StrEnum):
    """Where a prompt names its task: in the encoder's text or in the decoder's first token."""

    ENCODER = "encoder"
    """A text prefix before the context (PPTOD): one encoding per task."""
    DECODER = "decoder"
    """The decoder's first tokens: one encoding for all tasks."""


class BeliefTarget(StrEnum):
    """What the belief-state task writes."""

    STATE = "state"
    """The whole state (PPTOD)."""
    UPDATE = "update"
    """Only what the user's turn changed, as MinTL's Levenshtein belief spans."""
    TURN = "turn"
    """What the user's turn says by itself, for corpora whose states start anew with every turn."""


class SystemTurns(StrEnum):
    """How system turns stand in the context."""

    DELEXICALISED = "delexicalised"
    """With placeholders (PPTOD)."""
    PLAIN = "plain"
    """As the user read them, so that a name the system offered can be copied into the state."""


class PromptFormat(BaseModel):
    """The choices a checkpoint was trained with: its ``format.json``.

    Attributes:
        version: format version; a handler refuses another.
        max_history_tokens: newest history tokens kept (PPTOD: 900).
        tasks: what was learnt; a corpus that labels no acts teaches none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = FORMAT_VERSION
    context: ContextForm = ContextForm.FULL
    prompt_placement: PromptPlacement = PromptPlacement.ENCODER
    belief_target: BeliefTarget = BeliefTarget.STATE
    system_turns: SystemTurns = SystemTurns.DELEXICALISED
    max_history_tokens: int = Field(default=900, ge=16)
    tasks: tuple[TaskName, ...] = Field(default=tuple(TASKS), min_length=1)

    @classmethod
    def load(cls, path: Path) -> "PromptFormat":
        """Read ``format.json``.

        Raises:
            ConfigError: missing, malformed, or of another version.
        """
        try:
            loaded = cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read format file {path}: {error}; expected the format.json that "
                "`tod train` writes beside the weights"
            ) from error
        if loaded.version != FORMAT_VERSION:
            raise ConfigError(
                f"{path} has format version {loaded.version}, this code speaks {FORMAT_VERSION}; "
                "use the todserve version the checkpoint was trained with, or train anew"
            )
        return loaded

    def save(self, path: Path) -> None:
        """Write ``format.json``."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A past turn: what the user said and what the system replied."""

    user: str
    system: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptInput:
    """What a turn's prompts are made of.

    Attributes:
        user: the utterance to answer.
        history: earlier exchanges, oldest first; system texts in the form the format asks for.
        previous_state: belief state before the utterance.
    """

    user: str
    history: Sequence[Exchange] = ()
    previous_state: BeliefState = field(default_factory=dict)


class PromptBuilder:
    """Builds token ids by a checkpoint's format."""

    def __init__(self, tokenizer: "Tokenizer", prompt_format: PromptFormat, schema: Schema) -> None:
        """Look every control token up once.

        Raises:
            ConfigError: the vocabulary lacks one of them.
        """
        self.tokenizer = tokenizer
        self.schema = schema
        self.format = prompt_format
        self._id = tokenizer.token_id
        for task in TASKS.values():
            self._id(task.start_token)
        self._frame = (self._id("<sos_context>"), self._id("<eos_context>"))
        self._utterance = (self._id("<sos_u>"), self._id("<eos_u>"))
        self._prefixes = {name: tokenizer.encode(task.prefix) for name, task in TASKS.items()}

    def context(
        self,
        source: PromptInput,
        task: TaskName,
        database_token: str | None = None,
        *,
        history: Sequence[int] | None = None,
    ) -> tuple[int, ...]:
        """Return the encoder's ids; with placement ``decoder`` the same for every task.

        Args:
            source: history, previous state and utterance.
            task: the question.
            database_token: one of DATABASE_TOKENS, for tasks that need it.
            history: what ``history(source)`` returned; None works it out.
        """
        if history is None:
            history = self.history(source)
        start, end = self._frame
        if self.format.prompt_placement is PromptPlacement.DECODER:
            return (start, *history, end)
        ids = [*self._prefixes[task], start, *history, end]
        if TASKS[task].needs_database and database_token is not None:
            ids += [self._id("<sos_db>"), self._id(database_token), self._id("<eos_db>")]
        return tuple(ids)

    def utterance_places(self, context: Sequence[int]) -> slice:
        """Return where a context has the newest utterance, its two marks left out if it has words.

        Example: of ``<sos_context> ... <sos_u> to ely <eos_u> <eos_context>`` the two words'.
        """
        places = range(len(context) - 1, -1, -1)
        end = next((at for at in places if context[at] == self._utterance[1]), len(context))
        start = next((at for at in places if at < end and context[at] == self._utterance[0]), -1)
        return slice(start + 1, end) if end > start + 1 else slice(0, len(context))

    def prefix(self, task: TaskName, database_token: str | None = None) -> tuple[int, ...]:
        """Return the decoder's given ids: start token, and the database token if it goes there."""
        start = self._id(TASKS[task].start_token)
        in_decoder = self.format.prompt_placement is PromptPlacement.DECODER
        if in_decoder and TASKS[task].needs_database and database_token is not None:
            return (start, self._id(database_token))
        return (start,)

    def end_id(self, task: TaskName) -> int:
        """Return the id of the task's end token."""
        return self._id(TASKS[task].end_token)

    def target(self, task: Task, value: object) -> tuple[int, ...]:
        """Return the ids the decoder should write for ``value``, end token included."""
        if task.name is TaskName.BELIEF_STATE and isinstance(value, Mapping):
            value = _clean_state(value)
        elif task.name is TaskName.RESPONSE and isinstance(value, str):
            value = plain_reply(value)
        # A corpus and a correction are somebody else's, too: their words teach no frames.
        text = plain_target(task.serialize(value, self.schema))
        return (*self.tokenizer.encode(text), self._id(task.end_token))

    def history(self, source: PromptInput) -> list[int]:
        """Return the history's ids, at most ``max_history_tokens``, the newest kept."""
        limit = self.format.max_history_tokens
        user = self._spoken("u", plain_value(normalise(source.user)))
        if self.format.context.rests_on_state:
            state = self._between(
                "b",
                self.tokenizer.encode(
                    serialize_belief_state(_clean_state(source.previous_state), self.schema)
                ),
            )
            spoken = self._last_exchange(source) + user
            # The state stands in for the past, so words are cut first; half the room is theirs,
            # and all of it the utterance's, which the request's check promised to read.
            whole = len(user) if len(user) <= limit else 0
            room = max(limit - len(state), limit // 2, whole)
            return state[: limit - min(len(spoken), room)] + spoken[-room:]
        newest: list[int] = user
        for exchange in reversed(source.history):
            if len(newest) >= limit:
                break
            turn = self._spoken("u", plain_value(normalise(exchange.user)))
            newest = (
                turn + self._spoken("r", plain_reply(normalise(exchange.system)).strip()) + newest
            )
        return newest[-limit:]

    def _last_exchange(self, source: PromptInput) -> list[int]:
        if not source.history:
            return []
        last = source.history[-1]
        system = self._spoken("r", plain_reply(normalise(last.system)).strip())
        if self.format.context is ContextForm.MARKOV:
            return system
        user = self._spoken("u", plain_value(normalise(last.user)))
        return user[-_USER_BEFORE:] + system[-_SYSTEM_BEFORE:]

    def _spoken(self, speaker: str, text: str) -> list[int]:
        return self._between(speaker, self.tokenizer.encode(text))

    def _between(self, name: str, ids: list[int]) -> list[int]:
        return [self._id(f"<sos_{name}>"), *ids, self._id(f"<eos_{name}>")]


def _clean_state(state: BeliefState) -> BeliefState:
    # Nor may a value bring one, whoever wrote it: a client, a correction, a row of the database.
    return {
        domain: {slot: plain_value(value) for slot, value in slots.items()}
        for domain, slots in state.items()
    }
