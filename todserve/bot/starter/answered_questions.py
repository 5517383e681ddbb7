"""The five questions of a first bot, asked where an option does not answer them.

``tod bot new`` asks them and makes a `NewBot` of the answers. Example: with ``{"language": "en"}``
given and an empty standard input, all the others have their defaults.
"""

import sys
from collections.abc import Callable, Iterator, Mapping

from todserve.bot.bot_phrases import Language
from todserve.bot.starter.new_bot import NewBot, Question, bot_text, questions
from todserve.runtime.errors import ConfigError


def answered(given: Mapping[str, str], ask: Callable[[str], None]) -> NewBot:
    """Return the answers: those that are given, else a line of standard input each.

    An empty line, and the end of the input, mean the default. In a terminal a wrong answer is
    asked for again.

    Args:
        given: name of an answer -> answer.
        ask: shows a question.

    Raises:
        ConfigError: an answer is none, and nobody is there to be asked again.
    """
    known = dict(given)
    spoken = ", ".join(Language)
    first = Question("language", f"Which language does it speak? ({spoken})", NewBot().language)
    for question in _in_turn(first, known):
        while question.name not in known:
            line = _line(question, ask)
            try:
                # An answer is judged by what would be written of it.
                bot_text(NewBot(**{**known, question.name: line}))
            except ConfigError as error:
                if not sys.stdin.isatty():
                    raise
                ask(str(error))
            else:
                known[question.name] = line
    return NewBot(**known)


def _in_turn(first: Question, known: Mapping[str, str]) -> Iterator[Question]:
    yield first
    yield from questions(known["language"])  # by now it is known


def _line(question: Question, ask: Callable[[str], None]) -> str:
    shown = f" [{question.default}]" if question.default else ""
    ask(f"{question.text}{shown}")
    try:
        return sys.stdin.readline().strip() or question.default
    except UnicodeDecodeError:
        raise ConfigError(f"{question.name}: got no UTF-8; expected a line of text") from None
