from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Service, Slot
from todserve.training.preparation.joint_schema import join, with_names

AREA = Slot(name="area", categorical=True, values=("north", "south"))
FOOD = Slot(name="food")
RESTAURANT = Service(name="restaurant", slots=(AREA, FOOD), intents=("find_restaurant",))


def test_a_domain_without_slots_of_its_own_joins_the_one_that_is_there() -> None:
    centre = Slot(name="area", categorical=True, values=("centre", "north"))
    joint = join(
        {
            "first": (RESTAURANT,),
            "second": (Service(name="restaurant", slots=(centre,), intents=("book",)),),
        }
    )
    (service,) = joint.schema.services
    assert [slot.name for slot in service.slots] == ["area", "food"]
    assert joint.schema.values("restaurant", "area") == ("north", "south", "centre")
    assert service.intents == ("find_restaurant", "book")
    assert joint.names == {}
    assert joint.notes == ("restaurant: second joins first",)


def test_a_domain_with_other_slots_is_named_after_its_corpus() -> None:
    other = Service(name="restaurant", slots=(FOOD, Slot(name="rating")))
    joint = join({"first": (RESTAURANT,), "second": (other,)})
    assert joint.schema.domains == ("restaurant", "second.restaurant")
    assert joint.schema.slots("restaurant") == ("area", "food")
    assert joint.names == {"second": {"restaurant": "second.restaurant"}}
    assert joint.notes == ("restaurant of second is second.restaurant: first has no rating",)


def test_an_intent_of_two_corpora_is_one_label_and_said_so() -> None:
    joint = join(
        {
            "first": (Service(name="banking", intents=("transfer", "rate")),),
            "second": (Service(name="money", intents=("rate",)),),
        }
    )
    assert joint.schema.intents == ("transfer", "rate", "general", "out_of_scope")
    assert joint.notes == ("intent rate: one label of first, second",)


def test_a_dialogue_follows_the_names_of_the_joint_schema() -> None:
    dialogue = Dialogue(
        dialogue_id="d",
        corpus="second",
        split="train",
        turns=(
            Turn(
                user="a table",
                belief_state={"restaurant": {"food": "thai"}, "taxi": {"day": "monday"}},
                active_domain="restaurant",
                dialogue_acts=(
                    DialogueAct(domain="restaurant", act="request", slot="rating"),
                    DialogueAct(domain="general", act="bye"),
                ),
            ),
            Turn(user="thanks"),
        ),
    )
    first, last = with_names(dialogue, {"restaurant": "second.restaurant"}).turns
    assert first.belief_state == {
        "second.restaurant": {"food": "thai"},
        "taxi": {"day": "monday"},
    }
    assert first.active_domain == "second.restaurant"
    assert first.dialogue_acts is not None
    assert [act.domain for act in first.dialogue_acts] == ["second.restaurant", "general"]
    assert last == Turn(user="thanks")
    assert with_names(dialogue, {}) is dialogue
