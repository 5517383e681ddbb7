"""Drafts: guesses of the next tokens, from what was often written after the last ones.

An engine that checks several tokens in one step asks it what may come next: a right guess saves a
step, and no guess changes what is written. A checkpoint's ``drafts.json`` is counted on the targets
it was trained on; without one nothing is guessed. Example:
``Drafts({(5,): 7, (5, 7): 9}).after([5], 3)`` is ``[7, 9]``.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

DRAFTS_FILE = "drafts.json"
_VERSION = 1
_LONGEST = 3  # tokens that a guess looks back


class Drafts:
    """The likeliest next token after some one, two or three tokens.

    Args:
        followers: tokens -> the token that is guessed after them.
    """

    def __init__(self, followers: Mapping[tuple[int, ...], int] | None = None) -> None:
        self._followers = dict(followers or {})

    @classmethod
    def counted(cls, written: Iterable[Sequence[int]], *, least: int) -> Self:
        """Count what followed what; what was seen fewer than ``least`` times is left out."""
        seen: dict[tuple[int, ...], Counter[int]] = {}
        for ids in written:
            for at in range(1, len(ids)):
                for length in range(1, min(_LONGEST, at) + 1):
                    before = tuple(ids[at - length : at])
                    seen.setdefault(before, Counter())[ids[at]] += 1
        followers: dict[tuple[int, ...], int] = {}
        for before in sorted(seen, key=len):
            token, times = min(seen[before].items(), key=lambda one: (-one[1], one[0]))
            # A longer look back is kept where it guesses something else.
            if times >= least and _guess(followers, before[1:]) != token:
                followers[before] = token
        return cls(followers)

    @classmethod
    def load(cls, path: Path, *, vocabulary: int | None = None) -> Self:
        """Read ``drafts.json``; where there is none, nothing is guessed.

        Args:
            path: the file.
            vocabulary: how many tokens the network knows.

        Raises:
            ConfigError: it is malformed, or names a token that the network does not know.
        """
        if not path.is_file():
            return cls()
        try:
            content = read_json(path)
            if content["version"] != _VERSION:
                raise ValueError(f"version {content['version']!r}; expected {_VERSION}")
            followers = {tuple(map(int, ids[:-1])): int(ids[-1]) for ids in content["sequences"]}
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; expected version {_VERSION} and sequences of token "
                "ids; `tod count-drafts` writes it, and without it nothing is guessed"
            ) from error
        highest = max(followers.values(), default=-1)
        if vocabulary is not None and highest >= vocabulary:
            raise ConfigError(
                f"{path} names token {highest}; the network knows {vocabulary}; count the drafts "
                "with this checkpoint's tokenizer.json, or delete the file"
            )
        return cls(followers)

    def save(self, path: Path) -> None:
        """Write ``drafts.json``."""
        sequences = sorted([*before, token] for before, token in self._followers.items())
        content = {"version": _VERSION, "sequences": sequences}
        write_whole(path, json.dumps(content, separators=(",", ":")) + "\n")

    def __len__(self) -> int:
        return len(self._followers)

    def after(self, ids: Sequence[int], most: int) -> list[int]:
        """Return at most so many tokens that may follow ``ids``."""
        last = list(ids[-_LONGEST:])
        found: list[int] = []
        while len(found) < most:
            token = _guess(self._followers, tuple(last))
            if token is None:
                break
            found.append(token)
            last = [*last, token][-_LONGEST:]
        return found


def _guess(followers: Mapping[tuple[int, ...], int], before: tuple[int, ...]) -> int | None:
    while before:
        if before in followers:
            return followers[before]
        before = before[1:]
    return None
