"""Calibration: the temperatures that make a checkpoint's confidences honest.

Read from the checkpoint; `Questions` decodes a row of task T with the probabilities softmax(logits
/ temperature of T). The greedy choice stays the same, since a positive temperature keeps the order
of the logits; only the reported probability changes. Example ``calibration.json``: ``{"version": 1,
"checkpoint": "3b3409946d5b", "temperatures": {"intent": 1.31}, "fit": {"corpus": "multiwoz21",
"split": "dev", "signature": "..."}}``.

Temperature scaling: Guo et al., On Calibration of Modern Neural Networks, ICML 2017
(arXiv 1706.04599). ``todserve.evaluation.calibration.temperature_fit`` fits the temperatures.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.untrusted.problem_words import expectation
from todserve.runtime.whole_files import write_whole

CALIBRATION_FILE = "calibration.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

CALIBRATION_VERSION = 1
"""Raised whenever the same file would mean other probabilities."""

# Far beyond any fit, and close enough to 1 that no finite logit overflows.
Temperature = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]


class CalibrationFit(BaseModel):
    """What the temperatures were fitted on.

    Attributes:
        corpus: short name.
        split: never ``test``.
        signature: of the fit: corpus, split, subset, checkpoint, code, protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    split: str
    signature: str


class Calibration(BaseModel):
    """A temperature for each task: a checkpoint's ``calibration.json``.

    Attributes:
        version: version of the file.
        checkpoint: checksum of the weights the temperatures belong to; "" for any.
        temperatures: task -> temperature; a task without one keeps 1, the model's own
            probabilities.
        act_from: the least confidence of a belief-state value that is worth acting on; below it
            the reply asks. 0 acts on every one.
        fit: what they were fitted on; None where nothing was fitted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = CALIBRATION_VERSION
    checkpoint: str = ""
    temperatures: Mapping[TaskName, Temperature] = {}
    act_from: Annotated[float, Field(ge=0, le=1)] = 0.0
    fit: CalibrationFit | None = None

    @classmethod
    def load(cls, path: Path, *, checkpoint: str) -> "Calibration":
        """Read ``calibration.json``; where there is none, every temperature is 1.

        Args:
            path: the file.
            checkpoint: checksum of the weights beside it.

        Raises:
            ConfigError: malformed, of another version, or fitted for other weights.
        """
        if not path.is_file():
            return cls()
        try:
            loaded = cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read calibration file {path}: {_told(error)}; expected a version, a "
                "checkpoint, temperatures above 0 for tasks, and what they were fitted on; delete "
                "the file, then fit it again"
            ) from error
        if loaded.version != CALIBRATION_VERSION:
            raise ConfigError(
                f"{path} has version {loaded.version}, this code speaks {CALIBRATION_VERSION}; "
                "delete the file, then fit it again"
            )
        if loaded.checkpoint and loaded.checkpoint != checkpoint:
            raise ConfigError(
                f"{path} was fitted for weights {loaded.checkpoint}; got weights {checkpoint}; "
                "delete the file, then fit it again"
            )
        return loaded

    def save(self, path: Path) -> None:
        """Write ``calibration.json``, atomically."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")

    def temperature(self, task: TaskName) -> float:
        """Return the temperature of ``task``; 1 where none was fitted."""
        return self.temperatures.get(task, 1.0)


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'file'}: {expectation(one)}" for one in error.errors()
    )


UNCALIBRATED = Calibration()
"""Every temperature 1."""
