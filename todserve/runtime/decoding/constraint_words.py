"""ConstraintWords: token ids as text, for a constraint that lets a network write known labels only.

The grammar of ``constraint_grammar`` is made of it. A label has one spelling, the tokenizer's own
encoding of it. A free value has as many as there are ways to spell it, so it is followed letter by
letter: the parser ends it at the first word that is a slot's name, however that word came about.
Example: in ``[hotel] name acorn inn area north`` the value ends before ``area``.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.language.dialogue import DELETED
from todserve.runtime.language.schema import letters_and_digits
from todserve.runtime.language.tokenizer import Tokenizer

_CONTROL = frozenset("<>[]")
_JOINS_VALUES = "|"  # the schema takes what stands before it
_SAYS_NOTHING = ("notmentioned", DELETED)  # and "", as letters and digits; the schema refuses them
_SAYS, _WITH_WORD = "*", "-"  # neither is a letter or a digit, so neither is ever heard
_SPACE = (" ", "")

Position = tuple[str | None, str]
"""Where a free value stands: (word, heard).

``word`` is the current word while it may still become a slot's name, None once it cannot.
``heard`` are the letters and digits before that word (with None: all of them) as long as they may
still say nothing, as "no" or "notmen"; then ``*``. ``-``: they say nothing before the word, but
would with it.
"""

BEGINNING: Position = ("", "")
"""Of a value whose first word is about to begin."""


class ConstraintWords:
    """Token ids as text: labels' spellings and the tokens of free text.

    Attributes:
        size: number of token ids.
        fresh: (size,), whether the token begins a word.
        plain: (size,), tokens of free text: no brackets, no control token, no unknown letter.
        surface: text of each token.
        letters: every character there is in them.
        spelt: (size, letters of the longest), the place of each letter in ``letters``; -1 behind.
    """

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        """Look at every token of a vocabulary padded to ``size``, the network's."""
        self._tokenizer = tokenizer
        self.size = size
        self.surface = [tokenizer.decode([token_id]) for token_id in range(size)]
        some = next((i for i, text in enumerate(self.surface) if text), 0)
        length = len(self.surface[some])
        self.fresh = np.array(
            [tokenizer.decode([some, i])[length : length + 1] == " " for i in range(size)]
        )
        self.plain = np.array(
            [
                bool(text or fresh)
                and not _CONTROL & set(text)
                and not any(character.isspace() for character in text)
                for text, fresh in zip(self.surface, self.fresh.tolist(), strict=True)
            ]
        )
        self.letters = sorted({character for text in self.surface for character in text})
        place = {character: number for number, character in enumerate(self.letters)}
        self.spelt = np.full((size, max(map(len, self.surface))), -1, dtype=np.int32)
        for token_id, text in enumerate(self.surface):
            self.spelt[token_id, : len(text)] = [place[character] for character in text]

    def spelling(self, text: str) -> tuple[int, ...] | None:
        """Return the tokens of ``text`` as words of their own; None if it cannot be written."""
        for written in (text, f" {text}"):  # some tokenizers begin a word only behind a space
            ids = tuple(self._tokenizer.encode(written))
            if ids and self.fresh[ids[0]] and self._tokenizer.decode(ids) == text:
                return ids
        return None


class FreeValues:
    """Values of the free-text slots of one domain, followed token by token.

    A value has a letter or a digit, does not begin with the name of a slot, and is none of the
    ways to say that there is none. It holds no bracket and no ``|``.

    Attributes:
        positions: where a value may stand.
        groups: (size,), the group of each token; those of a group lead to the same places.
        rows: (positions, groups), where each leads, -1 where it may not stand.
        fresh: (groups,), whether its tokens begin a word.
    """

    def __init__(self, words: ConstraintWords, slots: Iterable[str]) -> None:
        """Follow values that end at a word of ``slots``."""
        self._words = words
        self._slots = frozenset(slots)
        self._parts = frozenset(slot[:end] for slot in self._slots for end in range(len(slot) + 1))
        joins = np.array([_JOINS_VALUES in text for text in words.surface])
        self._plain = words.plain & ~joins
        self.positions: list[Position] = []
        self.groups: NDArray[np.intp]
        self.rows: NDArray[np.int32]
        self.groups, self.rows, self.fresh = self._follow()

    def slot(self, position: Position) -> str | None:
        """Return the slot whose name ends the value here; it takes a new word to go on."""
        word, heard = position
        return word if word in self._slots and _tells(heard) else None

    def is_whole(self, position: Position) -> bool:
        """Say whether the value may end here, with nothing after it."""
        word, heard = position
        return word not in self._slots and (heard == _WITH_WORD or _tells(_heard(word, heard)))

    def _follow(self) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.bool_]]:
        """Return ``groups``, ``rows`` and ``fresh``.

        Letters that no slot and no way to say nothing has all lead to the same place, so a few
        dozen kinds of characters stand for all. What a token does is a move, from each position to
        another; letter by letter all tokens are followed at once, and few moves come up.
        """
        words = self._words
        kind_of = [self._kind(character) for character in words.letters]
        kinds = [_SPACE, *sorted(set(kind_of))]
        code_of = {kind: code for code, kind in enumerate(kinds)}
        codes = np.array([code_of[kind] for kind in kind_of])
        steps = self._steps(kinds)
        dead = len(steps)  # a state that is never left
        table = np.vstack([np.where(steps < 0, dead, steps), np.full(len(kinds), dead)])
        stay = np.arange(dead + 1)
        moves = _Moves([stay, table[:, 0], np.full(dead + 1, dead)])
        move = np.where(self._plain, np.where(words.fresh, 1, 0), 2)
        for column in words.spelt.T:
            moved = np.flatnonzero(self._plain & (column >= 0))
            pairs = move[moved] * len(kinds) + codes[column[moved]]
            used, which = np.unique(pairs, return_inverse=True)
            reached = [
                moves.number(table[moves.known[pair // len(kinds)], pair % len(kinds)])
                for pair in used.tolist()
            ]
            move[moved] = np.array(reached, dtype=np.intp)[which]
        numbers, groups = np.unique(2 * move + words.fresh, return_inverse=True)
        rows = np.stack([moves.known[number // 2] for number in numbers.tolist()], axis=1)[:dead]
        return groups, np.where(rows == dead, -1, rows).astype(np.int32), numbers % 2 == 1

    def _kind(self, character: str) -> tuple[str, str]:
        """Return what of a character matters: itself within a slot's name, and what is heard."""
        heard = letters_and_digits(character)
        known = any(heard in text for text in _SAYS_NOTHING)
        named = any(character in slot for slot in self._slots)
        return character if named else "", heard if known else _SAYS

    def _steps(self, kinds: Sequence[tuple[str, str]]) -> NDArray[np.int32]:
        """Find every position there is; return (positions, kinds), -1 where a value ends."""
        place = {BEGINNING: 0}
        self.positions = [BEGINNING]
        steps: list[list[int]] = []
        while len(steps) < len(self.positions):
            here = self.positions[len(steps)]
            row: list[int] = []
            for kind in kinds:
                there = self._step(here, kind)
                if there is not None and there not in place:
                    place[there] = len(self.positions)
                    self.positions.append(there)
                row.append(-1 if there is None else place[there])
            steps.append(row)
        return np.array(steps, dtype=np.int32)

    def _step(self, position: Position, kind: tuple[str, str]) -> Position | None:
        word, heard = position
        if kind == _SPACE:
            return None if word in self._slots else ("", _heard(word, heard))
        character, letters = kind
        longer = f"{word}{character}" if word is not None and character else None
        if longer not in self._parts:
            return None, _heard(None, _heard(word, heard) + letters)
        if heard in (_SAYS, _WITH_WORD) or _heard(longer, heard) != _SAYS:
            return longer, heard
        return longer, _SAYS if _tells(heard) else _WITH_WORD


class _Moves:
    """Ways in which a token takes every position to another, numbered as they come up."""

    def __init__(self, known: Sequence[NDArray[np.intp]]) -> None:
        self.known: list[NDArray[np.intp]] = []
        self._numbers: dict[bytes, int] = {}
        for move in known:
            self.known.append(move)
            self._numbers.setdefault(move.tobytes(), len(self.known) - 1)

    def number(self, move: NDArray[np.intp]) -> int:
        number = self._numbers.setdefault(move.tobytes(), len(self.known))
        if number == len(self.known):
            self.known.append(move)
        return number


def _heard(word: str | None, heard: str) -> str:
    """Return what was heard with ``word``, `_SAYS` as soon as it must say something."""
    if heard.startswith((_SAYS, _WITH_WORD)):
        return _SAYS
    whole = heard + letters_and_digits(word or "")
    return whole if any(text.startswith(whole) for text in _SAYS_NOTHING) else _SAYS


def _tells(heard: str) -> bool:
    return heard not in ("", _WITH_WORD, *_SAYS_NOTHING)
