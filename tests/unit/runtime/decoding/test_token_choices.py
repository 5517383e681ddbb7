"""Choices: what the states of an automaton allow, by the plain definition of each figure."""

import numpy as np
import pytest

from tests.support.plain_automaton import plain_automaton
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.decoding.token_choices import Choices

VOCABULARY = 200
ALLOWED = (1, 3, 99, 100, 101, 197, 199)


def automaton() -> TokenAutomaton:
    random = np.random.default_rng(2)
    table = np.full((len(ALLOWED) + 1, VOCABULARY), REFUSED, dtype=np.int16)
    table[FREE] = FREE
    for state, count in enumerate(ALLOWED, start=1):
        table[state, random.choice(VOCABULARY, size=count, replace=False)] = FREE
    return plain_automaton(table)


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
@pytest.mark.parametrize("sharpness", [1.0, 0.4, 2.5])
def test_the_choice_and_its_probabilities_are_those_of_the_definition(
    scale: float, sharpness: float
) -> None:
    found = Choices(automaton())
    states = list(range(len(ALLOWED) + 1)) * 3
    random = np.random.default_rng(9)
    logits = random.normal(scale=scale, size=(len(states), VOCABULARY)).astype(np.float32)
    chosen = found.best(logits, states)
    weighed = found.log_probs(logits, chosen, states, [sharpness] * len(states))
    for row, state, best, (own, together) in zip(logits, states, chosen, weighed, strict=True):
        allowed = automaton().row(state) != REFUSED
        assert best == int(np.where(allowed, row, -np.inf).argmax())
        sharp = row.astype(np.float64) * sharpness
        whole = np.logaddexp.reduce(sharp)
        assert own == pytest.approx(sharp[best] - whole, abs=1e-3, rel=1e-5)
        if state == FREE:
            assert together == 0.0
        elif together > -80:  # beyond, single precision knows no more than the chosen one
            expected = np.logaddexp.reduce(sharp[allowed]) - whole
            assert together == pytest.approx(expected, abs=1e-3, rel=1e-5)
        assert together >= own - 1e-6


def test_of_equal_tokens_the_first_is_chosen() -> None:
    logits = np.zeros((3, VOCABULARY), dtype=np.float32)
    for best, state in zip(Choices(automaton()).best(logits, [0, 4, 6]), (0, 4, 6), strict=True):
        assert best == automaton().allowed(state)[0]
