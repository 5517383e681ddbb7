"""The calibration report: what was fitted, and confidences before and after it.

`calibration_run` makes it, prints it as a table and writes it as JSON. Example row:
``intent  T 1.38  intent  of 1801  right 0.934  ECE 0.031 -> 0.009``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from todserve.evaluation.calibration.reliability import BINS, Reliability
from todserve.evaluation.calibration.temperature import FITTED_BY
from todserve.evaluation.figures import Figure
from todserve.evaluation.metrics.information import DEFINITIONS, Nats
from todserve.evaluation.scorecard import Signature
from todserve.runtime.language.tasks import TaskName

BEFORE, AFTER = "before", "after"
"""With temperature 1, and with the fitted one."""

CALIBRATION_DEFINITIONS = {
    "confidence": "product of the probabilities of the tokens that say a claim, each given all "
    "before it: softmax(logits / temperature)",
    "slot": "a value the turn wrote is the one in the corpus's state after the turn",
    "intent": "the intent is the corpus's",
    "act": "one act of the reply is among the corpus's; carried by the tokens since the act before",
    "act_set": "the acts of the reply are the corpus's, none missing",
    "ece": f"sum over {BINS} equal-width bins of count / all * |accuracy - mean confidence|",
    "ece_equal_mass": f"the same over {BINS} bins of as equal counts as ties allow",
    "brier": "mean of (confidence - outcome)^2",
    "log_loss": "mean of -ln of the probability given to the outcome; nats",
    "temperature": "minimises the log-loss of its task's claims on the fit half; for the response, "
    "which has no right and wrong, the cross-entropy of the reference's tokens",
}
"""What each figure of the report is; goes into its JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCalibration:
    """One task's temperature and what it changed on the report half.

    Attributes:
        temperature: fitted on the fit half.
        fitted_on: number of claims, or of reference tokens, that it was fitted on.
        claims: kind of claim -> ``before`` and ``after`` -> reliability.
        cross_entropy: ``before`` and ``after`` -> against the references; empty without any.
        entropy: of the predictions along what the model wrote; at temperature 1.
    """

    temperature: float
    fitted_on: int
    claims: Mapping[str, Mapping[str, Reliability]]
    cross_entropy: Mapping[str, Nats]
    entropy: Nats | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationReport:
    """Everything one calibration found.

    Attributes:
        fit: signature of the half that the temperatures were fitted on.
        report: signature of the half that all figures are of.
        dialogues: of the fit half and of the report half.
        turns: likewise.
        tasks: in the order of the table.
        robustness: rates of malformed and invented output, of both halves.
        robustness_signature: of both halves.
    """

    fit: Signature
    report: Signature
    dialogues: tuple[int, int]
    turns: tuple[int, int]
    tasks: Mapping[TaskName, TaskCalibration]
    robustness: Sequence[Figure]
    robustness_signature: Signature

    def as_json(self) -> dict[str, object]:
        """Return the report in plain JSON types, reliability diagrams included."""
        return {
            "signature": str(self.report),
            "fit_signature": str(self.fit),
            "dialogues": {"fit": self.dialogues[0], "report": self.dialogues[1]},
            "turns": {"fit": self.turns[0], "report": self.turns[1]},
            "bins": BINS,
            "definitions": {**CALIBRATION_DEFINITIONS, **DEFINITIONS},
            "tasks": {
                str(task): {"fitted_by": FITTED_BY[task] or "reference tokens", **asdict(one)}
                for task, one in self.tasks.items()
            },
            "robustness": {
                "signature": str(self.robustness_signature),
                "figures": {
                    one.name: {key: value for key, value in asdict(one).items() if key != "name"}
                    for one in self.robustness
                },
            },
        }

    def table(self) -> str:
        """Return the report as aligned text, signatures below."""
        lines = [
            f"{self.dialogues[0]} dialogues to fit, {self.dialogues[1]} to report "
            f"({self.turns[0]} and {self.turns[1]} turns); temperature 1 -> fitted [1]",
            f"  {'task':<13}{'T':>6}  {'claim':<8}{'count':>6}{'right':>7}"
            f"{'confidence':>17}{'ECE':>17}{'ECE eq. mass':>17}{'Brier':>17}{'log-loss':>17}",
        ]
        for task, one in self.tasks.items():
            for kind, found in one.claims.items():
                lines.append(_row(task, one.temperature, kind, found[BEFORE], found[AFTER]))
        lines.append(
            f"  {'nats per token':<13}{'T':>5}  {'tokens':>13}{'cross-entropy':>20}"
            f"{'entropy (own text)':>22}"
        )
        lines += [_nats_row(task, one) for task, one in self.tasks.items() if one.cross_entropy]
        lines.append(f"  turns that went wrong in themselves [2], of {sum(self.turns)}")
        lines += [
            f"  {one.name:<24} {'-' if one.value is None else f'{one.value:.4f}':>7}  {one.note}"
            for one in self.robustness
        ]
        lines.append(f"[1] {self.report}; temperatures: {self.fit.subset}")
        lines.append(f"[2] {self.robustness_signature}")
        return "\n".join(lines)


def _row(task: str, temperature: float, kind: str, before: Reliability, after: Reliability) -> str:
    pairs = (
        (before.confidence, after.confidence),
        (before.ece, after.ece),
        (before.ece_equal_mass, after.ece_equal_mass),
        (before.brier, after.brier),
        (before.log_loss, after.log_loss),
    )
    changes = "".join(f"{f'{_shown(one)} -> {_shown(other)}':>17}" for one, other in pairs)
    return (
        f"  {task:<13}{temperature:>6.3f}  {kind:<8}{before.count:>6}"
        f"{_shown(before.accuracy):>7}{changes}"
    )


def _nats_row(task: str, one: TaskCalibration) -> str:
    before, after = one.cross_entropy[BEFORE], one.cross_entropy[AFTER]
    own = f"{one.entropy.mean:.4f}" if one.entropy else "-"
    change = f"{before.mean:.4f} -> {after.mean:.4f}"
    return f"  {task:<13}{one.temperature:>6.3f}  {before.tokens:>13}{change:>20}{own:>22}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
