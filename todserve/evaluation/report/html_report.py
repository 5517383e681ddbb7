"""The HTML report: everything an evaluation found, in one file that needs no network.

An evaluation calls it when everything is scored. Example: ``write_report(Path("report.html"),
title="multiwoz21 test", card=json.loads(...))`` writes a page with the figures alone; what else is
given adds sections. The page quotes utterances of the corpus: give it to no one who may not have
the corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from todserve.evaluation.report.plots import Line, line_plot, reliability_plot
from todserve.evaluation.report.report_calibration import ClaimRow, claim_rows
from todserve.evaluation.report.report_confusion import IntentPair, confusion, scored_intents
from todserve.evaluation.report.report_curves import SPEED, Curve, read_curves
from todserve.evaluation.report.report_dialogues import (
    LEAST_TURNS,
    MOST_DIALOGUES,
    RULE,
    worst_dialogues,
)
from todserve.evaluation.report.report_figures import figure_table, shown
from todserve.evaluation.report.report_states import (
    TurnNumberRow,
    by_turn_number,
    compared,
    domain_rows,
)
from todserve.evaluation.rollout import Outcome
from todserve.evaluation.suites.multiwoz.multiwoz_inform_success import DialogueOutcome
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import Predictions
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TASKS
from todserve.runtime.whole_files import write_whole

TEMPLATE = "report.html.j2"
"""Stands beside this module, as package data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedRollout:
    """Dialogues that were rolled out, for the sections on states, intents and dialogues.

    Attributes:
        outcomes: of whole dialogues.
        schema: spells values.
        split: of the corpus; decides which intents count.
        endings: how dialogues ended against their goals; empty where that was not judged.
        predictions: of a rollout end to end; their replies are shown beside the others.
    """

    outcomes: Sequence[Outcome]
    schema: Schema
    split: str
    endings: Mapping[str, DialogueOutcome] = field(default_factory=dict)
    predictions: Predictions = field(default_factory=dict)


def write_report(
    path: Path,
    *,
    title: str,
    card: Mapping[str, object],
    rolled_out: ReportedRollout | None = None,
    intents: Sequence[IntentPair] | None = None,
    calibration: Mapping[str, Any] | None = None,
    run: Path | None = None,
    most_dialogues: int = MOST_DIALOGUES,
) -> None:
    """Write the report; equal inputs give equal bytes.

    Args:
        path: the file to write; its folder is made.
        title: for example corpus, split and name of the checkpoint.
        card: the figures, as the evaluation's JSON has them.
        rolled_out: adds states by domain and turn, intents and the worst dialogues.
        intents: (expected, predicted) of single utterances; those of ``rolled_out`` when None.
        calibration: what a calibration wrote; adds reliability diagrams.
        run: a training run's folder; adds learning curves.
        most_dialogues: how many dialogues to show at most.

    Raises:
        ConfigError: no curves in ``run``, or ``calibration`` is not of its form.
    """
    turns = compared(rolled_out.outcomes, rolled_out.schema) if rolled_out else []
    numbers = by_turn_number(turns)
    if intents is None:
        intents = scored_intents(rolled_out.outcomes, rolled_out.split) if rolled_out else ()
    claims = claim_rows(calibration) if calibration else ()
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    page = environment.get_template(TEMPLATE).render(
        title=title,
        figures=figure_table(card),
        curves=_curve_plots(read_curves(run)) if run else [],
        numbers=numbers,
        number_plot=_number_plot(numbers),
        domains=domain_rows(turns, rolled_out.endings) if rolled_out else (),
        judged=bool(rolled_out and rolled_out.endings),
        confusion=confusion(intents),
        claims=claims,
        claim_plots=[_claim_plot(one) for one in claims],
        calibration_signature=(calibration or {}).get("signature", ""),
        dialogues=worst_dialogues(
            turns,
            predictions=rolled_out.predictions if rolled_out else None,
            most=most_dialogues,
        ),
        labelled=bool(turns),
        rule=RULE.format(least=LEAST_TURNS, most=most_dialogues),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page)


def _curve_plots(curves: Sequence[Curve]) -> list[str]:
    plots = []
    for split in ("train", "dev"):
        lines = [
            Line(label=one.task, points=one.points, colour=number, dashed=split == "dev")
            for number, task in enumerate(TASKS)
            for one in curves
            if one.split == split and one.task == task
        ]
        if lines:
            title = f"{split}: cross-entropy, nats per target token"
            plots.append(line_plot(f"curve-{split}", lines, title=title, x="step", y="nats"))
    speed = [Line(label="speed", points=one.points) for one in curves if one.tag == SPEED]
    if speed:
        title = "useful tokens per second of the whole run so far"
        plots.append(line_plot("curve-speed", speed, title=title, x="step", y="tokens/s"))
    return plots


def _number_plot(numbers: Sequence[TurnNumberRow]) -> str:
    if not numbers:
        return ""
    points = [(row.number, row.joint_goal_accuracy) for row in numbers]
    return line_plot(
        "by-turn",
        [Line(label="all", points=points, dashed=True)],
        title="joint goal accuracy by turn of the dialogue",
        x="turn",
        y="share of turns",
        share=True,
    )


def _claim_plot(one: ClaimRow) -> str:
    title = f"{one.task}: {one.claim}"
    return reliability_plot(
        f"reliability-{one.task}-{one.claim}", one.before, one.after, title=title
    )
