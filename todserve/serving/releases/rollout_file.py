"""Rollout: a version on trial, with a share of the new dialogues or beside a share of the turns.

``tod release canary`` and ``tod release shadow`` write it, in one file beside the log of releases;
a gateway looks at it before each message, so what is changed here counts from the next one on, and
after every restart.
Example: ``RolloutFile(Path("logs")).read("tod").canary`` is version 2.0 with a share of 0.1.
"""

import hashlib
import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from todserve.runtime.errors import ConfigError, ServerError
from todserve.runtime.private_files import private_folder
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

FILE_NAME = "rollout.json"
Share = Annotated[float, Field(gt=0, le=1)]
VersionNumber = Annotated[str, Field(pattern=r"^[0-9][0-9.]{0,19}$")]
Address = Annotated[str, Field(pattern=r"^https?://[^\s/]\S*$")]


class Trial(BaseModel):
    """A version that is tried.

    Attributes:
        version: its number.
        share: of the new dialogues, or of the turns.
        since: when that began, in microseconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: VersionNumber
    share: Share
    since: int = Field(default_factory=lambda: time.time_ns() // 1000)

    def takes(self, name: str) -> bool:
        """Say whether a dialogue or a turn falls to it; of one name always the same."""
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8]) < self.share * 2**64


class Rollout(BaseModel):
    """What is tried of one model, and what of it other servers serve.

    Attributes:
        places: version -> address of the server that serves it, where it is not the model's own.
        answers: the one of these that answers; None where the model's own server does.
        canary: answers the new dialogues that fall to it.
        shadow: is asked turns again that were answered already; nobody sees what it says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    places: dict[VersionNumber, Address] = Field(default_factory=dict)
    answers: VersionNumber | None = None
    canary: Trial | None = None
    shadow: Trial | None = None


_ALL = TypeAdapter(dict[str, Rollout])


class RolloutFile:
    """The file of one server's folder of logs, for all its models."""

    def __init__(self, log_dir: Path) -> None:
        self.path = log_dir / FILE_NAME

    def read(self, model: str) -> Rollout:
        """Return what is tried of a model; nothing where there is no file.

        Raises:
            ServerError: the file is none of ours.
        """
        return self._read().get(model, Rollout())

    def write(self, model: str, rollout: Rollout) -> None:
        """Try this from now on, and nothing else of the model.

        Raises:
            OSError: it cannot be written.
            ServerError: the file that is there is none of ours.
        """
        every = self._read() | {model: rollout}
        private_folder(self.path.parent)
        write_whole(self.path, _ALL.dump_json(every, indent=1).decode() + "\n")

    def _read(self) -> dict[str, Rollout]:
        try:
            return _ALL.validate_python(read_json(self.path))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            # Whatever is wrong with it is not repeated: a ValidationError would quote the file.
            told = "no rollout" if isinstance(error, ValidationError) else str(error)
            raise ServerError(
                f"{self.path}: {told}; expected what `tod release canary` writes; move the file "
                "away to end every trial"
            ) from None


def share_of(text: str) -> float:
    """Return a share as people write it: ``10%`` or ``0.1``.

    Raises:
        ConfigError: it is none, or not above 0% and at most 100%.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if rest or not 0 < share <= 1:
        raise ConfigError(f"got {text!r}; expected a share above 0% and at most 100%, such as 10%")
    return share
