from collections import Counter

import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.training.batches.mixture import Mixture, examples_drawn
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import Mixing

INTENT, STATE = TaskName.INTENT, TaskName.BELIEF_STATE


def turns(corpus: str, number: int, *, states: int = 0) -> list[TrainingTurn]:
    """Return turns with an intent each, the first ``states`` of them with a state too."""
    return [
        TrainingTurn(
            dialogue_id=f"{corpus}-{index}",
            corpus=corpus,
            user=f"turn {index}",
            intent="ask",
            state={} if index < states else None,
        )
        for index in range(number)
    ]


def met(epoch: list[TrainingTurn]) -> Counter[tuple[str, TaskName]]:
    return Counter((turn.corpus, task) for turn in epoch for task in turn.tasks)


@pytest.mark.parametrize(
    ("counts", "settings", "expected"),
    [
        # p_i = n_i / sum
        ((8000, 1000), Mixing(), (8000, 1000)),
        ((90, 10), Mixing(epoch_examples=40), (36, 4)),
        # cube roots 20 and 10: 2 to 1
        ((8000, 1000), Mixing(temperature=3), (6000, 3000)),
        # square roots 30 and 10: 3 to 1
        ((900, 100), Mixing(temperature=2, epoch_examples=400), (300, 100)),
        # counted as 300 and 100: 3 to 1
        ((900, 100), Mixing(cap=300), (750, 250)),
        ((900, 100), Mixing(cap=1), (500, 500)),
        # 10 / 3: the remainder goes to the first
        ((5, 5, 5), Mixing(epoch_examples=10), (4, 3, 3)),
        # square roots of 1, 4, 9 are 1, 2, 3 of 6: 2.33, 4.67, 7
        ((1, 4, 9), Mixing(temperature=2), (2, 5, 7)),
    ],
)
def test_temperature_and_cap_set_how_often_a_pair_is_met(
    counts: tuple[int, ...], settings: Mixing, expected: tuple[int, ...]
) -> None:
    pairs = [(f"corpus{index}", INTENT) for index in range(len(counts))]
    drawn = examples_drawn(dict(zip(pairs, counts, strict=True)), settings)
    assert tuple(drawn[pair] for pair in pairs) == expected


def test_without_settings_an_epoch_is_the_turns_as_they_stand() -> None:
    prepared = turns("a", 3) + turns("b", 2)
    assert Mixture(prepared, Mixing(), seed=1).epoch(5) is prepared


def test_an_epoch_meets_each_pair_as_often_as_announced() -> None:
    mixture = Mixture(turns("a", 90, states=40) + turns("b", 10), Mixing(temperature=4), seed=1)
    for number in range(3):
        assert met(list(mixture.epoch(number))) == mixture.drawn
    assert sum(mixture.drawn.values()) == 140
    assert mixture.drawn["b", INTENT] > 10


def test_a_pair_met_more_often_than_it_has_examples_repeats_all_of_them_evenly() -> None:
    mixture = Mixture(
        turns("a", 90) + turns("b", 4), Mixing(temperature=100, epoch_examples=20), seed=3
    )
    seen = Counter(turn.dialogue_id for turn in mixture.epoch(0) if turn.corpus == "b")
    assert mixture.drawn["b", INTENT] == 10
    assert sorted(seen.values()) == [2, 2, 3, 3]


def test_an_epoch_is_a_function_of_seed_and_number_alone() -> None:
    prepared = turns("a", 50) + turns("b", 50)
    settings = Mixing(epoch_examples=30)
    first, resumed = (Mixture(prepared, settings, seed=1) for _ in range(2))
    epochs = [first.epoch(number) for number in range(4)]
    assert resumed.epoch(3) == epochs[3]  # without the three before it
    assert epochs[2] != epochs[3]
    assert Mixture(prepared, settings, seed=2).epoch(3) != epochs[3]


def test_tasks_of_one_turn_are_met_together() -> None:
    prepared = turns("a", 60, states=60) + turns("b", 5)
    mixture = Mixture(prepared, Mixing(cap=1, epoch_examples=39), seed=1)
    assert {turn.tasks for turn in mixture.epoch(0) if turn.corpus == "a"} == {(STATE, INTENT)}


def test_a_turn_met_for_one_task_keeps_that_target_alone() -> None:
    prepared = turns("a", 60, states=2)
    mixture = Mixture(prepared, Mixing(temperature=1000, epoch_examples=20), seed=1)
    epoch = mixture.epoch(0)
    assert met(list(epoch)) == {("a", INTENT): 10, ("a", STATE): 10}
    assert any(turn.tasks == (STATE,) and turn.intent is None for turn in epoch)


def test_turns_without_a_target_are_never_met() -> None:
    empty = TrainingTurn(dialogue_id="e", corpus="a", user="hm")
    epoch = Mixture([empty, *turns("a", 3)], Mixing(epoch_examples=9), seed=1).epoch(0)
    assert len(epoch) == 9
    assert empty not in epoch


def test_rates_are_reported_pair_by_pair() -> None:
    lines = Mixture(turns("a", 30) + turns("b", 10), Mixing(cap=10), seed=1).lines()
    assert lines == [
        "a intent: 30 examples, 20 met in an epoch (50.0%)",
        "b intent: 10 examples, 20 met in an epoch (50.0%)",
    ]


def test_stated_shares_are_shares_of_turns_whatever_the_size_of_a_corpus() -> None:
    prepared = turns("large", 900, states=900) + turns("small", 50)
    mixture = Mixture(prepared, Mixing(weights={"large": 3, "small": 1}), seed=1)
    epoch = list(mixture.epoch(0))
    counted = Counter(turn.corpus for turn in epoch)
    assert counted["large"] == pytest.approx(3 * counted["small"], rel=0.02)
    # A turn is met with every task it has.
    assert all(len(turn.tasks) == 2 for turn in epoch if turn.corpus == "large")
    assert sum(met(epoch).values()) == sum(mixture.counts.values())


def test_a_share_of_zero_leaves_a_corpus_out() -> None:
    mixture = Mixture(turns("a", 9) + turns("b", 9), Mixing(weights={"a": 1, "b": 0}), seed=1)
    assert {turn.corpus for turn in mixture.epoch(0)} == {"a"}


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ({"a": 1.0}, "prepared corpora are a, b"),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, "names a, b, c"),
        ({"a": 0.0, "b": 0.0}, "every weight"),
    ],
)
def test_shares_of_other_corpora_than_there_are_are_refused(
    weights: dict[str, float], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Mixture(turns("a", 2) + turns("b", 2), Mixing(weights=weights), seed=1)
