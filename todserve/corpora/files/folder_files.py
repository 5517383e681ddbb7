"""Folder files: lists the files of a corpus's folder, and refuses links that lead out of it.

Every reader of a folder lists it with this: whoever made the folder may have put a link to somebody
else's file into it, which an error or a conversion would then show.
Example: ``folder_files(Path("our-bot"), "*.jsonl")``.
"""

from pathlib import Path

from todserve.runtime.errors import CorpusError
from todserve.runtime.inner_paths import inner_path


def folder_files(folder: Path, pattern: str, *, below: bool = False) -> list[Path]:
    """Return what matches a pattern directly in a folder, or anywhere below it, sorted.

    Raises:
        CorpusError: a link among it leads out of the folder.
    """
    found = folder.rglob(pattern) if below else folder.glob(pattern)
    return [own_file(folder, one.relative_to(folder).as_posix()) for one in sorted(found)]


def own_file(folder: Path, name: str) -> Path:
    """Return a path below a folder, which need not be there.

    Raises:
        CorpusError: it leaves the folder, by its name or by a link.
    """
    return inner_path(folder, name, said_by=f"{folder}: {name}", error=CorpusError)
