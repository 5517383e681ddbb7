"""VerbCommand: one verb of ``tod``; it may take many words after one option, and bare ``--json``.

``tod start --name tod korean`` gives one option several words, and ``tod status --json`` leaves the
file of ``--json`` out. Example: ``@app.command("start", cls=taking_many("--name"))``.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

_NUMBER = re.compile(r"-\.?\d")


class VerbCommand(TyperCommand):
    """A verb whose command line is completed before typer parses it."""

    many: ClassVar[tuple[str, ...]] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words as typer does, once they say in full what they mean."""
        options = {name for parameter in self.params for name in parameter.opts}
        words = spread(args, self.many)
        if "--json" in options:
            words = with_output(words)
        return super().parse_args(ctx, words)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; whatever it prints is escaped. Help is not, since its colours are ours."""
        from todserve.runtime.console import console_door

        with console_door():
            return super().invoke(ctx)


def taking_many(*options: str) -> type[VerbCommand]:
    """Return a command class whose ``options`` take any number of words each."""
    return type("VerbCommand", (VerbCommand,), {"many": options})


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return the check of an option that takes one of some names."""

    def checked(given: str) -> str:
        if given not in names:
            raise typer.BadParameter(f"got {given!r}; expected {' or '.join(names)}")
        return given

    return checked


def spread(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the words with the option's name before each of its values.

    Example: ``--name tod korean`` becomes ``--name tod --name korean``.
    """
    given: list[str] = []
    name: str | None = None
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*given, word, *rest]
        if _is_option(word):
            name = word if word in options else None
            # An option without a value stays, for the parser to complain of.
            given.append(word)
        elif name is not None and given[-1] != name:
            given += [name, word]
        else:
            given.append(word)
    return given


def with_output(words: Sequence[str]) -> list[str]:
    """Return the words with ``-``, for stdout, after a ``--json`` that names no file."""
    given: list[str] = []
    for place, word in enumerate(words):
        given.append(word)
        after = words[place + 1 : place + 2]
        if word == "--json" and (not after or (_is_option(after[0]) and after[0] != "-")):
            given.append("-")
    return given


def _is_option(word: str) -> bool:
    return word.startswith("-") and not _NUMBER.match(word)
