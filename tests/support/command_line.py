"""What the command ``tod`` takes, asked of its own parser; nothing is run."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from todserve.cli.main import command


@cache
def verbs() -> dict[str, Any]:
    """Return every verb by its words, families too: ``data`` and ``data stats``."""
    return dict(_below(command(), ""))


def options(verb: str) -> set[str]:
    """Return every spelling of every option that a verb takes."""
    return {name for one in verbs()[verb].params for name in one.opts if name.startswith("-")} | {
        "--help",
        "-h",
    }


def check_words(words: Sequence[str]) -> None:
    """Parse a command line without running it; raises what ``tod`` would say of a wrong one."""
    group, path, rest = command(), "tod", list(words)
    context = None
    while True:
        if not hasattr(group, "commands"):
            group.make_context(path, rest, parent=context)
            return
        context = group.make_context(path, rest, parent=context)
        rest = [*context._protected_args, *context.args]
        path, found, rest = group.resolve_command(context, rest)
        group = found


def _below(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(group, "commands"):
        return
    # Asked by its own method: benchmarks are found when they are looked for.
    for name in group.list_commands(None):
        one = group.get_command(None, name)
        words = f"{before} {name}".strip()
        yield words, one
        yield from _below(one, words)
