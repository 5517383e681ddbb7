"""Several things done in their order: forms begun and left among them, what follows an action."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.bot_talk import Talk
from todserve.bot.action_events import Event, SlotSet
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher

RESPONSES = {
    name: [text]
    for name, text in {
        "utter_hello": "Hello.",
        "utter_help": "I book things.",
        "utter_start": "Let us begin.",
        "utter_day": "On which day?",
        "utter_size": "What size?",
        "utter_rating": "How good was it?",
        "utter_done": "Done for {day}.",
        "utter_sorry": "Not on a monday.",
        "utter_rich": "You can pay.",
        "utter_poor": "You cannot pay.",
        "utter_switch": "Something else?",
        "utter_hours": "From nine to five.",
    }.items()
}
DAY: dict[str, Any] = {
    "name": "day_form",
    "domain": "shop",
    "required": {"day": "utter_day"},
    "action": "utter_done",
}
SIZE: dict[str, Any] = {
    "name": "size_form",
    "domain": "shop",
    "required": {"size": "utter_size"},
    "action": "utter_hello",
}


class Acting:
    """Knows every action; ``check`` finds out whether somebody can pay."""

    def __init__(self, money: str = "yes") -> None:
        self.ran: list[str] = []
        self._money = money

    def names(self) -> frozenset[str]:
        return frozenset()

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        self.ran.append(name)
        if name == "action_ask_day":
            dispatcher.utter_message(text="Which day, then?")
        return [SlotSet("rich", self._money)] if name == "check" else []


def talk(runner: Acting | None = None, **keys: Any) -> Talk:
    config = BotConfig.model_validate(
        {
            "responses": RESPONSES,
            **keys,
            "actions": {"endpoint": "http://h/w", **keys.get("actions", {})},
        }
    )
    one = Talk(config)
    one.bot = Bot(config, runner or Acting())
    return one


def day(value: str) -> dict[str, dict[str, str]]:
    return {"shop": {"day": value}}


def test_several_responses_are_several_messages_in_their_order() -> None:
    one = talk(actions={"intents": {"greet": ["utter_hello", "utter_help"]}})
    outcome = one.say("hi", "greet")
    assert outcome.messages == ("Hello.", "I book things.")
    assert outcome.said == ("utter_hello", "utter_help")


def test_what_follows_an_action_that_failed_is_not_done() -> None:
    class Failing(Acting):
        def run(self, *given: Any) -> list[Event]:
            raise ValueError

    one = talk(Failing(), actions={"intents": {"greet": ["check", "utter_help"]}})
    outcome = one.say("hi", "greet")
    assert outcome.error == "check: ValueError"
    assert "I book things." not in outcome.messages


@pytest.mark.parametrize(("money", "message"), [("yes", "You can pay."), ("no", "You cannot pay.")])
def test_a_rule_without_an_intent_follows_an_action_in_the_same_turn(
    money: str, message: str
) -> None:
    rules = [
        {"after": "check", "slots": {"rich": "yes"}, "do": "utter_rich"},
        {"after": "check", "slots": {"rich": "no"}, "do": "utter_poor"},
    ]
    one = talk(Acting(money), rules=rules, actions={"intents": {"pay": "check"}})
    assert one.say("pay", "pay").messages == (message,)


def test_a_rule_needs_a_message_or_an_action_before_it() -> None:
    with pytest.raises(Exception, match="got neither intent nor after"):
        BotConfig.model_validate({"responses": RESPONSES, "rules": [{"do": "utter_help"}]})
    with pytest.raises(ValidationError, match="at least 1"):
        BotConfig.model_validate({"responses": RESPONSES, "actions": {"intents": {"a": []}}})


def test_a_form_speaks_before_it_asks_once() -> None:
    one = talk(forms={"book": {**DAY, "opening": "utter_start"}})
    assert one.say("book it", "book").messages == ("Let us begin.", "On which day?")
    assert one.say("well", "book").messages == ("On which day?",)


def test_an_action_asks_for_a_slot_of_a_form() -> None:
    runner = Acting()
    one = talk(runner, forms={"book": {**DAY, "required": {"day": "action_ask_day"}}})
    assert one.say("book it", "book").messages == ("Which day, then?",)
    assert runner.ran == ["action_ask_day"]


def test_a_form_ends_by_what_its_slots_say() -> None:
    ends = [{"slots": {"day": "monday"}, "do": "utter_sorry"}]
    one = talk(forms={"book": {**DAY, "ends": ends}})
    one.say("book it", "book")
    assert one.say("monday", None, state=day("monday")).messages == ("Not on a monday.",)
    two = talk(forms={"book": {**DAY, "ends": ends}})
    two.say("book it", "book")
    assert two.say("friday", None, state=day("friday")).messages == ("Done for Friday.",)


def test_a_form_begins_where_another_has_ended() -> None:
    one = talk(forms={"book": {**DAY, "action": ["utter_done", "size_form"]}, "fit": SIZE})
    one.say("book it", "book")
    outcome = one.say("friday", None, state=day("friday"))
    assert outcome.messages == ("Done for Friday.", "What size?")
    assert outcome.form is not None
    assert outcome.form.name == "fit"
    both = {"shop": {"day": "friday", "size": "5"}}
    assert one.say("five", None, state=both).messages == ("Hello.",)
    assert one.outcomes[-1].form is None


def test_a_form_that_stays_answers_something_else_and_asks_again() -> None:
    keys: dict[str, Any] = {"actions": {"intents": {"hours": "utter_hours"}}}
    one = talk(forms={"book": {**DAY, "stays": True}, "fit": SIZE}, **keys)
    one.say("book it", "book")
    outcome = one.say("when do you open", "hours")
    assert outcome.messages == ("From nine to five.", "On which day?")
    # What begins another form leaves it all the same.
    assert one.say("what size", "fit").messages == ("What size?",)
    two = talk(forms={"book": DAY}, **keys)
    two.say("book it", "book")
    outcome = two.say("when do you open", "hours")
    assert (outcome.messages, outcome.form) == (("From nine to five.",), None)


def test_a_form_that_was_left_for_another_goes_on() -> None:
    rules = [{"intent": "back", "do": ["utter_hello", "action_resume_form"]}]
    forms = {"book": DAY, "fit": {**SIZE, "action": "utter_switch"}}
    one = talk(forms=forms, rules=rules)
    one.say("book it", "book")
    one.say("what size", "fit")
    one.say("5", None, state={"shop": {"size": "5"}})
    assert one.outcomes[-1].left == ("book",)
    outcome = one.say("yes go back", "back")
    assert outcome.messages == ("Hello.", "On which day?")
    assert outcome.form is not None
    assert (outcome.form.name, outcome.left) == ("book", ())


def test_a_rule_inside_a_form_may_leave_it_silent_and_its_question_is_answered_first() -> None:
    rules = [
        {"intent": "other", "form": "day_form", "do": "utter_switch", "again": False},
        {
            "intent": "affirm",
            "form": "day_form",
            "after": "utter_switch",
            "do": "size_form",
            "leave": True,
        },
    ]
    slots = {"day": {"fill": [{"intents": ["affirm"], "value": "today", "asked": True}]}}
    one = talk(forms={"book": DAY, "fit": SIZE}, rules=rules, slots=slots)
    one.say("book it", "book")
    assert one.say("and shoes", "other").messages == ("Something else?",)
    assert one.say("yes", "affirm").messages == ("What size?",)
    two = talk(forms={"book": DAY, "fit": SIZE}, rules=rules, slots=slots)
    two.say("book it", "book")
    assert two.say("yes", "affirm").messages == ("Done for Today.",)


def test_everything_is_forgotten_on_demand() -> None:
    one = talk(
        forms={"book": DAY},
        slots={"name": {"initial": "you"}},
        rules=[{"intent": "restart", "form": "day_form", "do": "action_restart"}],
    )
    one.say("book it", "book")
    outcome = one.say("start over", "restart")
    assert (outcome.form, outcome.memory) == (None, {"name": "you"})


NUMBER = {"entity": "number"}
PLACED: dict[str, Any] = {
    "forms": {
        "fit": SIZE,
        "rate": {**SIZE, "name": "rate_form", "required": {"rating": "utter_rating"}},
    },
    "slots": {
        "size": {"entities": [{**NUMBER, "forms": ["size_form"]}]},
        "rating": {"entities": [{**NUMBER, "forms": ["rate_form"]}]},
    },
}


def test_an_entity_fills_the_slot_of_the_form_under_way_whatever_the_model_says() -> None:
    one = talk(**PLACED)
    one.say("rate it", "rate")
    wrong = {"shop": {"size": "5"}}
    outcome = one.say("five", None, state=wrong)
    assert outcome.messages == ("Hello.",)
    assert (outcome.memory["rating"], outcome.strayed) == ("5", {"size": "5"})
    # The model's state repeats it; it still counts for nothing.
    assert one.say("what size", "fit", state=wrong).messages == ("What size?",)
    assert one.say("six", None, state={"shop": {"size": "6"}}).messages == ("Hello.",)


def test_a_value_with_another_intent_or_while_something_else_is_asked_fills_nothing() -> None:
    asked = {"size": {"entities": [{**NUMBER, "asked": True, "unless": ["price"]}]}}
    one = talk(forms={"fit": SIZE}, slots=asked)
    one.say("what size", "fit")
    assert one.say("is it 5 euro", "price", state={"shop": {"size": "5"}}).strayed == {"size": "5"}
    two = talk(forms={"fit": SIZE}, slots=asked)
    two.say("what size", "fit")
    assert two.say("5", None, state={"shop": {"size": "5"}}).messages == ("Hello.",)
