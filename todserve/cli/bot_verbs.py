"""The verbs about what a bot says and does: ``tod bot check``, ``tod bot convert``.

Example: ``tod bot convert my-rasa-project my-bot && tod bot check my-bot/bot.yml``.
"""

import argparse
from pathlib import Path

from todserve.cli.verb_parser import Adder, family


def add_bots(add: Adder) -> None:
    """Add the verbs."""
    bot = family(add, "bot", "check a bot.yml, or make one of a Rasa project")
    check = bot("check", _check, "read a bot.yml as the gateway does, its actions included")
    check.add_argument("file", type=Path, metavar="FILE", help="the bot.yml")
    convert = bot("convert", _convert, "a Rasa project as bot.yml and as dialogues to train with")
    convert.add_argument("project", type=Path, metavar="PROJECT", help="folder with its domain")
    convert.add_argument("out", type=Path, metavar="OUT", help="a new folder")


def _check(arguments: argparse.Namespace) -> None:
    from todserve.bot.bot import Bot
    from todserve.bot.bot_file import load_bot

    config = load_bot(arguments.file)
    Bot(config)
    print(
        f"{arguments.file}: {len(config.responses)} responses, {len(config.forms)} forms, "
        f"{len(config.named_actions())} actions; all that is named is there"
    )


def _convert(arguments: argparse.Namespace) -> None:
    from todserve.bot.conversion.rasa_conversion import convert_rasa
    from todserve.runtime.console import one_line

    for line in convert_rasa(arguments.project, arguments.out).lines():
        print(one_line(line))
