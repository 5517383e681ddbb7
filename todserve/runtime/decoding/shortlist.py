"""Shortlist: the tokens that a checkpoint ever writes, so that an engine can leave out the others.

The ONNX export and its engine use it: of a decoder step the output layer costs the most, and of the
vocabulary a task-oriented dialogue writes a quarter. The ids are those of the targets that were
trained on, in ``shortlist.json``; without it every token is weighed. What the user or the last
reply said can always be written: an engine weighs the context's tokens as well. Example:
``Shortlist.counted([(5, 9), (9, 7)]).ids == (5, 7, 9)``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

SHORTLIST_FILE = "shortlist.json"
_VERSION = 1
_IDS, _VOCABULARY = "todserve.shortlist", "todserve.vocabulary"  # notes of an exported decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortlist:
    """Token ids that targets were made of.

    Attributes:
        ids: ascending, each once.
    """

    ids: tuple[int, ...]

    @classmethod
    def counted(cls, written: Iterable[Sequence[int]]) -> Self:
        """Return the tokens of some targets."""
        return cls(ids=tuple(sorted({token for ids in written for token in ids})))

    @classmethod
    def load(cls, path: Path, *, vocabulary: int) -> Self | None:
        """Read ``shortlist.json``; None where there is none.

        Args:
            path: the file.
            vocabulary: how many tokens the network knows.

        Raises:
            ConfigError: it is malformed, or names a token that the network does not know.
        """
        if not path.is_file():
            return None
        try:
            content = read_json(path)
            if content["version"] != _VERSION:
                raise ValueError(f"version {content['version']!r}; expected {_VERSION}")
            ids = tuple(sorted(set(map(int, content["ids"]))))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; expected version {_VERSION} and token ids; "
                "`tod count-drafts` writes it, and without it every token is weighed"
            ) from error
        if not ids or ids[0] < 0 or ids[-1] >= vocabulary:
            raise ConfigError(
                f"{path} names {f'token {ids[-1]}' if ids else 'no token'}; the network knows "
                f"{vocabulary}; count it with this checkpoint's tokenizer.json, or delete the file"
            )
        return cls(ids=ids)

    def notes(self, vocabulary: int) -> dict[str, str]:
        """Return what an exported decoder says of its columns: `noted` reads it."""
        return {_IDS: " ".join(map(str, self.ids)), _VOCABULARY: str(vocabulary)}

    def save(self, path: Path) -> None:
        """Write ``shortlist.json``."""
        content = {"version": _VERSION, "ids": self.ids}
        write_whole(path, json.dumps(content, separators=(",", ":")) + "\n")


def noted(notes: Mapping[str, str]) -> tuple[Shortlist, int] | None:
    """Return the shortlist and the size of the vocabulary that a decoder notes; None without.

    Raises:
        ConfigError: the notes are malformed.
    """
    if _IDS not in notes:
        return None
    try:
        return Shortlist(ids=tuple(map(int, notes[_IDS].split()))), int(notes[_VOCABULARY])
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"an exported decoder's notes on its shortlist cannot be read: {error!r}; export the "
            "checkpoint again"
        ) from error
