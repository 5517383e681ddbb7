"""NameCloseness: how near a value must come to a name in the database to be read as that name.

The checkpoint reads it from its ``names.json``, which ``tod fit-names --write`` fits on dev.
Example ``names.json``: ``{"version": 1, "threshold": 0.82, "fit": {"corpus": "multiwoz21", "split":
"dev", "signature": "..."}}``.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from todserve.runtime.decoding.calibration import CalibrationFit
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.whole_files import write_whole

NAMES_FILE = "names.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

NAMES_VERSION = 1
"""Raised whenever the same file would bring other values to names."""

CAUTIOUS = 0.9
"""The threshold where none was fitted: one mistake in a name of ten letters."""


class NameCloseness(BaseModel):
    """How near a value must come to a name to mean it, as a checkpoint's ``names.json`` says.

    Attributes:
        version: version of the file.
        threshold: least similarity, from 0 to 1, of a value and the name it means.
        fit: what it was fitted on; None where nothing was fitted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = NAMES_VERSION
    threshold: float = Field(default=CAUTIOUS, ge=0.5, le=1)
    fit: CalibrationFit | None = None

    @classmethod
    def load(cls, path: Path) -> "NameCloseness":
        """Read ``names.json``; where there is none, the cautious threshold stands.

        Raises:
            ConfigError: malformed, or of another version.
        """
        if not path.is_file():
            return cls()
        try:
            loaded = cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read names file {path}: {error}; expected a version, a threshold from "
                "0.5 to 1 and what it was fitted on; delete the file, then run "
                "`tod fit-names --write`"
            ) from error
        if loaded.version != NAMES_VERSION:
            raise ConfigError(
                f"{path} has version {loaded.version}, this code speaks {NAMES_VERSION}; "
                "delete the file, then run `tod fit-names --write`"
            )
        return loaded

    def save(self, path: Path) -> None:
        """Write ``names.json``, atomically."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")
