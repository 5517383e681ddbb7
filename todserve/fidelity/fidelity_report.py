"""FidelityReport: how true an export is to the checkpoint it was made of, its ``fidelity.json``.

``tod export`` measures and writes it, and ``tod archive`` reads it and refuses an export that lost
too much. Pydantic and the standard library only.
Example: ``FidelityReport.load(folder).joint_goal_accuracy.points == -0.5``.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.whole_files import write_whole

FIDELITY_FILE = "fidelity.json"

_Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_PerCent = Annotated[float, Field(ge=0, le=100)]


class Change(BaseModel):
    """A score of both, 0 to 100, over the same ``of`` turns or replies."""

    # The points are written for those who read the file; they follow from the rest.
    model_config = ConfigDict(frozen=True, extra="ignore")

    reference: _PerCent
    exported: _PerCent
    of: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def points(self) -> float:
        """What the export gained; less than 0 is a loss."""
        return self.exported - self.reference


class FidelityReport(BaseModel):
    """What was measured between the reference, PyTorch in float32, and an export.

    Attributes:
        engine: what ran the export.
        dtype: the number format of its matrix products.
        checkpoint: the first digits of the sha256 of the weights of both.
        exporter: version of todserve that exported.
        signature: corpus, split, turns, code version and protocol of the figures.
        turns: how many were answered by both.
        tokens: how many the reference wrote, end tokens included; the next three are over them.
        max_logit_difference: largest difference of two logits after the same tokens.
        mean_kl: mean KL(reference || export) of the next token, in nats.
        same_choice: share of tokens that the export would have chosen as well.
        identical_turns: share of turns whose belief state, intent, acts and response consist of
            the very same tokens. Both carry their own states from turn to turn, so one that
            departs may depart in the turns after it too.
        joint_goal_accuracy: per cent of turns; None where no turn has a state.
        response_bleu_surrogate: of delexicalised replies; None where no turn has one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName
    dtype: Dtype
    checkpoint: str
    exporter: str
    signature: str
    turns: int
    tokens: int
    max_logit_difference: _Figure
    mean_kl: _Figure
    same_choice: _Share
    identical_turns: _Share
    joint_goal_accuracy: Change | None
    response_bleu_surrogate: Change | None

    @classmethod
    def load(cls, folder: Path) -> "FidelityReport":
        """Read the report of an export folder.

        Raises:
            ConfigError: there is none, or it cannot be read.
        """
        path = folder / FIDELITY_FILE
        try:
            return cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; export the checkpoint again with this version"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the report into an export folder."""
        write_whole(folder / FIDELITY_FILE, self.model_dump_json(indent=2) + "\n")

    def markdown(self) -> str:
        """Return the report as a Markdown table, which is plain enough to be read as it is."""
        rows = [
            ("joint goal accuracy", *_change(self.joint_goal_accuracy, "turns")),
            ("response BLEU (surrogate)", *_change(self.response_bleu_surrogate, "replies")),
            ("identical turns", f"{100 * self.identical_turns:.2f}%", f"of {self.turns} turns"),
            ("same next token", f"{100 * self.same_choice:.3f}%", f"of {self.tokens} tokens"),
            ("mean KL divergence", f"{self.mean_kl:.3g} nats", f"of {self.tokens} tokens"),
            ("largest difference of logits", f"{self.max_logit_difference:.3g}", ""),
        ]
        return "\n".join(
            (
                f"{self.engine} {self.dtype} against torch float32, checkpoint {self.checkpoint}, "
                f"exported by todserve {self.exporter}",
                "",
                "| measure | value | |",
                "|---|---|---|",
                *(f"| {' | '.join(row)} |" for row in rows),
                "",
                self.signature,
            )
        )


def _change(change: Change | None, unit: str) -> tuple[str, str]:
    if change is None:
        return "-", f"no {unit} with a label"
    return (
        f"{change.reference:.2f} -> {change.exported:.2f} ({change.points:+.2f})",
        f"of {change.of} {unit}",
    )
