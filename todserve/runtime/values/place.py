"""Place: where a service is, for what a language alone does not tell about values.

Read from a checkpoint's ``values.json``, which may say any of it and need not exist. Example:
``{"country": "AT", "time_zone": "Europe/Vienna", "currency": "EUR"}``.
"""

import re
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.untrusted.json_text import read_json

PLACE_FILE = "values.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")


def known_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        ValueError: there is none of that name.
    """
    try:
        if _ZONE.fullmatch(name):  # what is looked up is a file's name
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError(f"no time zone {name[:40]!r}; expected one such as Europe/Berlin")


class DateOrder(StrEnum):
    """What stands first where a date is written in figures."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class Place(BaseModel):
    """Where a service is.

    Attributes:
        time_zone: in which the server's clock is read, where a request does not say what time it
            is; UTC unless it is said.
        country: whose phone numbers may be written without a country's code; None for the one that
            the language's file names.
        currency: of amounts that name none; None leaves them without.
        date_order: of dates in figures; None for the language's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = "UTC"
    country: str | None = None
    currency: str | None = None
    date_order: DateOrder | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, given: str) -> str:
        known_zone(given)
        return given

    @field_validator("country")
    @classmethod
    def _two_letters(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch("[A-Z]{2}", given):
            raise ValueError("expected two capital letters, such as DE")
        return given

    @field_validator("currency")
    @classmethod
    def _three_letters(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch("[A-Z]{3}", given):
            raise ValueError("expected three capital letters, such as EUR")
        return given

    @classmethod
    def of_folder(cls, folder: Path) -> "Place":
        """Return a checkpoint's place; without ``values.json`` nothing is known of it.

        Raises:
            ConfigError: the file is malformed.
        """
        path = folder / PLACE_FILE
        if not path.is_file():
            return cls()
        try:
            return cls.model_validate(read_json(path))
        except (OSError, ValueError, ValidationError) as error:
            raise ConfigError(
                f"cannot read {path}: {reason_of(error)}; expected time_zone, country, currency "
                "and date_order, or some of them"
            ) from error

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return known_zone(self.time_zone)
