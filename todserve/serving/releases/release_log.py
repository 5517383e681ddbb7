"""ReleaseLog: who made which version the one that answers, when and why; lines are only added.

``tod release`` writes and shows it. One JSON object a line in ``releases.jsonl`` beside the
server's logs, which no start begins anew. Example: ``ReleaseLog(Path("logs")).read()[-1].to`` is
``2.0``.
"""

import fcntl
import getpass
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import DataError, ServerError
from todserve.runtime.private_files import private_file
from todserve.runtime.untrusted.json_text import read_limited

FILE_NAME = "releases.jsonl"


class Action(StrEnum):
    """What was done."""

    PROMOTE = "promote"
    ROLL_BACK = "rollback"
    REFUSED = "refused"
    CANARY = "canary"
    SHADOW = "shadow"
    WITHDRAWN = "withdrawn"
    ADDED = "added"
    REMOVED = "removed"


class Release(BaseModel):
    """One line.

    Attributes:
        time: when, in UTC.
        user: the account of this machine that did it.
        action: what was done; ``refused`` is a promotion that the replay spoke against,
            ``withdrawn`` the end of a canary or a shadow that was not promoted, ``added`` and
            ``removed`` a version beside the one that answers.
        model: whose version.
        before: the version that answered until then; ``from`` in the file.
        to: the one that was to answer from then on.
        reason: as whoever did it said.
        replay: the dialogues that were asked again before; None where none were.
        share: of a canary or a shadow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    time: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    user: str = Field(default_factory=lambda: _account())
    action: Action
    model: str
    before: str = Field(alias="from")
    to: str
    reason: str = ""
    replay: str | None = None
    share: float | None = None

    @property
    def changed(self) -> bool:
        """Whether another version answered everybody afterwards."""
        return self.action in (Action.PROMOTE, Action.ROLL_BACK)


class ReleaseLog:
    """The log of one server's folder of logs."""

    def __init__(self, log_dir: Path) -> None:
        self.path = log_dir / FILE_NAME

    def read(self, model: str | None = None) -> list[Release]:
        """Return what was done, oldest first; of one model where one is named.

        Raises:
            ServerError: a line is none of ours.
        """
        if not self.path.is_file():
            return []
        found: list[Release] = []
        try:
            lines = read_limited(self.path).splitlines()
        except (OSError, DataError) as error:
            raise ServerError(f"{self.path}: cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            try:
                found.append(Release.model_validate_json(line))
            except ValidationError:
                raise ServerError(
                    f"{self.path}: line {number}: no release; expected the lines that `tod "
                    "release` adds; move the file away to begin another"
                ) from None
        return [one for one in found if model in (None, one.model)]

    def standing(self, model: str) -> str | None:
        """Return the version that was last made the one that answers; None where none was."""
        done = [one for one in self.read(model) if one.changed]
        return done[-1].to if done else None

    def before(self, model: str, now: str) -> str | None:
        """Return the version that answered before ``now`` was promoted; None where nobody knows.

        A version that was taken back is not gone back to.
        """
        stack: list[Release] = []
        for one in self.read(model):
            if one.action is Action.PROMOTE:
                stack.append(one)
            elif one.action is Action.ROLL_BACK and stack:
                stack.pop()
        return stack[-1].before if stack and stack[-1].to == now else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the log, so that one release is done after the other."""
        private_file(self.path)
        with self.path.open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def add(self, release: Release) -> None:
        """Add a line, and have it on the disk.

        Raises:
            OSError: it cannot be written.
        """
        private_file(self.path)
        plain = release.model_dump(mode="json", by_alias=True)
        with self.path.open("ab") as stream:
            stream.write(json.dumps(plain, ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        return getpass.getuser() if "USER" in os.environ else str(os.getuid())
