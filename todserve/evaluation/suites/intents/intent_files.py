"""Files of labelled utterances, as the intent benchmarks publish them.

The intent benchmarks read their test files with it: a single file, wherever it lies, where the
corpus readers take a whole corpus. Example: ``labelled_banking77(Path("test.csv"))[0].intent`` is
``"card_arrival"``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from todserve.corpora.readers.banking77.banking77_reader import banking77_utterances
from todserve.corpora.readers.clinc150.clinc150_reader import OUT_OF_SCOPE
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.single_utterances import Utterance
from todserve.evaluation.dialogue_selection import stable_hash
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.untrusted.json_text import read_json

CHECKSUM_LENGTH = 12
"""Hexadecimal digits of a file's sha256 that name it in a signature."""

_CLINC150_LISTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"train": ("train", "oos_train"), "dev": ("val", "oos_val"), "test": ("test", "oos_test")}
)


def labelled_banking77(path: Path) -> list[Utterance]:
    """Read a file in Banking77's layout: CSV with columns ``text`` and ``category``.

    Raises:
        CorpusError: the file is missing or not in that layout.
    """
    try:
        with path.open("rb") as stream:
            return list(banking77_utterances(stream, str(path)))
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error}; expected Banking77's test.csv") from error


def labelled_clinc150(path: Path, split: str) -> list[Utterance]:
    """Read a split of a file in oos-eval's layout, in-scope utterances first, then the others.

    Args:
        path: ``data_full.json`` or another of its kind.
        split: ``train``, ``dev`` or ``test``.

    Raises:
        CorpusError: no such split, or the file is missing or not in that layout.
    """
    if split not in _CLINC150_LISTS:
        expected = ", ".join(_CLINC150_LISTS)
        raise CorpusError(f"unknown split {split!r} of clinc150; expected one of {expected}")
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise CorpusError(f"cannot read {path}: {error}; expected data_full.json") from error
    return [one for name in _CLINC150_LISTS[split] for one in _listed(content, name, path)]


def _listed(content: Any, name: str, path: Path) -> Iterator[Utterance]:
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise CorpusError(f"{path} has no list {name!r}; expected oos-eval's layout")
    outside = name.startswith(OUT_OF_SCOPE)
    for number, entry in enumerate(entries):
        match entry:
            case [str(text), str(intent)] if (intent == OUT_OF_SCOPE) is outside:
                yield Utterance(text=text, intent=label(intent))
            case _:
                raise CorpusError(
                    f"{path}, {name}[{number}] is no pair of an utterance and an intent of its "
                    f"kind; only lists named {OUT_OF_SCOPE}_... hold {OUT_OF_SCOPE!r}"
                )


def sampled(utterances: Sequence[Utterance], limit: int | None) -> list[Utterance]:
    """Return at most ``limit`` of them, the same ones every time; the files are sorted by label.

    Raises:
        ConfigError: ``limit`` is not positive.
    """
    if limit is None:
        return list(utterances)
    if limit < 1:
        raise ConfigError(f"limit {limit}; expected at least 1 utterance")
    order = sorted(range(len(utterances)), key=lambda place: stable_hash(str(place)))
    return [utterances[place] for place in sorted(order[:limit])]


def file_checksum(path: Path) -> str:
    """Return the first digits of the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:CHECKSUM_LENGTH]
