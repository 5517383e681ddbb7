"""Every expected number is worked by hand in the comment beside it."""

import math

import pytest

from tests.support.tiny_checkpoint import SCHEMA
from todserve.evaluation.metrics.belief_scores import belief_scores
from todserve.evaluation.metrics.generation_rates import generation_rates
from todserve.evaluation.metrics.label_scores import dialogue_act_f1, intent_accuracy
from todserve.evaluation.metrics.response_bleu import response_bleu, tokens
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

State = dict[str, dict[str, str]]


@pytest.mark.parametrize(
    ("predicted", "expected", "joint", "f1"),
    [
        # one of one right
        ({"train": {"day": "friday"}}, {"train": {"day": "friday"}}, 1.0, 1.0),
        # 2 right of 3 predicted and 2 expected: 4 / 5
        (
            {"train": {"day": "friday", "departure": "ely", "arrive": "09:00"}},
            {"train": {"day": "friday", "departure": "ely"}},
            0.0,
            0.8,
        ),
        # the same value in another slot is wrong
        ({"train": {"departure": "ely"}}, {"train": {"destination": "ely"}}, 0.0, 0.0),
        # spelling is the schema's on both sides
        ({"restaurant": {"area": "center"}}, {"restaurant": {"area": "Centre"}}, 1.0, 1.0),
        # a label outside the schema can never be met
        ({"restaurant": {"area": "centre"}}, {"restaurant": {"area": "moon"}}, 0.0, 0.0),
        # nothing to find and nothing found: the state is right, there is no slot to count
        ({}, {}, 1.0, None),
    ],
)
def test_belief_scores(predicted: State, expected: State, joint: float, f1: float | None) -> None:
    accuracy, slots = belief_scores([(predicted, expected)], SCHEMA)
    assert accuracy.value == joint
    assert slots.value == (f1 if f1 is None else pytest.approx(f1))


def test_belief_scores_are_micro_averages_over_turns() -> None:
    right: State = {"train": {"day": "friday", "departure": "ely"}}
    accuracy, slots = belief_scores(
        [(right, right), ({}, {"train": {"day": "friday", "departure": "ely"}}), ({}, {})], SCHEMA
    )
    # joint: turns 1 and 3 of 3; slots: 2 right of 2 predicted and 4 expected: 4 / 6
    assert accuracy.value == pytest.approx(2 / 3)
    assert accuracy.of == 3
    assert slots.value == pytest.approx(2 / 3)
    assert slots.of == 4


def test_intent_accuracy_counts_no_intent_as_wrong() -> None:
    figure = intent_accuracy(
        [("find_train", "find_train"), (None, "find_train"), ("general", "find_train")]
    )
    assert figure.value == pytest.approx(1 / 3)
    assert figure.of == 3


def test_dialogue_act_f1_is_over_whole_acts() -> None:
    phone = DialogueAct(domain="train", act="inform", slot="phone")
    day = DialogueAct(domain="train", act="request", slot="day")
    other = DialogueAct(domain="taxi", act="request", slot="day")
    figure = dialogue_act_f1([({phone, day}, {phone}), ({other}, {day}), (set(), {day})])
    # 1 right of 3 predicted and 3 expected: 2 / 6
    assert figure.value == pytest.approx(1 / 3)
    assert figure.of == 3


def test_nothing_to_count_has_no_value() -> None:
    assert intent_accuracy([]).value is None
    assert dialogue_act_f1([]).value is None
    assert response_bleu([]).value is None
    assert [one.value for one in generation_rates([])] == [None, None, None]


def test_tokens_keep_placeholders_and_times_whole() -> None:
    assert tokens("[value_name] leaves at 09:30, it's [value_price].") == (
        "[value_name] leaves at 09:30 , it's [value_price] ."
    )


def test_response_bleu_of_equal_replies_is_100_whatever_their_case() -> None:
    text = "[value_name] is at [value_address]. Anything else?"
    figure = response_bleu([(text.lower(), text)])
    assert figure.value == pytest.approx(100)


def test_response_bleu_by_hand() -> None:
    # tokens: predicted "a b c d x", reference "a b c d e": no brevity penalty;
    # 1-grams 4/5, 2-grams 3/4, 3-grams 2/3, 4-grams 1/2; product 0.2
    figure = response_bleu([("a b c d x", "a b c d e")])
    assert figure.value == pytest.approx(100 * math.pow(0.2, 0.25))
    assert "tok:none" in figure.note


def test_generation_rates() -> None:
    model = ModelIdentity(name="tod", version="1", checkpoint="0")
    answers = [
        None,
        TurnResponse(model=model, consistent=True),
        TurnResponse(model=model, consistent=False, unparsed={"intent": ("[x]",)}),
        TurnResponse(model=model, consistent=None),
    ]
    refused, unparsed, disagreement = generation_rates(answers)
    assert (refused.value, refused.of) == (0.25, 4)
    assert unparsed.value == pytest.approx(1 / 3)
    assert unparsed.of == 3
    assert (disagreement.value, disagreement.of) == (0.5, 2)
