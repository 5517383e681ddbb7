"""LearntLabels: the acts and placeholders a checkpoint was trained to write, its ``labels.json``.

A schema lists neither. Where a vocabulary holds no labels but the checkpoint's own, they can be
read off it (``constraint_labels``); a network that began as another one, trained on many corpora,
has the labels of all of them in its vocabulary, and this file says which are its own now.
Example: ``{"version": 1, "acts": ["inform", "request"], "placeholders": ["address", "name"]}``.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.whole_files import write_whole

LABELS_FILE = "labels.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""


class LearntLabels(BaseModel):
    """The acts and placeholders that ``labels.json`` lists.

    Attributes:
        version: of the file.
        acts: names of acts, without brackets.
        placeholders: slots of the placeholders in replies, without ``value_``.
        intents: intent -> its share of training's turns; empty where nobody counted.
        slots: slot as ``train-day`` -> its share of what training's turns set or changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    acts: tuple[str, ...]
    placeholders: tuple[str, ...]
    intents: Mapping[str, float] = {}
    slots: Mapping[str, float] = {}

    @classmethod
    def of_folder(cls, folder: Path) -> "LearntLabels | None":
        """Return a folder's labels; None where it has no such file.

        Raises:
            ConfigError: the file cannot be read.
        """
        path = folder / LABELS_FILE
        if not path.is_file():
            return None
        try:
            return cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; expected the labels.json that `tod train` writes, "
                "or none: the vocabulary's own labels count then"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the file into ``folder``."""
        text = self.model_dump_json(indent=1) + "\n"
        write_whole(folder / LABELS_FILE, text)
