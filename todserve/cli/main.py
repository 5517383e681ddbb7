"""The ``tod`` command: verbs only; each calls one room, imported when it is called.

It trains what answers, scores it, packs it, starts it and talks to it. Nothing heavy is imported
before a verb is chosen, so ``tod --help`` answers at once.
Example: ``tod archive checkpoints/multiwoz && tod start && tod chat``.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from todserve.cli.bench_verbs import add_bench_verbs
from todserve.cli.bot_verbs import add_bot_verbs
from todserve.cli.corpus_verbs import add_corpus_verbs
from todserve.cli.dialogue_verbs import add_dialogue_verbs
from todserve.cli.evaluation_verbs import add_evaluation_verbs
from todserve.cli.fleet_verbs import add_fleet_verbs
from todserve.cli.gateway_verbs import add_gateway_verbs
from todserve.cli.label_verbs import add_label_verbs
from todserve.cli.machine_verbs import add_machine_verbs, print_version
from todserve.cli.release_verbs import add_release_verbs
from todserve.cli.serving_verbs import add_serving_verbs
from todserve.cli.training_verbs import add_training_verbs
from todserve.runtime.errors import TodError

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
_NO_VERB = ("Missing command", "No such command")
"""How typer begins what it says of a group of verbs without one that there is."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    0 done; 1 an error that is reported, or findings (``data validate``, ``replay``, ``doctor``,
    ``status`` where nothing runs); 2 a command line that is wrong; 130 interrupted.
    """
    if argv is None:  # a process of our own, not a call from somebody's program
        from todserve.runtime.console import escape_tracebacks

        escape_tracebacks()
    try:
        result = command().main(
            args=list(sys.argv[1:] if argv is None else argv),
            prog_name="tod",
            standalone_mode=False,
        )
    except TodError as error:
        return _failed(str(error))
    except ModuleNotFoundError as error:
        # The learning verbs need the `train` extra, which a serving machine does without.
        if error.name is None or error.name.partition(".")[0] == "todserve":
            raise
        return _failed(
            f"package {error.name!r} is not installed; in a checkout `scripts/setup.sh train` "
            "installs what learning needs; `tod doctor` tells what else is not there"
        )
    except typer.TyperException as error:
        return _misused(error)
    if result == INTERRUPTED:
        _failed("interrupted")
    return result if isinstance(result, int) else DONE


def command() -> Any:
    """Return the command of all verbs, as typer parses it."""
    return typer.main.get_command(application())


def application() -> typer.Typer:
    """Return the application of all verbs."""
    app = typer.Typer(
        name="tod",
        help="From labelled dialogues to a served dialogue turn.",
        epilog="Exit status: 0 done, 1 an error or a finding, 2 wrong usage, 130 interrupted.",
        context_settings={"help_option_names": ["-h", "--help"]},
        subcommand_metavar="VERB ...",
    )
    app.callback()(_everything)
    add_training_verbs(app)
    add_evaluation_verbs(app)
    add_serving_verbs(app)
    add_release_verbs(app)
    add_fleet_verbs(app)
    add_gateway_verbs(app)
    add_dialogue_verbs(app)
    add_bot_verbs(app)
    add_corpus_verbs(app)
    add_label_verbs(app)
    add_bench_verbs(app)
    add_machine_verbs(app)
    return app


def _everything(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=print_version, is_eager=True, help="print the version"
        ),
    ] = False,
) -> None:
    """What stands before the verb."""


def _failed(message: str) -> int:
    from todserve.serving.terminal.painted_lines import complain

    complain(f"tod: {message}")
    return FAILED


def _misused(error: typer.TyperException) -> int:
    """Say what is wrong with the command line, and where its help is."""
    from todserve.serving.terminal.painted_lines import complain

    context = getattr(error, "ctx", None)
    if context is not None:
        complain(context.get_usage())
        complain(f"Try '{context.command_path} --help' for help.")
    message = error.message if not hasattr(error, "param_hint") else error.format_message()
    near = getattr(error, "possibilities", None)
    if near:
        message += f". Did you mean {', '.join(repr(name) for name in sorted(near))}?"
    elif message.startswith(_NO_VERB) and "?" not in message and context is not None:
        message += f" Expected one of {', '.join(context.command.list_commands(context))}."
    complain(f"tod: {message}")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
