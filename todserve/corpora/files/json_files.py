"""JSON files of a corpus: read whole, and checked to be an object or a list as expected.

The readers of corpora that are published as JSON load their files with it, from a `CorpusSource`.
Example: ``json_list(source, "train.json")``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.runtime.errors import CorpusError
from todserve.runtime.untrusted.json_text import CORPUS_BYTES, parse_json


def json_list(source: CorpusSource, path: str) -> Sequence[Any]:
    """Return a file's JSON list.

    Raises:
        CorpusError: the file is missing, no JSON, or no list.
    """
    with source.open(path) as stream:
        return parsed_list(stream.read(), path)


def json_object(source: CorpusSource, path: str) -> Mapping[str, Any]:
    """Return a file's JSON object.

    Raises:
        CorpusError: the file is missing, no JSON, or no object.
    """
    with source.open(path) as stream:
        content = parsed(stream.read(), path)
    if not isinstance(content, dict):
        raise _shape(path, "object", content)
    return content


def parsed(content: bytes, path: str) -> Any:
    """Return what ``content``, read from ``path``, says in JSON.

    Raises:
        CorpusError: it is no JSON.
    """
    try:
        return parse_json(content, most=CORPUS_BYTES)
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}; fetch the file again") from error


def parsed_list(content: bytes, path: str) -> Sequence[Any]:
    """Return the JSON list that ``content``, read from ``path``, holds.

    Raises:
        CorpusError: it is no JSON, or no list.
    """
    entries = parsed(content, path)
    if not isinstance(entries, list):
        raise _shape(path, "list", entries)
    return entries


def listed_entries(source: CorpusSource, folder: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, entry) of the JSON lists in a folder, one file in memory at a time.

    Raises:
        CorpusError: a file is no JSON, or no list.
    """
    for path, content in source.files(folder, ".json"):
        for entry in parsed_list(content, path):
            yield path, entry


@contextmanager
def layout(where: str, publisher: str) -> Iterator[None]:
    """Turn a missing key or a wrong type inside the block into a `CorpusError` at ``where``.

    Args:
        where: file, and dialogue where known.
        publisher: whose layout was expected.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise CorpusError(
            f"{where}: {type(error).__name__} {error} where {publisher}'s layout has something "
            "else; fetch the file again, unchanged"
        ) from error


def _shape(path: str, expected: str, content: object) -> CorpusError:
    return CorpusError(
        f"{path} holds a JSON {type(content).__name__}; expected the publisher's {expected}"
    )
