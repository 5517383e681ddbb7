"""Steps: what somebody types in a dialogue, and the state, intent and reply that are right then.

Read from YAML files like the shipped ``multiwoz.yaml``, so that a team can write its own.
Example step: ``{user: "no wait, south", state: {restaurant: {food: italian, area: south}}}``.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from todserve.runtime.errors import CorpusError, DataError, reason_of
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.yaml_text import read_yaml

SHIPPED = Path(__file__).parent / "multiwoz.yaml"
"""Steps for the shipped MultiWOZ checkpoint."""

EVERYDAY = SHIPPED.with_name("everyday.yaml")
"""More of them, with replies; see the file."""

_OPTIONAL = "~"

Wanted = str | tuple[str, ...]
"""A value, or several of which any is right."""


class Step(BaseModel):
    """One utterance of somebody, and the belief state and intent that are right after it.

    Attributes:
        user: what is typed.
        state: domain -> slot -> right value or values, the whole state after it; a slot with
            ``~`` behind its name may also be absent.
        intent: the right intent, or several; None where any will do.
        says: regular expression that the reply must match.
        never: regular expression that the reply may not match.
        reply: what the next step takes for the reply, whatever the model said ("the second one"
            needs a list to be of).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = Field(min_length=1)
    state: Mapping[str, Mapping[str, Wanted]]
    intent: Wanted | None = None
    says: str | None = None
    never: str | None = None
    reply: str | None = None

    @field_validator("says", "never")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            check_pattern(pattern)
        return pattern

    def is_right(self, state: BeliefState, intent: str | None, reply: str, schema: Schema) -> bool:
        """Say whether a model that came to this has understood the step."""
        if self.intent is not None and intent not in _several(self.intent):
            return False
        if self.says is not None and not re.search(self.says, reply):
            return False
        if self.never is not None and re.search(self.never, reply):
            return False
        left = {
            (domain, slot): value
            for domain, slots in state.items()
            for slot, value in slots.items()
        }
        for domain, slots in self.state.items():
            for name, wanted in slots.items():
                slot = name.removesuffix(_OPTIONAL)
                value = left.pop((domain, slot), None)
                if value is None and name.endswith(_OPTIONAL):
                    continue
                known = {schema.normalise_value(domain, slot, one) for one in _several(wanted)}
                if value is None or schema.normalise_value(domain, slot, value) not in known:
                    return False
        return not left


class TypedDialogue(BaseModel):
    """Steps that follow one another, and what kind of thing they try."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    turns: tuple[Step, ...] = Field(min_length=1)


def load_steps(path: Path) -> tuple[TypedDialogue, ...]:
    """Read a file of dialogues.

    Raises:
        CorpusError: it is missing or not in this layout.
    """
    try:
        content: Any = read_yaml(path)
        if not isinstance(content, list):
            raise CorpusError(f"{path}: holds no list of dialogues; see {SHIPPED.name} of todserve")
        return tuple(TypedDialogue.model_validate(one) for one in content)
    except (OSError, DataError, ValidationError) as error:
        raise CorpusError(
            f"cannot read steps from {path}: {reason_of(error)}; expected a list of dialogues, "
            "each with kind and turns, each of these with user and state"
        ) from error


def _several(wanted: Wanted) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted
