"""Drafts: what is counted, what is guessed, and that a guess changes nothing but the steps."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.plain_automaton import plain_automaton
from todserve.runtime.decoding.drafts import Drafts
from todserve.runtime.decoding.greedy_search import HIDDEN, GreedySearch
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.decoding.token_choices import Choices
from todserve.runtime.engines.engine import Generation, Row
from todserve.runtime.errors import ConfigError

VOCABULARY = 23
END = 1


def test_the_longest_known_past_decides_and_a_shorter_one_stands_in() -> None:
    drafts = Drafts({(5,): 6, (4, 5): 7, (6,): 5})
    assert drafts.after([4, 5], 1) == [7]
    assert drafts.after([9, 5], 3) == [6, 5, 6]
    assert drafts.after([9], 3) == []
    assert drafts.after([5], 0) == []


def test_what_followed_often_enough_is_guessed() -> None:
    written = [[2, 5, 6, 1]] * 3 + [[3, 5, 7, 1]] * 5 + [[8, 9]]
    drafts = Drafts.counted(written, least=3)
    assert drafts.after([3], 5) == [5, 7, 1]
    assert drafts.after([2], 5) == [5, 6, 1]
    assert drafts.after([8], 5) == []


def test_drafts_come_back_as_they_were_saved(tmp_path: Path) -> None:
    drafts = Drafts({(5,): 6, (4, 5): 7})
    drafts.save(tmp_path / "drafts.json")
    found = Drafts.load(tmp_path / "drafts.json")
    assert len(found) == 2
    assert found.after([4, 5], 2) == drafts.after([4, 5], 2)


def test_without_a_file_nothing_is_guessed(tmp_path: Path) -> None:
    assert len(Drafts.load(tmp_path / "drafts.json")) == 0


def test_drafts_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    Drafts({(5,): 6}).save(tmp_path / "drafts.json")
    with pytest.raises(ConfigError, match="token 6; the network knows 6"):
        Drafts.load(tmp_path / "drafts.json", vocabulary=6)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 2, "sequences": []}', '{"version": 1, "sequences": [[]]}']
)
def test_a_malformed_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "drafts.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"drafts\.json.*tod count-drafts"):
        Drafts.load(tmp_path / "drafts.json")


class ToyNetwork:
    """Logits that depend on every token of a row that may be looked at, and on its place."""

    def __init__(self, rows: int) -> None:
        self._seen = np.zeros((rows, 0), dtype=np.int64)
        self._table = np.random.default_rng(5).normal(size=(VOCABULARY, VOCABULARY))
        self.steps = 0

    def run(self, search: GreedySearch) -> None:
        step = search.step()
        self._seen = np.concatenate([self._seen, step.tokens], axis=1)
        rows, width = step.tokens.shape
        logits = np.zeros((rows, width, VOCABULARY))
        for row in range(rows):
            for at in range(width):
                distance = step.distance[row, at]
                for place in np.flatnonzero(distance != HIDDEN):
                    logits[row, at] += self._table[self._seen[row, place]] / (1 + distance[place])
        self.steps += 1
        search.take(logits.reshape(-1, VOCABULARY)[step.asked].astype(np.float32))
        keep = search.left_over()
        if keep is not None:
            self._seen = self._seen[keep]


def written(
    rows: list[Row], drafts: Drafts, automaton: TokenAutomaton | None = None
) -> tuple[list[Generation], int]:
    search = GreedySearch(rows, Choices(automaton), drafts)
    network = ToyNetwork(len(rows))
    while search.goes_on:
        network.run(search)
    return search.generations(), network.steps


def rows_of(count: int, state: int = FREE) -> list[Row]:
    return [
        Row(
            context=0,
            prefix=(2 + index % 20, 3)[: 1 + index % 2],
            end_id=END,
            max_new_tokens=9 + 4 * index,
            state=state if index % 3 else FREE,
        )
        for index in range(count)
    ]


def constraint() -> TokenAutomaton:
    random = np.random.default_rng(8)
    table = np.full((4, VOCABULARY), REFUSED, dtype=np.int16)
    table[FREE] = FREE
    for state, allowed in ((1, 2), (2, 21), (3, 12)):
        tokens = random.choice(np.arange(2, VOCABULARY), size=allowed, replace=False)
        table[state, tokens] = random.integers(1, 4, size=allowed)
    table[3, END] = FREE
    return plain_automaton(table)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
@pytest.mark.parametrize("constrained", [False, True])
def test_right_and_wrong_guesses_change_nothing_but_the_steps(
    count: int, constrained: bool
) -> None:
    automaton = constraint() if constrained else None
    rows = rows_of(count, state=1 if constrained else FREE)
    expected, most = written(rows, Drafts(), automaton)
    texts = [[*row.prefix, *one.ids] for row, one in zip(rows, expected, strict=True)]
    right = Drafts.counted(texts, least=1)
    random = np.random.default_rng(3)
    wrong = Drafts({(token,): int(random.integers(0, VOCABULARY)) for token in range(VOCABULARY)})
    for drafts in (right, wrong):
        found, steps = written(rows, drafts, automaton)
        assert steps <= most
        for one, other in zip(found, expected, strict=True):
            assert one.ids == other.ids
            assert one.finished == other.finished
            assert one.log_probs == pytest.approx(other.log_probs, abs=1e-5)
            assert one.allowed_log_probs == pytest.approx(other.allowed_log_probs, abs=1e-5)
    if count == 1:
        assert written(rows, right, automaton)[1] < most
