"""FidelityLimits: how much an export may lose before it is not served.

``tod archive`` holds an export's report against it. Example: int8 may cost half a point of joint
goal accuracy; ``check(report)`` raises where it cost more.
"""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from todserve.fidelity.fidelity_report import Change, FidelityReport
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.errors import ArchiveError
from todserve.runtime.networks.export_manifest import ExportManifest

_ROUNDING = 1e-9  # a loss of exactly the limit is allowed, however its points were subtracted


class FidelityLimits(BaseModel):
    """What a number format may cost; None leaves a measure free.

    Attributes:
        points_lost: of joint goal accuracy, and of BLEU, each by itself.
        identical_turns: least share of turns with the very same output.
        logit_difference: largest allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    points_lost: float
    identical_turns: float | None = None
    logit_difference: float | None = None


LIMITS: Mapping[Dtype, FidelityLimits] = {
    Dtype.INT8: FidelityLimits(points_lost=0.5),
    # The same arithmetic in another order: a choice may only fall otherwise where the two best
    # logits lie closer together than twice the difference, and almost nowhere do they.
    Dtype.FLOAT32: FidelityLimits(points_lost=0.5, identical_turns=0.995, logit_difference=0.01),
}
"""By the export's number format."""


def check(report: FidelityReport, manifest: ExportManifest | None = None) -> None:
    """Refuse an export that lost more than its number format may.

    Args:
        report: of the export.
        manifest: the export's own; a report of something else is refused.

    Raises:
        ArchiveError: what was lost, how much may be, and what to do.
    """
    made_of = f"the {report.engine} export in {report.dtype} of checkpoint {report.checkpoint}"
    if manifest is not None:
        found = (report.engine, report.dtype, report.checkpoint)
        expected = (manifest.engine, manifest.dtype, manifest.checkpoint)
        if found != expected:
            raise ArchiveError(
                f"the fidelity report is of {made_of}; expected {', '.join(map(str, expected))}; "
                "export the checkpoint again"
            )
    limits = LIMITS.get(report.dtype)
    if limits is None:
        raise ArchiveError(f"{made_of} has no limits; expected {' or '.join(LIMITS)}")
    broken = list(_broken(report, limits))
    if broken:
        fix = (
            "export it in float32, or for another engine"
            if report.dtype is Dtype.INT8
            else "export it again, or for another engine, and report this"
        )
        raise ArchiveError(
            f"{made_of} is not true enough to it on {report.turns} turns: {'; '.join(broken)}; "
            f"{fix}"
        )


def _broken(report: FidelityReport, limits: FidelityLimits) -> Iterator[str]:
    changes: tuple[tuple[str, Change | None], ...] = (
        ("joint goal accuracy", report.joint_goal_accuracy),
        ("BLEU", report.response_bleu_surrogate),
    )
    for name, change in changes:
        if change is not None and -change.points > limits.points_lost + _ROUNDING:
            yield (
                f"{name} fell by {-change.points:.2f} points from {change.reference:.2f}, "
                f"expected at most {limits.points_lost:.2f}"
            )
    least = limits.identical_turns
    if least is not None and report.identical_turns < least - _ROUNDING:
        yield (
            f"{100 * report.identical_turns:.2f}% of turns are identical, "
            f"expected at least {100 * least:.2f}%"
        )
    most = limits.logit_difference
    if most is not None and report.max_logit_difference > most:
        yield f"a logit differs by {report.max_logit_difference:.3g}, expected at most {most:g}"
