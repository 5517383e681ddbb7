"""Every expected number is worked by hand in the comment beside it."""

import pytest

from tests.support.tiny_checkpoint import SCHEMA
from todserve.evaluation.metrics.generation_rates import task_rates
from todserve.evaluation.metrics.invented_labels import INVENTED, Labels, invented
from todserve.runtime.language.dialogue import DialogueAct, Turn
from todserve.runtime.wire.response import (
    ActPrediction,
    ModelIdentity,
    ResponsePrediction,
    TurnResponse,
)

MODEL = ModelIdentity(name="tod", version="1", checkpoint="0")
LABELS = Labels.of(
    [
        Turn(
            user="a cheap one",
            dialogue_acts=(
                DialogueAct(domain="restaurant", act="inform", slot="phone"),
                DialogueAct(domain="general", act="reqmore"),
            ),
            delexicalised_response="its phone is [value_phone].",
        ),
        Turn(user="nothing is annotated here"),
    ],
    SCHEMA,
)


def answer(
    *,
    acts: tuple[tuple[str, str, str], ...] = (),
    reply: str = "",
    **unparsed: tuple[str, ...],
) -> TurnResponse:
    return TurnResponse(
        model=MODEL,
        dialogue_act=tuple(ActPrediction(domain=d, act=a, slot=s) for d, a, s in acts),
        response=ResponsePrediction(text="", delexicalised=reply),
        unparsed=unparsed,
    )


@pytest.mark.parametrize(
    ("pieces", "kinds"),
    [
        ((), set()),
        # no such domain; what stands under it is not counted again
        (("[spa]",), {"invented_domain"}),
        (("[spa]", "area north"), {"invented_domain"}),
        (("[spa]", "area north", "colour blue"), {"invented_domain", "invented_slot"}),
        # a word where a slot should be
        (("colour blue",), {"invented_slot"}),
        # a slot without its value is malformed, not invented
        (("area",), set()),
        # a categorical slot refuses what it does not know
        (("[restaurant] area moon",), {"invented_value"}),
        # cut off by the cap: any value of a free-text slot could have come
        (("[train] destination cam",), set()),
        # whole states have no withdrawn slots
        (("[restaurant] area none",), set()),
        # a stray placeholder or look-up token is no label
        (("[value_name]", "[db_1]"), set()),
    ],
)
def test_labels_invented_in_the_belief_state(pieces: tuple[str, ...], kinds: set[str]) -> None:
    assert invented(answer(belief_state=pieces), LABELS) == kinds


@pytest.mark.parametrize(
    ("pieces", "kinds"),
    [
        (("[find_hotel]",), {"invented_intent"}),
        # a second intent that there is, and a word that is no label
        (("[find_train]", "please"), set()),
    ],
)
def test_invented_intents(pieces: tuple[str, ...], kinds: set[str]) -> None:
    assert invented(answer(intent=pieces), LABELS) == kinds


@pytest.mark.parametrize(
    ("acts", "pieces", "kinds"),
    [
        ((("restaurant", "inform", "phone"), ("general", "reqmore", "")), (), set()),
        # every slot of the domain may be named, seen or not
        ((("train", "inform", "leave"),), (), set()),
        # no such act; no such slot in this domain
        ((("restaurant", "sing", ""),), (), {"invented_act"}),
        ((("train", "inform", "phone"),), (), {"invented_act"}),
        # a bracketed word that is neither domain nor act
        ((), ("[spa]", "[inform]", "phone"), {"invented_act"}),
        # an act or a domain on its own is malformed, not invented
        ((), ("[inform]",), set()),
        ((), ("[train]",), set()),
    ],
)
def test_invented_acts(
    acts: tuple[tuple[str, str, str], ...], pieces: tuple[str, ...], kinds: set[str]
) -> None:
    assert invented(answer(acts=acts, dialogue_act=pieces), LABELS) == kinds


@pytest.mark.parametrize(
    ("reply", "kinds"),
    [
        ("its phone is [value_phone], in the [value_area].", set()),
        ("it is [value_colour].", {"invented_placeholder"}),
        ("nothing to fill.", set()),
    ],
)
def test_invented_placeholders(reply: str, kinds: set[str]) -> None:
    assert invented(answer(reply=reply), LABELS) == kinds


def test_rates_are_shares_of_answered_turns_for_each_task_and_kind() -> None:
    answers = [
        None,
        answer(belief_state=("[spa]", "area north")),
        answer(belief_state=("area",), reply="[value_colour] [value_shape]"),
        answer(acts=(("restaurant", "sing", ""), ("restaurant", "dance", ""))),
        answer(response=("[db_1]",)),
    ]
    figures = task_rates(answers, LABELS)
    assert {one.of for one in figures} == {4}
    values = {one.name: one.value for one in figures}
    # of 4 answered turns: belief states 2 malformed, 1 of them with an invented domain; one reply
    # with a stray token; one with invented placeholders; one with invented acts
    assert values == {
        "unparsed_belief_state": 0.5,
        "unparsed_dialogue_act": 0.0,
        "unparsed_response": 0.25,
        "unparsed_intent": 0.0,
        "invented_domain": 0.25,
        "invented_slot": 0.0,
        "invented_value": 0.0,
        "invented_intent": 0.0,
        "invented_act": 0.25,
        "invented_placeholder": 0.25,
    }
    assert {one.name: one.note for one in figures if one.name in INVENTED} == INVENTED


def test_nothing_answered_has_no_rates() -> None:
    assert {one.value for one in task_rates([None], LABELS)} == {None}
