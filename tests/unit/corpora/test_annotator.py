from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.silver.silver_annotator import (
    Annotator,
    DevHalf,
    act_features,
    dev_half,
    intent_features,
    scenes,
)
from todserve.corpora.silver.silver_fit import AnnotatorScores, label, score_annotator, unlabelled
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn

WHICH_AREA = "what area do you want?"
BOOKED = "booked! the reference is [value_reference]."
BYE = "goodbye."


def act(domain: str, name: str, slot: str = "") -> DialogueAct:
    return DialogueAct(domain=domain, act=name, slot=slot)


def ids(half: DevHalf) -> Iterator[str]:
    return (name for name in map("MUL{:04d}".format, count()) if dev_half(name) is half)


def gold(name: str, venue: str) -> Dialogue:
    searched = {venue: {"pricerange": "cheap"}}
    booked = {venue: {"pricerange": "cheap", "day": "friday"}}
    return Dialogue(
        dialogue_id=name,
        corpus="multiwoz21",
        split="dev",
        turns=(
            Turn(
                user=f"i want a cheap {venue}",
                belief_state=searched,
                intent=f"find_{venue}",
                system=WHICH_AREA,
                delexicalised_response=WHICH_AREA,
                dialogue_acts=(act(venue, "request", "area"),),
            ),
            Turn(
                user="book it for friday",
                belief_state=booked,
                intent=f"book_{venue}",
                system=BOOKED,
                delexicalised_response=BOOKED,
                dialogue_acts=(act(venue, "book", "reference"),),
            ),
            Turn(
                user="thank you , bye",
                belief_state=booked,
                intent="general",
                system=BYE,
                delexicalised_response=BYE,
                dialogue_acts=(act("general", "bye"),),
            ),
        ),
    )


def half(which: DevHalf) -> list[Dialogue]:
    venues = ("hotel", "restaurant") * 8
    return [gold(name, venue) for name, venue in zip(islice(ids(which), 16), venues, strict=True)]


@pytest.fixture(scope="module")
def annotator() -> Annotator:
    return Annotator.fit(half(DevHalf.ANNOTATOR))


def test_the_halves_of_dev_never_change() -> None:
    assert [dev_half(name) for name in ("PMUL1635", "MUL0129", "SNG0907")] == [
        DevHalf.ANNOTATOR,
        DevHalf.HELD_OUT,
        DevHalf.HELD_OUT,
    ]


def test_annotator_labels_intents_and_acts_with_their_domain(annotator: Annotator) -> None:
    wanted = gold("SNG0001", "restaurant")
    bare = unlabelled(wanted)
    (first, *_) = annotator.annotate(bare).turns
    assert first.intent == "find_restaurant"
    assert first.dialogue_acts is None  # nothing delexicalised yet
    found = label(bare, annotator, replies_as_they_are)
    assert [turn.intent for turn in found.turns] == [turn.intent for turn in wanted.turns]
    assert [turn.dialogue_acts for turn in found.turns] == [
        turn.dialogue_acts for turn in wanted.turns
    ]


def test_gold_labels_stay(annotator: Annotator) -> None:
    odd = Turn(
        user="thank you , bye",
        belief_state={},
        intent="police",
        delexicalised_response=BYE,
        dialogue_acts=(act("taxi", "inform", "car"),),
    )
    (kept,) = annotator.annotate(
        Dialogue(dialogue_id="x", corpus="multiwoz21", split="train", turns=(odd,))
    ).turns
    assert kept == odd


def test_a_turn_without_a_reply_gets_no_acts(annotator: Annotator) -> None:
    lonely = Dialogue(
        dialogue_id="x", corpus="multiwoz21", split="train", turns=(Turn(user="bye"),)
    )
    assert annotator.annotate(lonely).turns[0].dialogue_acts is None


def test_fit_refuses_dialogues_that_scores_are_given_on() -> None:
    held_out = gold(next(ids(DevHalf.HELD_OUT)), "hotel")
    with pytest.raises(CorpusError, match="is not of the dev-annotator half"):
        Annotator.fit([held_out])


def test_fit_refuses_dialogues_without_labels() -> None:
    with pytest.raises(CorpusError, match="nothing to fit on"):
        Annotator.fit([unlabelled(one) for one in half(DevHalf.ANNOTATOR)])


def test_features_never_look_at_gold_acts_or_intents() -> None:
    wanted = gold("SNG0001", "hotel")
    for seen, blind in zip(
        scenes(wanted), scenes(replies_as_they_are(unlabelled(wanted))), strict=True
    ):
        assert act_features(seen) == act_features(blind)
        assert intent_features(seen) == intent_features(blind)


def test_scores_are_counted_on_the_held_out_half(annotator: Annotator) -> None:
    held_out = [name for name in ("MUL0001", "MUL0003") if dev_half(name) is DevHalf.HELD_OUT]
    scores = score_annotator(annotator, tiny("multiwoz21"), replies_as_they_are)
    assert held_out
    assert scores.intents > 0
    assert scores.replies > 0
    assert 0 <= scores.act_micro_f1 <= 1
    assert "dev-held-out" in str(scores)


def test_scores_print_what_they_were_measured_on() -> None:
    scores = AnnotatorScores(
        dialogues=2,
        intents=4,
        intent_accuracy=0.75,
        replies=3,
        act_micro_f1=0.5,
        act_precision=0.5,
        act_recall=0.5,
        act_exact=0.25,
        domain_accuracy=1.0,
    )
    assert str(scores).startswith(
        "silver annotator on multiwoz21 dev-held-out (2 dialogues): intent accuracy 0.7500 of 4"
    )


def replies_as_they_are(dialogue: Dialogue) -> Dialogue:
    turns = tuple(replace(turn, delexicalised_response=turn.system) for turn in dialogue.turns)
    return replace(dialogue, turns=turns)
