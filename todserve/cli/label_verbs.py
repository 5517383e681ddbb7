"""The verb that labels corpora in bulk: ``tod label IN OUT``.

Example: ``tod label said.jsonl runs/said --tasks intent,belief_state``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import DEFAULT_STORE
from todserve.cli.verb_command import VerbCommand

PANEL = "Data"


def add_label_verbs(app: typer.Typer) -> None:
    """Add ``label``, which labels a file of utterances or dialogues with a model."""
    app.command("label", cls=VerbCommand, rich_help_panel=PANEL)(_label)


def _label(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="a .jsonl or .parquet file, or a folder of such"),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="a folder; one that was begun is gone on with")
    ],
    archive: Annotated[
        Path, typer.Option("--archive", metavar="FILE", help="what `tod archive` wrote")
    ] = DEFAULT_STORE / "tod.mar",
    text: Annotated[
        str | None,
        typer.Option(
            "--text",
            metavar="KEY",
            help="the utterance's key in rows of your own; without it user, turns and a "
            "request's other keys are read",
        ),
    ] = None,
    tasks: Annotated[
        str, typer.Option("--tasks", metavar="A,B", help="what to answer; everything by default")
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="processes; one a core by default"),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, help="turns in one call of the network")
    ] = 32,
    part: Annotated[
        str,
        typer.Option(
            "--part", metavar="I/N", help="the I-th of N parts, where N machines share OUT"
        ),
    ] = "1/1",
) -> None:
    """Answer every row of a corpus; killed, it goes on where it was."""
    from pydantic import ValidationError

    from todserve.fleet.bulk.label_run import LabelSettings, run_label
    from todserve.runtime.errors import first_problem

    which, _, of = part.partition("/")
    try:
        settings = LabelSettings.model_validate(
            {
                "source": source,
                "out": out,
                "archive": archive,
                "text": text,
                "tasks": [name.strip() for name in tasks.split(",") if name.strip()],
                "workers": workers,
                "batch": batch,
                "part": (which, of),
            }
        )
    except ValidationError as error:
        raise typer.BadParameter(first_problem(error)) from None
    run_label(settings)
