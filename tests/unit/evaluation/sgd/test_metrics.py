import pytest

from todserve.evaluation.suites.sgd.sgd_metrics import (
    FrameScore,
    PredictedFrame,
    ReferenceFrame,
    averages,
    score_frame,
    slots_f1,
)
from todserve.runtime.language.schema import Service, Slot

RESTAURANTS = Service(
    name="Restaurants_1",
    slots=(
        Slot(name="restaurant_name"),
        Slot(name="time"),
        Slot(name="party_size", categorical=True, values=("1", "2")),
        Slot(name="price_range", categorical=True, values=("moderate", "expensive")),
        Slot(name="city"),
        Slot(name="cuisine"),
    ),
)


def reference(
    intent: str = "Find", requested: tuple[str, ...] = (), **values: str
) -> ReferenceFrame:
    return ReferenceFrame(
        service="Restaurants_1",
        active_intent=intent,
        requested_slots=requested,
        slot_values={slot: (value,) for slot, value in values.items()},
    )


def predicted(
    intent: str = "Find", requested: tuple[str, ...] = (), **values: str
) -> PredictedFrame:
    return PredictedFrame(active_intent=intent, requested_slots=requested, slot_values=values)


def test_the_publishers_own_example_frame_scores_its_published_figures() -> None:
    # schema_guided_dst/test_data/metrics_test_refdata.json beside the published script: average
    # goal accuracy 0.6675, joint 0, requested slots F1 0.6666667, active intent 0.
    score = score_frame(
        reference(
            "ReserveRestaurant",
            ("phone_number",),
            city="Palo Alto",
            price_range="moderate",
            restaurant_name="Bird Dog",
            cuisine="American",
        ),
        predicted(
            "SearchRestaurant",
            ("phone_number", "street_address"),
            city="Palo Alto",
            restaurant_name="Bird",
            cuisine="American",
        ),
        RESTAURANTS,
    )
    assert score.average_goal_accuracy == pytest.approx(0.6675)
    assert score.joint_goal_accuracy == 0.0
    assert score.requested_slots_f1 == pytest.approx(0.6666667)
    assert score.active_intent_accuracy == 0.0


@pytest.mark.parametrize(
    ("expected", "got", "joint", "average"),
    [
        (reference(), predicted(), 1, None),
        (reference(city="Ely"), predicted(city="ely"), 1, 1),
        # The product of the likenesses, not "right or wrong".
        (reference(restaurant_name="Bird Dog"), predicted(restaurant_name="Bird"), 0.67, 0.67),
        (
            reference(restaurant_name="Bird Dog", city="Bird Dog"),
            predicted(restaurant_name="Bird", city="Bird"),
            0.67 * 0.67,
            0.67,
        ),
        # What the reference leaves empty counts for the joint figure alone.
        (reference(city="Ely"), predicted(city="Ely", time="noon"), 0, 1),
        (reference(), predicted(time="noon"), 0, None),
        (reference(city="Ely", party_size="2"), predicted(city="Ely", party_size="1"), 0, 0.5),
        (reference(city="Ely"), None, 0, 0),
        (reference(), None, 0, None),
    ],
)
def test_goal_accuracies_of_a_frame(
    expected: ReferenceFrame, got: PredictedFrame | None, joint: float, average: float | None
) -> None:
    score = score_frame(expected, got, RESTAURANTS)
    assert score.joint_goal_accuracy == pytest.approx(joint)
    assert score.average_goal_accuracy == pytest.approx(average)


def test_a_service_without_slots_has_no_goal_accuracy() -> None:
    score = score_frame(reference(), predicted(), Service(name="Restaurants_1"))
    assert score.joint_goal_accuracy is None
    assert score.average_goal_accuracy is None
    assert score.active_intent_accuracy == 1.0


def test_a_refused_turn_is_wrong_in_everything() -> None:
    score = score_frame(reference("NONE"), None, RESTAURANTS)
    assert score == FrameScore(
        service="Restaurants_1",
        joint_goal_accuracy=0,
        average_goal_accuracy=None,
        active_intent_accuracy=0,
        requested_slots_f1=0,
    )


@pytest.mark.parametrize(
    ("expected", "got", "f1"),
    [
        ((), (), 1),
        (("phone",), (), 0),
        ((), ("phone",), 0),
        (("phone",), ("phone",), 1),
        (("phone", "address"), ("phone",), 2 / 3),
        (("phone", "address"), ("phone", "city"), 1 / 2),
        # Bags, not sets: precision 1/2, recall 1.
        (("phone",), ("phone", "phone"), 2 / 3),
    ],
)
def test_f1_of_requested_slots(expected: tuple[str, ...], got: tuple[str, ...], f1: float) -> None:
    assert slots_f1(expected, got) == pytest.approx(f1)


def test_averages_are_plain_means_over_the_frames_that_have_the_metric() -> None:
    rows = [(1.0, None, 1.0, 1.0), (0.5, 0.5, 0.0, 1.0), (None, None, 1.0, 0.0), (0.0, 0.8, 1.0, 0)]
    scores = [
        FrameScore(
            service="a",
            joint_goal_accuracy=joint,
            average_goal_accuracy=average,
            active_intent_accuracy=intent,
            requested_slots_f1=f1,
        )
        for joint, average, intent, f1 in rows
    ]
    assert averages(scores) == {
        "joint_goal_accuracy": pytest.approx(1.5 / 3),
        "average_goal_accuracy": pytest.approx(1.3 / 2),
        "active_intent_accuracy": 0.75,
        "requested_slots_f1": 0.5,
    }


def test_nothing_has_no_averages() -> None:
    assert set(averages([]).values()) == {None}
