"""GreedySearch: writes rows token by token, and several tokens at once where a draft guessed them.

The ONNX engine runs the network on each ``step`` of the search and gives what it answers to
``take``. Each step feeds every row the token chosen last and a draft of what may follow; the
network answers all of them at once, and a draft is kept as far as it is what the network would have
chosen anyway. So a draft changes how many steps a row takes and nothing else. Example:
``while search.goes_on: search.take(run(search.step()))``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.drafts import Drafts
from todserve.runtime.decoding.token_automaton import REFUSED
from todserve.runtime.decoding.token_choices import Choices, Logits
from todserve.runtime.engines.engine import Generation, Row, generation_of

HIDDEN = -1
"""The distance of a position that must not be looked at."""

_NOWHERE = 1 << 30
"""The place of a column that nobody may look at: it lies behind every other."""

_POSITIONS = 32
"""Of one step, all rows together; beyond, a further position costs what it may save."""
_LONGEST = 6
_ROWS_AT_ONCE = 64
"""Logits kept for their probabilities: those of a whole lone turn, and no more of a batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The token ids and positions that the network is given in one step of the search.

    Attributes:
        tokens: (rows, positions).
        distance: (rows, positions, positions so far and these), HIDDEN or how far before each
            position each other is.
        asked: positions whose logits are wanted, counted through the rows.
    """

    tokens: NDArray[np.int64]
    distance: NDArray[np.int64]
    asked: NDArray[np.int64]


@dataclass(kw_only=True, slots=True)
class _Line:
    """A row as far as it is written.

    Attributes:
        row: what was asked.
        tokens: prefix and chosen tokens.
        state: where it stands in the automaton.
        fed: how many of its tokens the network has seen.
        draft: what was guessed in this step, and the states before each and after the last.
    """

    row: Row
    tokens: list[int]
    state: int
    fed: int = 0
    draft: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    log_probs: list[float] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    over: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chosen:
    """A token that was chosen and not weighed yet: its line, its column, its state before it."""

    line: _Line
    place: int
    state: int


class GreedySearch:
    """Greedy search for the rows of one call.

    Args:
        rows: what to generate.
        choices: chooses.
        drafts: guesses.
        foreign: of each context, the columns of the logits that its rows must not choose: words
            that only other contexts hold. None where there are none.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        choices: Choices,
        drafts: Drafts,
        foreign: Sequence[NDArray[np.intp]] | None = None,
    ) -> None:
        self._lines = [_Line(row=one, tokens=list(one.prefix), state=one.state) for one in rows]
        self._running = list(self._lines)
        self._choices, self._drafts, self._foreign = choices, drafts, foreign
        self._chosen: list[_Chosen] = []
        self._kept: list[Logits] = []
        # Where each column of what the network remembers stands in its row.
        self._places = np.zeros((len(rows), 0), dtype=np.int64)

    @property
    def goes_on(self) -> bool:
        """Whether a row is not over."""
        return any(not line.over for line in self._running)

    def step(self) -> Step:
        """Return what to ask next: of each row that goes on what was not seen yet, and a draft."""
        going = [line for line in self._running if not line.over]
        most = min(_LONGEST, _POSITIONS // len(going) - 1)
        fed: list[list[int]] = []
        for line in self._running:
            if line.over:
                fed.append([])
                continue
            self._guess(line, most)
            fed.append([*line.tokens[line.fed :], *line.draft])
        width = max(map(len, fed))
        tokens: list[list[int]] = []
        places: list[list[int]] = []
        asked: list[int] = []
        for at, (line, ids) in enumerate(zip(self._running, fed, strict=True)):
            padding = width - len(ids)
            tokens.append([*ids, *[0] * padding])
            places.append([*range(line.fed, line.fed + len(ids)), *[HIDDEN] * padding])
            if ids:
                asked += range(at * width + len(ids) - len(line.draft) - 1, at * width + len(ids))
        here = np.array(places, dtype=np.int64)
        self._places = np.concatenate(
            [self._places, np.where(here == HIDDEN, _NOWHERE, here)], axis=1
        )
        distance = here[:, :, None] - self._places[:, None, :]
        np.maximum(distance, HIDDEN, out=distance)
        return Step(
            tokens=np.array(tokens, dtype=np.int64),
            distance=distance,
            asked=np.array(asked, dtype=np.int64),
        )

    def take(self, logits: Logits) -> None:
        """Go on with the logits of the positions that were asked for."""
        going = [line for line in self._running if not line.over]
        if self._foreign is not None:
            self._hide(logits, going, self._foreign)
        best = self._choices.best(logits, [state for line in going for state in line.states])
        first, is_whole = 0, True
        rows: list[int] = []
        for line in self._running:
            if line.over:
                continue
            last = first + len(line.states)
            seen = len(line.tokens)
            for place, state in enumerate(self._extend(line, best[first:last]), first):
                rows.append(place)
                self._chosen.append(_Chosen(line=line, place=best[place], state=state))
            # Of the draft, what was not chosen is forgotten.
            line.fed = min(seen + len(line.draft), len(line.tokens) - 1)
            is_whole &= len(rows) == last
            first = last
        self._kept.append(logits if is_whole else logits[rows])
        if not is_whole:
            fed = np.array([line.fed for line in self._running], dtype=np.int64)
            self._places[self._places >= fed[:, None]] = _NOWHERE
        if len(self._chosen) >= _ROWS_AT_ONCE or not self.goes_on:
            self._weigh()

    def left_over(self) -> NDArray[np.int64] | None:
        """Leave out the rows that are over, once they are half of all; return which stay.

        Returns None while all stay: to copy what the others remember at every end would cost more
        than it saves.
        """
        keep = [at for at, line in enumerate(self._running) if not line.over]
        if not keep or len(keep) > len(self._running) // 2:
            return None
        self._running = [self._running[at] for at in keep]
        self._places = self._places[keep]
        return np.array(keep, dtype=np.int64)

    @property
    def contexts(self) -> list[int]:
        """The context of each row that is asked about."""
        return [line.row.context for line in self._running]

    def generations(self) -> list[Generation]:
        """Return what the rows became, in their order.

        Raises:
            ConfigError: a log-probability is not finite.
        """
        return [
            generation_of(
                line.row, line.tokens[len(line.row.prefix) :], line.log_probs, line.allowed
            )
            for line in self._lines
        ]

    @staticmethod
    def _hide(logits: Logits, going: Sequence[_Line], foreign: Sequence[NDArray[np.intp]]) -> None:
        first = 0
        for line in going:
            logits[first : first + len(line.states), foreign[line.row.context]] = -np.inf
            first += len(line.states)

    def _guess(self, line: _Line, most: int) -> None:
        left = line.row.max_new_tokens - (len(line.tokens) - len(line.row.prefix))
        states = [line.state]
        draft: list[int] = []
        for token in self._drafts.after(line.tokens, min(most, left - 1)):
            state = self._choices.after(states[-1], token)
            if token == line.row.end_id or state == REFUSED:
                break
            draft.append(token)
            states.append(state)
        line.draft, line.states = tuple(draft), tuple(states)

    def _extend(self, line: _Line, best: Sequence[int]) -> tuple[int, ...]:
        """Write what was chosen as far as the draft guessed it; return the states it stood in."""
        for at, (place, state) in enumerate(zip(best, line.states, strict=True)):
            token = self._choices.token(place)
            line.tokens.append(token)
            line.state = self._choices.after(state, token)
            written = len(line.tokens) - len(line.row.prefix)
            line.over = token == line.row.end_id or written >= line.row.max_new_tokens
            if line.over or line.draft[at : at + 1] != (token,):
                return line.states[: at + 1]
        return line.states

    def _weigh(self) -> None:
        """Note the probabilities of the tokens that were chosen lately, of many steps at once."""
        weighed = self._choices.log_probs(
            self._kept[0] if len(self._kept) == 1 else np.concatenate(self._kept),
            [one.place for one in self._chosen],
            [one.state for one in self._chosen],
            [1 / one.line.row.temperature for one in self._chosen],
        )
        for one, (own, allowed) in zip(self._chosen, weighed, strict=True):
            one.line.log_probs.append(own)
            one.line.allowed.append(allowed)
        self._chosen, self._kept = [], []
