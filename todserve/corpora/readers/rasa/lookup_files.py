"""Lookup files: the lines of a file that a lookup table of Rasa 1 names in place of its values.

The readers of Rasa's Markdown and old JSON call it for such tables. Example: ``## lookup:city``
with ``data/cities.txt`` below it has a value for each line of that file.
"""

from pathlib import Path

from todserve.corpora.files.folder_files import own_file
from todserve.runtime.errors import CorpusError, DataError
from todserve.runtime.untrusted.json_text import CORPUS_BYTES, read_limited


def lookup_lines(name: str, beside: str) -> list[str] | None:
    """Return the lines of a file that is named; None where there is none.

    Args:
        name: as it is written.
        beside: the file that names it.
    """
    here = Path(beside).parent
    # Rasa looks from where it is started, which is the project's folder mostly.
    for folder in (here, here.parent):
        try:
            file = own_file(folder, name)
            text = read_limited(file, most=CORPUS_BYTES) if file.is_file() else None
        except (CorpusError, DataError, OSError):
            continue
        if text is not None:
            return [one.strip() for one in text.splitlines() if one.strip()]
    return None
