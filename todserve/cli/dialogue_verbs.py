"""The verbs about what is remembered: ``tod dialogues backup``, ``restore``, ``export``, ``erase``.

They open the gateway's database themselves, also while gateways run.
Example: ``tod dialogues erase anna --database sqlite:///dialogues.sqlite``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from todserve.cli.gateway_verbs import DatabaseFile, DatabaseUrl, database_address
from todserve.cli.verb_command import VerbCommand

if TYPE_CHECKING:
    from todserve.gateway.store.database import Database

PANEL = "Talk"
Person = Annotated[
    str, typer.Argument(metavar="USER", help="a `user_id`, or a `sender` of Rasa's channels")
]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="the backup")]


def add_dialogue_verbs(app: typer.Typer) -> None:
    """Add ``dialogues``: back up and restore what is remembered, export or erase one person's."""
    dialogues = typer.Typer(help="What the gateway remembers: back up, restore, one person's.")
    dialogues.command("backup", cls=VerbCommand)(_back_up)
    dialogues.command("restore", cls=VerbCommand)(_restore)
    dialogues.command("export", cls=VerbCommand)(_export)
    dialogues.command("erase", cls=VerbCommand)(_erase)
    app.add_typer(dialogues, name="dialogues", rich_help_panel=PANEL)


def _back_up(
    file: BackupFile, database: DatabaseUrl = None, database_file: DatabaseFile = None
) -> None:
    """Write everything that is remembered to one file, while gateways go on."""
    from todserve.gateway.store.store_backup import back_up
    from todserve.runtime.console import tell

    with _opened(database, database_file) as store, _written(file):
        tell(f"{file}: {_counted(back_up(store, file))}")


def _restore(
    file: BackupFile, database: DatabaseUrl = None, database_file: DatabaseFile = None
) -> None:
    """Put a backup into a database that is empty, SQLite's or PostgreSQL's."""
    from todserve.gateway.store.store_backup import restore
    from todserve.runtime.console import tell

    with _opened(database, database_file, new=True) as store, _written(file):
        tell(f"restored: {_counted(restore(store, file))}")


def _export(
    person: Person,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="instead of standard output")
    ] = None,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
) -> None:
    """Give everything that one person said, and what was made of it, as JSON lines."""
    from todserve.gateway.conversations.dialogue_export import person_lines
    from todserve.gateway.store.dialogue_store import Store
    from todserve.runtime.console import tell
    from todserve.runtime.private_files import private_file
    from todserve.runtime.whole_files import written_whole

    with _opened(database, database_file) as opened:
        lines = person_lines(Store(opened), person)
        if out is None:
            for line in lines:
                tell(line.rstrip("\n"))
            return
        with _written(out), written_whole(out) as partial:
            private_file(partial)
            with partial.open("a", encoding="utf-8") as written:
                written.writelines(lines)


def _erase(
    person: Person, database: DatabaseUrl = None, database_file: DatabaseFile = None
) -> None:
    """Delete for good every dialogue of one person; backups of before still have them."""
    from todserve.gateway.store.dialogue_store import Store
    from todserve.runtime.console import tell

    with _opened(database, database_file) as opened:
        tell(f"{Store(opened).delete_user(person)} dialogues erased")


@contextmanager
def _opened(url: str | None, file: Path | None, *, new: bool = False) -> Iterator["Database"]:
    from todserve.gateway.gateway_process import keep_private
    from todserve.gateway.store.database import Database, sqlite_file
    from todserve.runtime.errors import ConfigError

    address = database_address(url, file)
    found = sqlite_file(address)
    if found is not None and not new and not found.exists():
        # Opening it would make an empty one, and "0 dialogues erased" would be no answer.
        raise ConfigError(
            f"{found}: no such database; expected the gateway's; name it with --database"
        )
    keep_private()
    database = Database(address, connections=1)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _written(file: Path) -> Iterator[None]:
    from todserve.runtime.errors import ConfigError

    try:
        yield
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name a file that can be used") from None


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{rows[name]} {name}" for name in ("dialogues", "turns", "examples"))
