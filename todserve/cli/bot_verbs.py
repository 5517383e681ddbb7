"""The verbs about what a bot says and does: ``tod bot new``, ``check``, ``test`` and more.

Example: ``tod bot convert my-rasa-project my-bot && tod bot check my-bot/bot.yml``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import DEFAULT_MODEL, DEFAULT_URL, Json, Name, Token, TokenFile
from todserve.cli.verb_command import VerbCommand

PANEL = "Talk"


def add_bot_verbs(app: typer.Typer) -> None:
    """Add ``bot``: write a bot.yml, check it, test it by stories, talk to it, or convert one."""
    bot = typer.Typer(help="Write, check, test or talk with a bot.yml, or make one of Rasa's.")
    bot.command("new", cls=VerbCommand)(_new)
    bot.command("check", cls=VerbCommand)(_check)
    bot.command("convert", cls=VerbCommand)(_convert)
    bot.command("test", cls=VerbCommand)(_test)
    bot.command("shell", cls=VerbCommand)(_shell)
    app.add_typer(bot, name="bot", rich_help_panel=PANEL)


def _new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new folder")],
    language: Annotated[
        str | None, typer.Option("--language", metavar="LANGUAGE", help="that it speaks: en, ...")
    ] = None,
    what: Annotated[
        str | None, typer.Option("--what", metavar="TEXT", help="what people want of it")
    ] = None,
    needs: Annotated[
        str | None,
        typer.Option("--needs", metavar="SLOTS", help="what it must know, separated by commas"),
    ] = None,
    does: Annotated[
        str | None,
        typer.Option("--does", metavar="URL", help='what does it; "" for an actions.py'),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option("--person", metavar="URL", help='webhook that calls a person; "" for none'),
    ] = None,
) -> None:
    """Write a commented bot.yml of five answers: by options, from a pipe, or as you type them."""
    from todserve.bot.starter.answered_questions import answered
    from todserve.bot.starter.new_bot import write_bot
    from todserve.serving.terminal.painted_lines import say

    given = {"language": language, "what": what, "needs": needs, "does": does, "person": person}
    bot = answered({name: one for name, one in given.items() if one is not None}, say)
    for path in write_bot(bot, folder):
        say(f"wrote {path}")
    say(f"talk to it: tod bot shell {folder}/bot.yml")


def _check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the bot.yml")],
) -> int:
    """Read a bot.yml as the gateway does and try each form; exit status 1 if one cannot end."""
    from todserve.bot.bot import Bot
    from todserve.bot.bot_file import load_bot
    from todserve.bot.trials.form_trial import FormTrial
    from todserve.runtime.console import one_line
    from todserve.serving.terminal.painted_lines import say

    config = load_bot(file)
    Bot(config)
    say(
        f"{file}: {len(config.responses)} responses, {len(config.forms)} forms, "
        f"{len(config.named_actions())} actions; all that is named is there"
    )
    faults = FormTrial(config).faults()
    for one in faults:
        asked = "" if one.slot is None else f" cannot end, it asks for {one.slot!r}"
        say(one_line(f"form {one.form!r}{asked}: {one.why}"))
    if config.forms and not faults:
        say("each form came to its end")
    return 1 if any(one.certain for one in faults) else 0


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


def _test(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the bot.yml")],
    stories: Annotated[
        Path,
        typer.Argument(metavar="STORIES", help="Rasa's test stories, or dialogues of your own"),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            "--url",
            metavar="MODEL",
            help="a server's URL, an archive, a checkpoint; without it, what is understood is "
            "what the stories say",
        ),
    ] = None,
    name: Name = DEFAULT_MODEL,
    token: Token = None,
    token_file: TokenFile = None,
    json: Json = None,
) -> int:
    """Tell stories to a bot, turn by turn, and say what differs; exit status 1 if any does."""
    from contextlib import nullcontext

    from todserve.bot.trials.story_report import held_against
    from todserve.runtime.console import one_line
    from todserve.serving.client.served_answerer import open_answerer
    from todserve.serving.terminal.painted_lines import say, write_json

    opened = (
        nullcontext()
        if against is None
        else open_answerer(against, name=name, token=token, token_file=token_file)
    )
    with opened as model:
        report = held_against(file, stories, model)
    if json is not None:
        write_json(report.figures(), json)
    if json is None or str(json) != "-":
        for line in report.lines():
            say(one_line(line))
    return 0 if report.holds else 1


def _shell(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the bot.yml")],
    against: Annotated[
        str,
        typer.Option(
            "--against",
            "--url",
            metavar="MODEL",
            help="what reads the messages: a server's URL, an archive, a checkpoint; a bot with "
            "`model: false` needs none",
        ),
    ] = DEFAULT_URL,
    name: Name = DEFAULT_MODEL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Talk to a bot in the terminal; buttons are shown, and payloads understood."""
    from todserve.bot.bot_conversation import open_bot
    from todserve.serving.client.served_answerer import open_answerer
    from todserve.serving.terminal.chat import run_chat, talk

    bot = open_bot(file)
    if bot.reader is not None or against.startswith(("http://", "https://")):
        run_chat(url=against, name=name, bot=bot, token=token, token_file=token_file)
        return
    with open_answerer(against) as model:
        talk(model, bot=bot)
