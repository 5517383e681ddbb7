"""Inform and Success by hand, on three restaurants, one hotel and three trains."""

import json
from pathlib import Path

import pytest

from tests.support.tiny_goals import tiny_multiwoz
from todserve.evaluation.suites.multiwoz.multiwoz_goals import (
    DomainGoal,
    Task,
    WizardTurn,
    read_tasks,
)
from todserve.evaluation.suites.multiwoz.multiwoz_inform_success import CountedTurn, Loss, judge
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import PredictedTurn
from todserve.evaluation.suites.multiwoz.multiwoz_scores import score_predictions
from todserve.evaluation.suites.multiwoz.multiwoz_venues import Venues
from todserve.runtime.errors import CorpusError

CHEAP = {"area": "centre", "pricerange": "cheap"}
SILENT = WizardTurn(user="", state={}, booked=frozenset(), reply="")
BOOKED = WizardTurn(user="", state={}, booked=frozenset({"restaurant", "train"}), reply="")


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Venues:
    return Venues.read(tiny_multiwoz(tmp_path_factory.mktemp("corpus")))


def task(
    domain: str, informable: dict[str, str], *requestable: str, turns: int = 3, booked: int = 9
) -> Task:
    goal = DomainGoal(informable=informable, requestable=frozenset(requestable))
    return Task(
        goal={domain: goal},
        turns=tuple(BOOKED if index >= booked else SILENT for index in range(turns)),
    )


def said(
    reply: str, state: dict[str, str] | None = None, domain: str = "restaurant"
) -> CountedTurn:
    return CountedTurn(reply=reply, state={} if state is None else {domain: state}, active=[domain])


@pytest.mark.parametrize(
    ("domain", "constraints", "ids"),
    [
        ("restaurant", {"area": "centre"}, {"1", "2"}),
        ("restaurant", {"area": "centre", "food": "dontcare"}, {"1", "2"}),
        ("restaurant", {"name": "the pizza palace"}, {"1"}),
        ("restaurant", {"people": "4", "area": "north"}, {"3"}),
        ("restaurant", {"area": "Centre"}, set()),
        ("attraction", {"pricerange": "cheap", "type": "multiple sports"}, {"7"}),  # price unknown
        ("hotel", {"type": "guest house", "internet": "free"}, {"0"}),
        ("train", {"departure": "cambridge", "leave": "10:00"}, {"TR0002"}),
        ("train", {"departure": "cambridge", "arrive": "10:00"}, {"TR0001"}),
        ("train", {"arrive": "not mentioned"}, {"TR0001", "TR0002", "TR0003"}),
        ("taxi", {"leave": "10:00"}, set()),
    ],
)
def test_venues_satisfy_constraints(
    venues: Venues, domain: str, constraints: dict[str, str], ids: set[str]
) -> None:
    assert venues.matching(domain, constraints) == ids


@pytest.mark.parametrize(
    ("turns", "loss"),
    [
        # the state of the offer matches the goal's venues exactly
        ([said("NAME is nice", CHEAP)], None),
        # a narrower offer is within the goal as well
        ([said("NAME is nice", {**CHEAP, "food": "italian"})], None),
        # la casa is offered too, and is expensive
        ([said("NAME is nice", {"area": "centre"})], Loss.WRONG_VENUE),
        ([said("NAME is nice", {"food": "thai"})], Loss.NOTHING_FOUND),
        ([said("NAME is nice")], Loss.NOTHING_FOUND),
        ([said("there are COUNT", CHEAP)], Loss.NO_OFFER),
        # a train id offers no restaurant, and a train no restaurant
        ([said("TRAINID", CHEAP)], Loss.NO_OFFER),
        ([CountedTurn(reply="NAME", state={"restaurant": CHEAP}, active=["hotel"])], Loss.NO_OFFER),
        # the last different offer counts
        ([said("NAME", {"area": "centre"}), said("NAME", CHEAP)], None),
        ([said("NAME", CHEAP), said("NAME", {"area": "north"})], Loss.WRONG_VENUE),
        # ... but a wider one that holds what was offered before is no new one
        ([said("NAME", CHEAP), said("NAME", {"area": "centre"})], None),
        ([said("NAME", CHEAP), said("NAME", {"food": "thai"})], Loss.NOTHING_FOUND),
    ],
)
def test_inform_holds_the_last_offer_against_the_goal(
    venues: Venues, turns: list[CountedTurn], loss: Loss | None
) -> None:
    outcome = judge(task("restaurant", CHEAP), turns, venues)
    assert outcome.domains["restaurant"].loss is loss
    assert outcome.inform is (loss is None)
    assert outcome.success is (loss is None)


def test_named_venues_and_domains_without_venues_need_no_offer(venues: Venues) -> None:
    named = task("restaurant", {"name": "la casa"}, "PHONE")
    assert judge(named, [said("PHONE", {})], venues).success
    assert not judge(named, [said("NAME", CHEAP)], venues).success
    taxi = task("taxi", {"leave": "12:00"}, "PHONE")
    assert judge(taxi, [said("your TYPE , PHONE", {}, "taxi")], venues).success


@pytest.mark.parametrize(
    ("asked", "turns", "inform"),
    [
        # without an id asked for, no train need be named
        ((), [said("anything else?", {"day": "friday"}, "train")], True),
        (("TRAINID",), [said("anything else?", {"day": "friday"}, "train")], False),
        # but one that is named must be right: TR0003 leaves ely
        ((), [said("TRAINID", {"day": "friday"}, "train")], False),
        ((), [said("TRAINID", {"departure": "cambridge"}, "train")], True),
        ((), [said("TRAINID", {"departure": "london"}, "train")], True),  # nothing was offered
    ],
)
def test_trains_need_an_offer_only_if_their_id_is_asked_for(
    venues: Venues, asked: tuple[str, ...], turns: list[CountedTurn], inform: bool
) -> None:
    goal = task("train", {"departure": "cambridge"}, *asked)
    assert judge(goal, turns, venues).inform is inform


def test_success_needs_everything_asked_for_while_the_domain_is_talked_of(venues: Venues) -> None:
    goal = task("restaurant", CHEAP, "PHONE", "POST")
    offer = said("NAME , PHONE", CHEAP)
    assert judge(goal, [offer], venues).domains["restaurant"].loss is Loss.NOT_TOLD
    assert judge(goal, [offer], venues).domains["restaurant"].untold == {"POST"}
    elsewhere = CountedTurn(reply="POST", state={"restaurant": CHEAP}, active=["hotel"])
    assert not judge(goal, [offer, elsewhere], venues).success
    assert judge(goal, [offer, said("POST", CHEAP)], venues).success


@pytest.mark.parametrize(("booked", "success"), [(0, True), (1, True), (2, False), (9, False)])
def test_reference_counts_only_once_the_wizard_has_booked(
    venues: Venues, booked: int, success: bool
) -> None:
    goal = task("restaurant", CHEAP, "REFERENCE", booked=booked)
    turns = [said("NAME", CHEAP), said("done , REFERENCE", CHEAP)]
    assert judge(goal, turns, venues).success is success


def test_every_domain_must_be_met_and_success_counts_only_where_inform_holds(
    venues: Venues,
) -> None:
    goal = {**task("restaurant", CHEAP).goal, **task("hotel", {"area": "north"}, "PHONE").goal}
    both = Task(goal=goal, turns=(SILENT, SILENT))
    turns = [said("NAME", CHEAP), said("NAME", {"area": "north"}, "hotel")]
    outcome = judge(both, turns, venues)
    assert outcome.inform
    assert not outcome.success
    assert outcome.domains["restaurant"].success
    lost = judge(both, turns[:1], venues)
    assert not lost.inform
    assert lost.domains["restaurant"].inform
    assert lost.domains["restaurant"].success is None


def test_goals_bookings_gold_states_and_references_are_read(tmp_path: Path) -> None:
    tasks = read_tasks(tiny_multiwoz(tmp_path), "test")
    table, train = tasks["mul0001"], tasks["pmul0002"]
    assert table.goal == {
        # food is no requestable that counts; a booking asks for its reference
        "restaurant": DomainGoal(
            informable={"area": "centre", "pricerange": "cheap"},
            requestable=frozenset({"PHONE", "REFERENCE"}),
        )
    }
    assert [one.booked for one in table.turns] == [frozenset(), {"restaurant"}]
    assert table.turns[1].state == {"restaurant": {**CHEAP, "bookpeople": "2"}}
    assert [one.reply for one in table.turns] == [
        "[name] is nice .",
        "Done , [reference] . You 're welcome !",
    ]
    assert train.goal["train"].informable["leave"] == "11:00"
    assert list(train.goal) == ["taxi", "train"]
    assert train.turns[0].reply == "[id] leaves at [leaveat] ."
    assert set(read_tasks(tiny_multiwoz(tmp_path / "again"), "dev")) == {
        "sngmul0001",
        "sngpmul0002",
    }


def test_goals_of_another_layout_are_refused(tmp_path: Path) -> None:
    source = tiny_multiwoz(tmp_path)
    with pytest.raises(CorpusError, match="no goals for split 'train'; expected one of dev, test"):
        read_tasks(source, "train")
    (source.location / "annotated/test.json").write_text(json.dumps({"MUL0001": {"log": []}}))
    with pytest.raises(CorpusError, match="not ConvLab-2's layout.*fetch it from"):
        read_tasks(source, "test")
    (source.location / "db/hotel_db.json").write_text("[{}]")
    with pytest.raises(CorpusError, match=r"db/hotel_db\.json: no JSON list of venues with ids"):
        Venues.read(source)


def test_corpus_s_own_replies_and_states_meet_the_goals(tmp_path: Path) -> None:
    source = tiny_multiwoz(tmp_path)
    tasks = read_tasks(source, "test")
    predictions = {
        name: [PredictedTurn(response=turn.reply, state=turn.state) for turn in one.turns]
        for name, one in tasks.items()
    }
    scores = score_predictions(predictions, tasks, Venues.read(source))
    # mul0001: the wizard never says the phone number; pmul0002: nor the taxi's
    assert (scores.inform, scores.success) == (100.0, 0.0)
    assert scores.bleu.score == pytest.approx(100)
    assert scores.combined == pytest.approx(150)
    assert scores.figures()["domains"]["restaurant"] == {
        "goals": 1,
        "inform": 100.0,
        "success": 0.0,
        "losses": {"not_told": 1},
        "untold": {"phone": 1},
    }


@pytest.mark.parametrize(
    ("with_states", "with_domains", "protocol", "inform"),
    [
        (True, True, "states:predicted,domains:predicted", 50.0),
        (True, False, "states:predicted,domains:estimated", 100.0),
        # gold states take the place of all
        (False, False, "states:GOLD,domains:estimated", 100.0),
        (False, True, "states:GOLD,domains:predicted", 50.0),
    ],
)
def test_absent_states_are_gold_and_absent_domains_are_estimated(
    tmp_path: Path, with_states: bool, with_domains: bool, protocol: str, inform: float
) -> None:
    source = tiny_multiwoz(tmp_path)
    tasks = read_tasks(source, "test")
    predictions = {
        name: [
            PredictedTurn(
                response=turn.reply,
                state=turn.state if with_states else None,
                active_domains=["train"] if with_domains else None,
            )
            for turn in one.turns
        ]
        for name, one in tasks.items()
    }
    scores = score_predictions(predictions, tasks, Venues.read(source))
    assert scores.protocol == protocol
    assert scores.inform == inform
