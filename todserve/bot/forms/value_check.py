"""Check: what a slot's value must be before a form takes it.

Between what was said and the form. Example: ``Check(least=1, most=12).allows("14")`` is False, and
so the form says why and asks again.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from todserve.bot.expressions import Expression
from todserve.runtime.errors import ConfigError

Name = Annotated[str, StringConstraints(min_length=1)]


class Check(BaseModel):
    """What a value must be; every condition that is given must hold.

    Attributes:
        pattern: a regular expression that the whole value matches, in any case.
        listed: whether it must be one of the slot's ``values``.
        least: the smallest number that it may be.
        most: the largest one.
        action: judges the value where all else holds; it sets the slot to null to refuse it.
        refused: the response that says why a value is not taken; ``{value}`` stands for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: Name | None = None
    listed: bool = False
    least: float | None = None
    most: float | None = None
    action: Name | None = None
    refused: Name = "utter_value_refused"

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.pattern is not None:
            whole(self.pattern)
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ConfigError(
                f"check: got least {self.least:g} and most {self.most:g}; expected a range that "
                "some number is in; correct one of them"
            )
        return self

    def allows(self, value: str, listed: Sequence[str] = ()) -> bool:
        """Say whether a value is one, as far as bot.yml can tell.

        Args:
            value: as the form would take it.
            listed: the values of its slot.
        """
        if self.pattern is not None and whole(self.pattern).groups(value) is None:
            return False
        if self.listed and value.casefold() not in [one.casefold() for one in listed]:
            return False
        if self.least is None and self.most is None:
            return True
        try:
            number = float(value)
        except ValueError:
            return False
        return (self.least is None or number >= self.least) and (
            self.most is None or number <= self.most
        )


@lru_cache(maxsize=500)
def whole(pattern: str) -> Expression:
    """Return the expression for texts that match from their first letter to their last."""
    return Expression(f"^(?:{pattern})$", place="check.pattern")
