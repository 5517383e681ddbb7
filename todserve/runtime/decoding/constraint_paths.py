"""Paths: alternative sequences of tokens, joined and made into one table of what may follow what.

Made by the grammar of the tasks, and compiled into the automaton. A value that may go on ("multiple
sports") or give way to a slot is at two places at once; compiling makes each such set of places one
state. Example: ``paths.spell(start, (17, 4), end)`` joins two places by two tokens.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.errors import ConfigError

Groups = NDArray[np.intp]
"""(vocabulary,), a number for each token: tokens of one number lead to the same places."""


class Paths:
    """Places and the tokens that lead from one to another.

    Attributes:
        over: the place where a sequence has ended.
    """

    def __init__(self, vocabulary: int) -> None:
        """Begin with the one place ``over``."""
        self._vocabulary = vocabulary
        self._steps: list[dict[int, set[int]]] = []
        self._twins: list[list[int]] = []
        self._shared: dict[tuple[int, int], int] = {}
        self._rows: dict[int, tuple[Groups, NDArray[np.int32]]] = {}
        self.over = self.place()

    def place(self) -> int:
        """Return a new place."""
        self._steps.append({})
        self._twins.append([])
        return len(self._steps) - 1

    def spell(self, source: int, ids: Sequence[int], target: int) -> None:
        """Let ``ids`` lead from ``source`` to ``target``; common beginnings are shared."""
        *before, last = ids
        for token_id in before:
            key = (source, token_id)
            if key not in self._shared:
                self._shared[key] = self.place()
                self._steps[source].setdefault(token_id, set()).add(self._shared[key])
            source = self._shared[key]
        self._steps[source].setdefault(last, set()).add(target)

    def also(self, place: int, other: int) -> None:
        """Let whoever stands on ``place`` stand on ``other`` too."""
        self._twins[place].append(other)

    def all_tokens(self, place: int, groups: Groups, targets: NDArray[np.int32]) -> None:
        """Say where every token leads from ``place``: each group to its target, -1 for nowhere."""
        self._rows[place] = groups, targets

    def compiled(self, starts: Mapping[str, int]) -> TokenAutomaton:
        """Return the automaton of all sequences that lead from a start to ``over``.

        Raises:
            ConfigError: nothing leads there from one of the starts.
        """
        kinds, tokens = self._kinds()
        wide = {place: targets[groups[tokens]] for place, (groups, targets) in self._rows.items()}
        states = _States(self._whole_set(self.over))
        first = {name: states.of(self._whole_set(place)) for name, place in starts.items()}
        table: list[NDArray[np.int32]] = []
        while len(table) < len(states.members):
            table.append(self._row(states, states.members[len(table)], kinds, wide))
        after = [[one for one in np.unique(row).tolist() if one != REFUSED] for row in table]
        alive = _alive(after)
        for name, state in first.items():
            if not alive[state]:
                raise ConfigError(
                    f"the tokenizer can write no {name} that the schema knows; expected a token "
                    "or pieces for each bracketed label; use the tokenizer.json that was trained "
                    "with this schema, or decode without the constraint"
                )
        alive &= _reached(after, [FREE, *first.values()])
        small = alive.sum() <= np.iinfo(np.int16).max
        number = np.where(alive, np.cumsum(alive) - 1, REFUSED)
        number = np.append(number, REFUSED)  # REFUSED stays so
        number = number.astype(np.int16 if small else np.int32)
        kept = [number[table[state]] for state in np.flatnonzero(alive).tolist()]
        return TokenAutomaton(
            table=np.stack(kept),
            kinds=kinds,
            starts={name: int(number[state]) for name, state in first.items()},
        )

    def _kinds(self) -> tuple[Groups, Groups]:
        """Return the kind of each token, and a token of each kind.

        Tokens are of one kind if no path spells them and they are in one group everywhere.
        """
        kinds = np.zeros(self._vocabulary, dtype=np.intp)
        for groups in {id(groups): groups for groups, _ in self._rows.values()}.values():
            kinds = np.unique(kinds * (int(groups.max()) + 1) + groups, return_inverse=True)[1]
        spelt = sorted({token_id for steps in self._steps for token_id in steps})
        kinds[spelt] = np.arange(len(spelt)) + self._vocabulary
        _, tokens, kinds = np.unique(kinds, return_index=True, return_inverse=True)
        return kinds, tokens

    def _whole_set(self, *places: int) -> frozenset[int]:
        found = set(places)
        waiting = list(places)
        while waiting:
            for twin in self._twins[waiting.pop()]:
                if twin not in found:
                    found.add(twin)
                    waiting.append(twin)
        return frozenset(found)

    def _row(
        self,
        states: "_States",
        places: frozenset[int],
        kinds: Groups,
        rows: Mapping[int, NDArray[np.int32]],
    ) -> NDArray[np.int32]:
        """Return where each kind of token leads from some places at once."""
        size = int(kinds.max()) + 1
        if self.over in places:
            return np.full(size, FREE, dtype=np.int32)
        wide = [rows[place] for place in places if place in rows]
        row = self._wide_row(states, wide, size)
        targets: dict[int, set[int]] = {}
        for place in places:
            for token_id, reached in self._steps[place].items():
                targets.setdefault(int(kinds[token_id]), set()).update(reached)
        for kind, reached in targets.items():
            reached.update(int(one[kind]) for one in wide)
            row[kind] = self._state(states, reached)
        return row

    def _wide_row(
        self, states: "_States", wide: Sequence[NDArray[np.int32]], size: int
    ) -> NDArray[np.int32]:
        # A number for each kind's target, then for the pair of it and its target from a second
        # such place, and so on.
        which = np.zeros(size, dtype=np.intp)
        sets: list[tuple[int, ...]] = [()]
        base = len(self._steps) + 1
        for one in wide:
            used, which = np.unique(which * base + one + 1, return_inverse=True)
            sets = [(*sets[pair // base], pair % base - 1) for pair in used.tolist()]
        numbers = [self._state(states, reached) for reached in sets]
        return np.array(numbers, dtype=np.int32)[which]

    def _state(self, states: "_States", places: Iterable[int]) -> int:
        reached = [place for place in places if place >= 0]
        return states.of(self._whole_set(*reached)) if reached else REFUSED


class _States:
    """Sets of places, numbered as they come up; ``over`` is state FREE."""

    def __init__(self, over: frozenset[int]) -> None:
        self.members = [over]
        self._numbers = {over: FREE}

    def of(self, places: frozenset[int]) -> int:
        if places not in self._numbers:
            self._numbers[places] = len(self.members)
            self.members.append(places)
        return self._numbers[places]


def _alive(after: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Return which states can reach FREE: no other is worth a visit."""
    before: list[list[int]] = [[] for _ in after]
    for state, reached in enumerate(after):
        for one in reached:
            before[one].append(state)
    return _reached(before, [FREE])


def _reached(after: Sequence[Sequence[int]], starts: Iterable[int]) -> NDArray[np.bool_]:
    reached = np.zeros(len(after), dtype=bool)
    waiting = list(starts)
    reached[waiting] = True
    while waiting:
        for state in after[waiting.pop()]:
            if not reached[state]:
                reached[state] = True
                waiting.append(state)
    return reached
