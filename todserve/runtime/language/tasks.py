"""The task registry: the only place where a task's prompt and target text are defined.

Training, evaluation and serving all read it. Prefixes, start and end tokens and length caps are
PPTOD's (Su et al., ACL 2022, and its published code).
Example: ``TASKS[TaskName.INTENT].prefix`` is ``"translate dialogue to user intent:"``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from todserve.runtime.language import formats
from todserve.runtime.language.schema import Schema


class TaskName(StrEnum):
    """The four questions a turn asks the model."""

    BELIEF_STATE = "belief_state"
    DIALOGUE_ACT = "dialogue_act"
    RESPONSE = "response"
    INTENT = "intent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """How one question is put and its answer read.

    Attributes:
        name: the task.
        prefix: the prompt, in natural language.
        start_token: first decoder token; names the task to the decoder.
        end_token: generation stops here.
        max_new_tokens: cap on the generated tokens.
        needs_database: whether the database token conditions it.
        serialize: ``(target, schema) -> text`` of the format.
        parse: ``(text, schema) -> Parsed...``; never raises on malformed text.
    """

    name: TaskName
    prefix: str
    start_token: str
    end_token: str
    max_new_tokens: int
    needs_database: bool
    serialize: Callable[[Any, Schema], str]
    parse: Callable[[str, Schema], Any]


TASKS: Mapping[TaskName, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task(
                name=TaskName.BELIEF_STATE,
                prefix="translate dialogue to belief state:",
                start_token="<sos_b>",
                end_token="<eos_b>",
                max_new_tokens=120,
                needs_database=False,
                serialize=formats.serialize_belief_state,
                parse=formats.parse_belief_state,
            ),
            Task(
                name=TaskName.DIALOGUE_ACT,
                prefix="translate dialogue to dialogue action:",
                start_token="<sos_a>",
                end_token="<eos_a>",
                max_new_tokens=80,
                needs_database=True,
                serialize=lambda acts, schema: formats.serialize_dialogue_acts(acts),
                parse=formats.parse_dialogue_acts,
            ),
            Task(
                name=TaskName.RESPONSE,
                prefix="translate dialogue to system response:",
                start_token="<sos_r>",
                end_token="<eos_r>",
                max_new_tokens=120,
                needs_database=True,
                serialize=lambda text, schema: formats.serialize_response(text),
                parse=formats.parse_response,
            ),
            Task(
                name=TaskName.INTENT,
                prefix="translate dialogue to user intent:",
                start_token="<sos_d>",
                end_token="<eos_d>",
                max_new_tokens=64,
                needs_database=False,
                serialize=lambda intent, schema: formats.serialize_intent(intent),
                parse=formats.parse_intent,
            ),
        )
    }
)

CONTROL_TOKENS = (
    "<sos_context>",
    "<eos_context>",
    "<sos_u>",
    "<eos_u>",
    "<sos_db>",
    "<eos_db>",
    *(token for task in TASKS.values() for token in (task.start_token, task.end_token)),
)
"""Every control token of the prompts, in vocabulary order."""

DATABASE_TOKENS = ("[db_nores]", "[db_0]", "[db_1]", "[db_2]", "[db_3]")
"""No look-up, then PPTOD's four buckets of the number of matches."""
