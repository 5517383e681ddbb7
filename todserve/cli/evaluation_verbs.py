"""Verbs that score and compare: ``tod evaluate BENCHMARK``, ``tod replay``.

The benchmarks say themselves what they are called and which options they take; they are asked when
``tod evaluate`` is, and not before.
Example: ``tod evaluate multiwoz --checkpoint checkpoints/multiwoz --split dev --json OUT``.
"""

import inspect
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from todserve.cli.options import DEFAULT_MODEL, Limit, Name, Token, TokenFile
from todserve.cli.verb_command import VerbCommand

PANEL = "Score"


class BenchmarkGroup(TyperGroup):
    """``tod evaluate``: one verb for each benchmark that the registry finds."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the benchmarks' names."""
        self._fill()
        return [*self.commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the verb of a benchmark, None where there is no such one."""
        self._fill()
        return self.commands.get(cmd_name)

    def _fill(self) -> None:
        if self.commands:
            return
        from todserve.evaluation.benchmark_registry import BENCHMARKS

        verbs = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
        for name, benchmark in BENCHMARKS.items():
            verbs.command(name, cls=VerbCommand)(_verb(benchmark))
        verbs.callback()(lambda: None)
        filled = typer.main.get_group(verbs)
        self.commands.update(filled.commands)


def add_evaluation_verbs(app: typer.Typer) -> None:
    """Add ``evaluate`` and ``replay``, which score and compare."""
    evaluate = typer.Typer(
        cls=BenchmarkGroup,
        invoke_without_command=True,
        help="Score a checkpoint, a server or a predictions file; alone it lists the benchmarks.",
    )
    evaluate.callback()(_evaluate)
    app.add_typer(evaluate, name="evaluate", rich_help_panel=PANEL)
    app.command("replay", cls=VerbCommand, rich_help_panel=PANEL)(_replay)


def _evaluate(context: typer.Context) -> None:
    """Score a checkpoint, a server or a predictions file; alone it lists the benchmarks."""
    if context.invoked_subcommand is None:
        from todserve.evaluation.benchmark_registry import list_benchmarks

        list_benchmarks()


def _verb(benchmark: Any) -> Any:
    """Return the function whose signature is a benchmark's options, as typer reads them."""

    def verb(**given: Any) -> None:
        from todserve.serving.terminal.painted_lines import json_file

        # What is not given is left to the benchmark's own defaults.
        told = {name: value for name, value in given.items() if value not in (None, False)}
        with json_file(told.pop("out", None)) as out:
            benchmark.scores(**told, **({} if out is None else {"out": out}))

    verb.__doc__ = f"{benchmark.measures}."
    parameters = [_parameter(option) for option in benchmark.described()]
    verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    verb.__annotations__ = {one.name: one.annotation for one in parameters}
    return verb


def _parameter(option: Any) -> inspect.Parameter:
    kind: Any = option.type if option.type is bool or option.required else option.type | None
    described: Any = (
        typer.Argument(metavar=option.metavar, help=option.help)
        if option.positional
        else typer.Option(option.flag, metavar=option.metavar or None, help=option.help)
    )
    default: Any = inspect.Parameter.empty
    if not option.required:
        default = False if option.type is bool else None
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, described],
    )


def _replay(
    dialogues: Annotated[
        Path, typer.Argument(metavar="DIALOGUES", help="a folder or file of dialogues")
    ],
    against: Annotated[
        str,
        typer.Option("--against", metavar="MODEL", help="a server's URL, an archive, a checkpoint"),
    ],
    only: Annotated[
        str, typer.Option("--only", metavar="ASPECTS", help="some of intent,state,acts,reply")
    ] = "state",
    own_states: Annotated[
        bool, typer.Option("--own-states", help="carry the model's own states")
    ] = False,
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="MODEL",
            help="another one, to tell what became right or wrong since; without it, what an "
            "export of corrections says was answered then",
        ),
    ] = None,
    limit: Limit = None,
    name: Name = DEFAULT_MODEL,
    token: Token = None,
    token_file: TokenFile = None,
) -> int:
    """Ask remembered dialogues again and show what differs; exit status 1 if any turn does."""
    from todserve.evaluation.replay.replay_differences import Aspect
    from todserve.evaluation.replay.replay_run import run_replay
    from todserve.serving.client.served_answerer import open_answerer

    try:
        aspects = tuple(Aspect(one) for one in only.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"got {only!r}; expected some of intent,state,acts,reply", param_hint="--only"
        ) from None
    opened = partial(open_answerer, name=name, token=token, token_file=token_file)
    with opened(against) as model, nullcontext() if before is None else opened(before) as other:
        return run_replay(
            dialogues, model, only=aspects, own_states=own_states, limit=limit, before=other
        )
