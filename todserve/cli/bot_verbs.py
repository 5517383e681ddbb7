"""The verbs about what a bot says and does: ``tod bot check``, ``tod bot convert``.

Example: ``tod bot convert my-rasa-project my-bot && tod bot check my-bot/bot.yml``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.verb_command import VerbCommand

PANEL = "Talk"


def add_bot_verbs(app: typer.Typer) -> None:
    """Add the verbs."""
    bot = typer.Typer(help="Check a bot.yml, or make one of a Rasa project.")
    bot.command("check", cls=VerbCommand)(_check)
    bot.command("convert", cls=VerbCommand)(_convert)
    app.add_typer(bot, name="bot", rich_help_panel=PANEL)


def _check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the bot.yml")],
) -> int:
    """Read a bot.yml as the gateway does, its actions included."""
    from todserve.bot.bot import Bot
    from todserve.bot.bot_file import load_bot
    from todserve.serving.terminal.painted_lines import say

    config = load_bot(file)
    Bot(config)
    say(
        f"{file}: {len(config.responses)} responses, {len(config.forms)} forms, "
        f"{len(config.named_actions())} actions; all that is named is there"
    )
    unfilled = config.unfilled()
    for form, slot in unfilled:
        say(
            f"form {form!r}: got a slot {slot!r} that neither the model nor a rule fills; expected "
            f"a way to finish the form; add slots.{slot}.fill, or an action that sets it"
        )
    # An action that runs before the form may set it.
    return 1 if unfilled and not config.named_actions() else 0


def _convert(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="folder with its domain")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a new folder")],
) -> None:
    """Write a Rasa project as bot.yml and as dialogues to train with."""
    from todserve.bot.conversion.rasa_conversion import convert_rasa
    from todserve.runtime.console import one_line
    from todserve.serving.terminal.painted_lines import say

    report = convert_rasa(project, out)
    for line in report.lines():
        say(one_line(line))
    for line in report.next_lines():
        say(one_line(line))
