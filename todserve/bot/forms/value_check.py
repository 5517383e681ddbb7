"""Check: what a slot's value must be before a form takes it.

bot.yml states them slot by slot, and a form holds what a user said against them. Example:
``Check(least=1, most=12).allows("14")`` is False, and so the form says why and asks again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from todserve.bot.expressions import Expression
from todserve.runtime.errors import ConfigError

Name = Annotated[str, StringConstraints(min_length=1)]


class Check(BaseModel):
    """What a value must be; every condition that is given must hold.

    Attributes:
        pattern: a regular expression that the whole value matches, in any case.
        listed: whether it must be one of the slot's ``values``.
        least: the smallest number that it may be: what the value means, where the model tells that
            ("25 quid" is 25).
        most: the largest one.
        earliest: the first day that it may be, in days from today: 0 refuses what is past.
        latest: the last one.
        action: judges the value where all else holds; it sets the slot to null to refuse it.
        refused: the response that says why a value is not taken; ``{value}`` stands for it, and so
            does the slot's own name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: Name | None = None
    listed: bool = False
    least: float | None = None
    most: float | None = None
    earliest: int | None = None
    latest: int | None = None
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
        if self.earliest is not None and self.latest is not None and self.earliest > self.latest:
            raise ConfigError(
                f"check: got earliest {self.earliest} and latest {self.latest}; expected a time "
                "that some day is in; correct one of them"
            )
        return self

    def allows(
        self,
        value: str,
        listed: Sequence[str] = (),
        meaning: Mapping[str, Any] | None = None,
        *,
        today: date | None = None,
    ) -> bool:
        """Say whether a value is one, as far as bot.yml can tell.

        Args:
            value: as the form would take it.
            listed: the values of its slot.
            meaning: what the model says that it means; None where it says nothing.
            today: the day from which ``earliest`` and ``latest`` count; None for the clock's, in
                UTC.
        """
        meant = str(meaning["value"]) if meaning is not None else value
        if self.pattern is not None and whole(self.pattern).groups(value) is None:
            return False
        if self.listed and value.casefold() not in [one.casefold() for one in listed]:
            return False
        if not self._in_time(meant, today or datetime.now(UTC).date()):
            return False
        if self.least is None and self.most is None:
            return True
        try:
            number = float(meant)
        except ValueError:
            return False
        return (self.least is None or number >= self.least) and (
            self.most is None or number <= self.most
        )

    def _in_time(self, meant: str, today: date) -> bool:
        if self.earliest is None and self.latest is None:
            return True
        try:
            days = (date.fromisoformat(meant) - today).days
        except ValueError:
            return False
        return (self.earliest is None or days >= self.earliest) and (
            self.latest is None or days <= self.latest
        )


@lru_cache(maxsize=500)
def whole(pattern: str) -> Expression:
    """Return the expression for texts that match from their first letter to their last."""
    return Expression(f"^(?:{pattern})$", place="check.pattern")
