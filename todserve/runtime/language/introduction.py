"""Introduction: titles of services and things to say, as a checkpoint tells them to people.

It is the checkpoint's ``introduction.json`` and part of its description, which the studio and the
chat show. A schema names services as its corpus does, and no schema says what a user might say.
Example: ``{"version": 1, "titles": {"music": "음악", "3i4k": ""},
"prompts": ["아이유가 부른 노래 알려줘"]}``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_limited

INTRODUCTION_FILE = "introduction.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

_Title = Annotated[str, StringConstraints(max_length=100)]
_Prompt = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Introduction(BaseModel):
    """What ``introduction.json`` says.

    Attributes:
        version: of the file.
        titles: service -> what people call it; empty where nobody speaks of it, as of a corpus
            that only its intents are from. A service that is left out is called by its name.
        prompts: what a user might say, to begin with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    titles: Mapping[str, _Title] = {}
    prompts: tuple[_Prompt, ...] = Field((), max_length=10)

    @classmethod
    def of_folder(cls, folder: Path) -> "Introduction":
        """Return a folder's introduction; one that says nothing where it has no such file.

        Raises:
            ConfigError: the file cannot be read.
        """
        path = folder / INTRODUCTION_FILE
        if not path.is_file():
            return cls()
        try:
            return cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; expected titles of services and prompts, or no "
                "such file: services are called by their names then"
            ) from error

    def title(self, service: str) -> str:
        """Return what people call a service."""
        return self.titles.get(service, service.replace("_", " "))
