"""What actions are told and what of their answers is kept, without a server."""

from pathlib import Path
from typing import Any

from tests.support.bot_talk import ACTIONS, Talk, configured
from todserve.bot.bot_outcome import Outcome
from todserve.bot.rasa.action_slots import domain_json
from todserve.bot.user_message import Heard

OWN = """

class Look:
    def name(self):
        return "action_look"

    def run(self, dispatcher, tracker, domain):
        seen.append((tracker.current_state(), domain))
        return [SlotSet("amount-of-money", "30 euro"), SlotSet("seats", 4.0)]


class Check:
    def name(self):
        return "validate_pay_form"

    def run(self, dispatcher, tracker, domain):
        seen.append((tracker.current_state(), domain))
        told = {}
        for event in reversed(tracker.events):
            if event["event"] != "slot":
                break
            told[event["name"]] = event["value"]
        if told.get("seats", 0) > 8:
            dispatcher.utter_message(text="Eight at most.")
            told["seats"] = None
        return [SlotSet(name, value) for name, value in told.items()]


seen = []
"""
PAY: dict[str, Any] = {
    "slots": {
        "amount_of_money": {
            "name": "amount-of-money",
            "entities": [{"entity": "sum", "role": "to"}],
        },
        "outdoor": {"type": "bool"},
        "seats": {"type": "float"},
        "currency": {"initial": "EUR"},
        "tags": {"type": "list"},
        "kind": {"type": "categorical", "values": ["Table", "Bar"]},
    },
    "responses": {"utter_amount": ["How much?"], "utter_seats": ["Seats?"]},
    "forms": {
        "pay": {
            "name": "pay_form",
            "domain": "restaurant",
            "required": {"amount_of_money": "utter_amount", "seats": "utter_seats"},
            "action": "action_look",
            "validate_action": "validate_pay_form",
        }
    },
    "actions": {"intents": {"look": "action_look"}},
}


def talk(folder: Path) -> tuple[Talk, list[tuple[dict[str, Any], dict[str, Any]]]]:
    configured(folder, PAY)
    (folder / "actions.py").write_text(ACTIONS + OWN)
    from todserve.bot.bot_file import load_bot

    made = Talk(load_bot(folder / "bot.yml"))
    look = made.bot._runner._local._actions["action_look"]  # type: ignore[attr-defined]
    return made, look.run.__globals__["seen"]


def test_slots_have_the_domains_names_and_types_and_unset_ones_are_there(tmp_path: Path) -> None:
    made, seen = talk(tmp_path)
    state = {
        "restaurant": {
            "amount_of_money": "20 euro",
            "outdoor": "false",
            "seats": "2",
            "tags": "tea",
            "kind": "bar",
        }
    }
    outcome = made.say("20 euro", "look", state=state)
    ((tracker, domain),) = seen
    assert tracker["slots"] == {
        "amount-of-money": "20 euro",
        "outdoor": False,
        "seats": 2.0,
        "currency": "EUR",
        "tags": ["tea"],
        "kind": "Bar",
        "requested_slot": None,
    }
    assert tracker["latest_message"]["entities"][0] == {
        "entity": "sum",
        "value": "20 euro",
        "start": 0,
        "end": 7,
        "confidence_entity": 0.9,
        "extractor": "todserve",
        "role": "to",
        "confidence_role": 0.9,
    }
    assert domain["slots"]["amount-of-money"]["mappings"] == [
        {"type": "from_entity", "entity": "sum", "role": "to"}
    ]
    assert domain["slots"]["currency"]["initial_value"] == "EUR"
    assert domain["forms"] == {
        "book_table": {"required_slots": ["day", "people"]},
        "pay_form": {"required_slots": ["amount-of-money", "seats"]},
    }
    # What it sets under the domain's name is what forms and templates know.
    assert outcome.memory == {"amount_of_money": "30 euro", "seats": 4.0, "currency": "EUR"}


def test_a_forms_own_action_judges_new_values_and_what_it_refuses_is_asked_again(
    tmp_path: Path,
) -> None:
    made, seen = talk(tmp_path)
    asked = made.say("pay 5 pounds", "pay", state={"restaurant": {"amount_of_money": "5 pounds"}})
    assert asked.messages == ("Seats?",)
    tracker, _ = seen[-1]
    assert tracker["active_loop"] == {"name": "pay_form"}
    assert tracker["events"][-1] == {
        "event": "slot",
        "name": "amount-of-money",
        "value": "5 pounds",
        "timestamp": None,
    }
    nine = {"restaurant": {"amount_of_money": "5 pounds", "seats": "9"}}
    refused = made.say("for 9", "pay", state=nine)
    assert seen[-1][0]["slots"]["requested_slot"] == "seats"
    assert refused.messages == ("Eight at most.", "Seats?")
    assert refused.form is not None
    assert refused.form.values == {"amount_of_money": "5 pounds"}
    # The model still has what was refused; saying it once more is judged once more.
    assert made.say("well", "pay").messages == ("Seats?",)
    assert made.say("9 all the same", "pay").messages == ("Eight at most.", "Seats?")
    whole = {"restaurant": {"amount_of_money": "5 pounds", "seats": "6"}}
    done = made.say("6 then", "pay", state=whole)
    assert done.form is None
    assert seen[-1][0]["slots"]["seats"] == 6.0


def test_an_action_is_told_every_event_since_the_beginning_in_order(tmp_path: Path) -> None:
    made, seen = talk(tmp_path)
    first = made.say("hello", "find")
    assert made.heard is not None
    heard = made.heard
    state = {"restaurant": {"seats": "2"}}
    now = Heard.of(
        {"intent": {"name": "look"}, "belief_state": {"restaurant": {"seats": {"value": "2"}}}},
        before={},
        dialogue_id="d1",
        message_id="m1",
        index=1,
        user="for 2",
        sender="anna",
    )
    assert now.state == state
    made.bot.turn(now, first, [(heard, Outcome.read(first.as_json()))])
    tracker, _ = seen[-1]
    assert tracker["sender_id"] == "anna"
    told = [(one["event"], one.get("name") or one.get("text")) for one in tracker["events"]]
    assert told == [
        ("action", "action_session_start"),
        ("session_started", None),
        ("action", "action_listen"),
        ("user", "hello"),
        ("bot", "as the model says"),
        ("action", "action_listen"),
        ("user", "for 2"),
        ("slot", "seats"),
    ]


def test_outcomes_from_before_there_was_a_trail_show_their_messages() -> None:
    stored = Outcome(messages=("hello",)).as_json()
    del stored["trail"]
    assert Outcome.read(stored).shown == ({"text": "hello"},)


def test_a_domain_names_the_entities_of_its_slots(tmp_path: Path) -> None:
    config = configured(tmp_path, {**PAY, "forms": {}, "actions": {"intents": {}}})
    assert domain_json(config)["entities"] == [
        "currency",
        "kind",
        "outdoor",
        "seats",
        "sum",
        "tags",
    ]
