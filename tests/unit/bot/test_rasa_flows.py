"""What a Rasa project's rules, stories, forms and slots become, and how the bot then talks."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bot_talk import Talk
from todserve.bot.bot_config import BotConfig
from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.cli import main
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.runtime.language.dialogue import Dialogue

TAXI: dict[str, Any] = {
    "version": "3.1",
    "intents": ["book", "inform", "affirm", "deny", "greet", "stop", "ask_why"],
    "entities": ["number"],
    "slots": {
        "seats": {"type": "float", "mappings": [{"type": "from_entity", "entity": "number"}]},
        "outdoor": {
            "type": "bool",
            "mappings": [
                {"type": "from_intent", "intent": ["affirm", "greet"], "value": True},
                {"type": "from_intent", "intent": "deny", "value": False},
            ],
        },
        "note": {"type": "text", "mappings": [{"type": "from_text", "not_intent": "stop"}]},
        "way": {
            "type": "text",
            "mappings": [{"type": "from_trigger_intent", "intent": "book", "value": "taxi"}],
        },
        "currency": {"type": "text", "initial_value": "EUR", "mappings": [{"type": "custom"}]},
    },
    "forms": {"taxi_form": {"required_slots": ["seats", "outdoor", "way", "note"]}},
    "responses": {
        "utter_ask_seats": [{"text": "How many seats?"}],
        "utter_ask_outdoor": [{"text": "Outdoors?"}],
        "utter_ask_way": [{"text": "Which way?"}],
        "utter_ask_note": [{"text": "Any note, at 5 {currency}?"}],
        "utter_done": [{"text": "{way}, {seats}, {outdoor}, {note}."}],
        "utter_why": [{"text": "Cars differ."}],
        "utter_stopped": [{"text": "Stopped."}],
        "utter_more": [{"text": "Anything else?"}],
        "utter_what": [{"text": "What then?"}],
        "utter_bye": [{"text": "Goodbye."}],
        "utter_offer": [{"text": "A taxi?"}],
        "utter_hi": [{"text": "Hi."}],
    },
    "nlu": [
        {"intent": "book", "examples": "- book me a taxi\n"},
        {"intent": "inform", "examples": "- [3](number) of us\n- [4](number)\n"},
        {"intent": "affirm", "examples": "- yes\n"},
        {"intent": "deny", "examples": "- no\n"},
        {"intent": "greet", "examples": "- hi\n"},
    ],
    "rules": [
        {
            "rule": "begin",
            "steps": [
                {"intent": "book"},
                {"action": "taxi_form"},
                {"active_loop": "taxi_form"},
            ],
        },
        {
            "rule": "end",
            "condition": [{"active_loop": "taxi_form"}],
            "steps": [
                {"action": "taxi_form"},
                {"active_loop": None},
                {"action": "utter_done"},
            ],
        },
    ],
}
WHY = {
    "rule": "why",
    "condition": [{"active_loop": "taxi_form"}],
    "steps": [{"intent": "ask_why"}, {"action": "utter_why"}, {"action": "taxi_form"}],
}
STOP = {
    "rule": "stop",
    "condition": [{"active_loop": "taxi_form"}],
    "steps": [
        {"intent": "stop"},
        {"action": "action_deactivate_loop"},
        {"active_loop": None},
        {"action": "utter_stopped"},
    ],
}


def converted(folder: Path, *, rules: Any = (), **more: Any) -> ConversionReport:
    """Convert the taxi project with more rules and other keys."""
    tree = TAXI | {"rules": [*TAXI["rules"], *rules]} | more
    (folder / "bot").mkdir()
    (folder / "bot" / "all.yml").write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    return convert_rasa(folder / "bot", folder / "out")


def talk(report: ConversionReport) -> Talk:
    return Talk(report.bot)


def seats(number: str) -> dict[str, dict[str, str]]:
    return {"rasa": {"seats": number}}


def test_a_form_is_filled_by_entities_intents_words_and_what_began_it(tmp_path: Path) -> None:
    one = talk(converted(tmp_path))
    assert one.say("book me a taxi", "book").messages == ("How many seats?",)
    assert one.say("3 of us", "inform", state=seats("3")).messages == ("Outdoors?",)
    assert one.say("no", "deny").messages == ("Any note, at 5 EUR?",)
    assert one.say("leave it at the door", None).messages == (
        "taxi, 3, false, leave it at the door.",
    )
    assert one.outcomes[-1].form is None


@pytest.mark.parametrize(("said", "intent"), [("yes", "affirm"), ("hi", "greet")])
def test_each_intent_of_a_list_fills_the_slot(tmp_path: Path, said: str, intent: str) -> None:
    one = talk(converted(tmp_path))
    one.say("book me a taxi", "book", state=seats("3"))
    outcome = one.say(said, intent)
    assert outcome.form is not None
    assert outcome.form.values["outdoor"] == "true"


def test_words_are_taken_for_a_slot_only_while_it_is_asked_for(tmp_path: Path) -> None:
    one = talk(converted(tmp_path))
    one.say("hi", "greet")
    outcome = one.say("book me a taxi", "book")
    assert "note" not in outcome.memory
    assert "outdoor" not in outcome.memory


def test_a_rule_inside_a_form_speaks_and_the_form_asks_again(tmp_path: Path) -> None:
    one = talk(converted(tmp_path, rules=[WHY, STOP]))
    one.say("book me a taxi", "book")
    assert one.say("why", "ask_why").messages == ("Cars differ.", "How many seats?")
    assert one.say("stop", "stop").messages == ("Stopped.",)
    assert one.outcomes[-1].form is None
    # Outside the form the intent leads nowhere of its own.
    assert one.say("why", "ask_why").messages == ("as the model says",)


def after(name: str, intent: str, action: str) -> dict[str, Any]:
    return {
        "rule": f"{name} {intent}",
        "steps": [{"action": name}, {"intent": intent}, {"action": action}],
    }


def test_two_rules_for_one_intent_hold_each_after_its_own_question(tmp_path: Path) -> None:
    hello = {"rule": "hi", "steps": [{"intent": "greet"}, {"action": "utter_more"}]}
    report = converted(
        tmp_path,
        rules=[
            hello,
            after("utter_more", "affirm", "utter_what"),
            after("utter_offer", "affirm", "utter_hi"),
            after("utter_more", "deny", "utter_bye"),
        ],
    )
    assert "affirm" not in report.bot.actions.intents
    assert [(one.intent, one.after, one.do) for one in report.bot.rules] == [
        ("affirm", "utter_more", "utter_what"),
        ("affirm", "utter_offer", "utter_hi"),
        ("deny", "utter_more", "utter_bye"),
    ]
    one = talk(report)
    assert one.say("yes", "affirm").messages == ("as the model says",)
    assert one.say("hi", "greet").messages == ("Anything else?",)
    assert one.say("yes", "affirm").messages == ("What then?",)


def test_a_rule_under_a_slot_holds_with_its_value_alone(tmp_path: Path) -> None:
    def under(name: str, value: Any, action: str) -> dict[str, Any]:
        return {
            "rule": name,
            "condition": [{"slot_was_set": [{"currency": value}]}],
            "steps": [{"intent": "greet"}, {"action": action}],
        }

    report = converted(
        tmp_path, rules=[under("e", "EUR", "utter_hi"), under("u", "USD", "utter_bye")]
    )
    assert talk(report).say("hi", "greet").messages == ("Hi.",)


def test_a_rule_of_the_start_holds_for_the_first_message_alone(tmp_path: Path) -> None:
    start = {
        "rule": "start",
        "conversation_start": True,
        "steps": [{"intent": "greet"}, {"action": "utter_hi"}],
    }
    one = talk(converted(tmp_path, rules=[start]))
    assert one.say("hi", "greet").messages == ("Hi.",)
    assert one.say("hi", "greet").messages == ("as the model says",)


GLUE = {
    "story": "glue",
    "steps": [
        {"action": "utter_offer"},
        {"intent": "affirm"},
        {"action": "taxi_form"},
        {"active_loop": "taxi_form"},
    ],
}
INTERRUPTED = {
    "story": "interrupted",
    "steps": [
        {"intent": "book"},
        {"action": "taxi_form"},
        {"active_loop": "taxi_form"},
        {"intent": "greet"},
        {"action": "utter_more"},
        {"intent": "affirm"},
        {"action": "taxi_form"},
        {"active_loop": None},
        {"action": "utter_done"},
    ],
}


def test_yes_begins_no_form_but_after_the_question_that_offers_it(tmp_path: Path) -> None:
    hello = {"rule": "hi", "steps": [{"intent": "greet"}, {"action": "utter_offer"}]}
    report = converted(tmp_path, rules=[hello], stories=[GLUE, INTERRUPTED])
    assert set(report.bot.forms) == {"book"}
    one = talk(report)
    assert one.say("yes", "affirm").messages == ("as the model says",)
    one.say("hi", "greet")
    assert one.say("yes", "affirm").messages == ("How many seats?",)
    reason = "story: begins with an action, holds after it alone"
    lines = (tmp_path / "bot" / "all.yml").read_text("utf-8").splitlines()
    at = lines.index("- story: glue") + 1
    assert report.notes.notes[reason].examples == [f"{tmp_path}/bot/all.yml:{at}"]


def test_a_story_that_goes_on_from_a_checkpoint_begins_its_form_after_what_came_before(
    tmp_path: Path,
) -> None:
    first = {
        "story": "first",
        "steps": [{"intent": "greet"}, {"action": "utter_offer"}, {"checkpoint": "offered"}],
    }
    second = {
        "story": "second",
        "steps": [{"checkpoint": "offered"}, {"intent": "deny"}, {"action": "taxi_form"}],
    }
    bot = converted(tmp_path, stories=[first, second]).bot
    assert set(bot.forms) == {"book"}
    assert [(one.intent, one.after, one.do) for one in bot.rules] == [
        ("deny", "utter_offer", "taxi_form")
    ]


def test_a_form_that_only_a_rule_begins_stands_under_its_own_name(tmp_path: Path) -> None:
    report = converted(
        tmp_path, rules=[after("utter_offer", "affirm", "taxi_form")][:1], stories=[]
    )
    assert report.bot.form_called("taxi_form") == "book"
    tree = {"rules": [after("utter_offer", "affirm", "taxi_form")]}
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "all.yml").write_text(yaml.safe_dump(TAXI | tree), "utf-8")
    bot = convert_rasa(tmp_path / "two", tmp_path / "out2").bot
    assert list(bot.forms) == ["taxi_form"]
    one = Talk(bot)
    assert one.say("book me a taxi", "book").messages == ("as the model says",)


def test_a_form_that_nothing_can_finish_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slots = TAXI["slots"] | {"note": {"type": "text", "mappings": [{"type": "custom"}]}}
    report = converted(tmp_path, slots=slots)
    assert report.bot.unfilled() == [("taxi_form", "note")]
    assert report.notes.count("form: nothing fills a slot it asks for, it cannot be finished") == 1
    assert main.main(["bot", "check", str(report.out / "bot.yml")]) == 1
    assert "'taxi_form' cannot end, it asks for 'note': neither" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("forms", "slots"),
    [
        (
            {"f": {"required_slots": {"seats": [{"type": "from_entity", "entity": "number"}]}}},
            {"seats": {"type": "rasa.shared.core.slots.FloatSlot"}},
        ),
        (
            {"f": {"seats": [{"type": "from_entity", "entity": "number"}]}},
            {"seats": {"type": "rasa.core.slots.FloatSlot"}},
        ),
        (
            {"f": {"required_slots": [{"seats": [{"type": "from_entity", "entity": "number"}]}]}},
            {"seats": {"type": "float"}},
        ),
    ],
)
def test_a_forms_own_mappings_fill_its_slots(
    tmp_path: Path, forms: dict[str, Any], slots: dict[str, Any]
) -> None:
    rules = [{"rule": "b", "steps": [{"intent": "book"}, {"action": "f"}, {"active_loop": "f"}]}]
    report = converted(tmp_path, version="2.0", forms=forms, slots=slots, stories=[], rules=rules)
    assert report.bot.slots["seats"].type == "float"
    assert list(report.bot.forms["book"].required) == ["seats"]
    states = {turn.user: turn.belief_state for one in told(report) for turn in one.turns}
    assert states["3 of us"] == {"rasa": {"seats": "3"}}


def told(report: ConversionReport) -> list[Dialogue]:
    _, found = open_dialogues(report.out / "dialogues")
    return list(found)


def test_an_entity_fills_the_slot_of_the_form_that_is_under_way(tmp_path: Path) -> None:
    def inside(form: str) -> dict[str, Any]:
        conditions = [{"active_loop": form}]
        return {
            "type": "text",
            "mappings": [{"type": "from_entity", "entity": "number", "conditions": conditions}],
        }

    forms = {"a_form": {"required_slots": ["a"]}, "b_form": {"required_slots": ["b"]}}
    begins = [
        {"rule": i, "steps": [{"intent": i}, {"action": f}, {"active_loop": f}]}
        for i, f in (("book", "a_form"), ("ask_why", "b_form"))
    ]
    story = {
        "story": "s",
        "steps": [
            {"intent": "book"},
            {"action": "a_form"},
            {"active_loop": "a_form"},
            {"intent": "inform", "entities": [{"number": "4"}]},
            {"action": "a_form"},
            {"active_loop": None},
            {"action": "utter_hi"},
        ],
    }
    report = converted(
        tmp_path,
        slots={"a": inside("a_form"), "b": inside("b_form")},
        forms=forms,
        rules=begins,
        stories=[story],
    )
    turns = {one.dialogue_id: one.turns for one in told(report)}
    assert turns["s"][1].belief_state == {"rasa": {"a": "4"}}
    alone = [one for one in told(report) if one.turns[0].user == "3 of us"]
    assert not alone[0].turns[0].belief_state
    assert report.notes.count("entity: fills no slot, number") >= 1


def test_a_question_is_answered_by_words_that_say_little_else(tmp_path: Path) -> None:
    slots = {"seats": TAXI["slots"]["seats"]}
    nlu = [
        {"intent": "book", "examples": "- book me a taxi\n"},
        {"intent": "count", "examples": "- how many are [3](number) and some\n"},
        {"intent": "tell", "examples": "- [4](number)\n"},
    ]
    story = {
        "story": "s",
        "steps": [
            {"intent": "book"},
            {"action": "f"},
            {"active_loop": None},
            {"action": "utter_hi"},
        ],
    }
    report = converted(
        tmp_path,
        slots=slots,
        intents=["book", "count", "tell"],
        nlu=nlu,
        stories=[story],
        forms={"f": {"required_slots": ["seats"]}},
    )
    turns = {one.dialogue_id: one.turns for one in told(report)}
    assert [turn.user for turn in turns["s"]] == ["book me a taxi", "4"]


def test_slots_keep_their_types_values_names_and_first_values(tmp_path: Path) -> None:
    slots = {
        "class-named": {
            "type": "rasa.shared.core.slots.CategoricalSlot",
            "values": ["a", "b"],
            "influence_conversation": False,
        },
        "truth": {"type": "rasa.shared.core.slots.BooleanSlot", "initial_value": False},
        "items": {"type": "list", "initial_value": ["tea", "cake"]},
        "size": {"type": "float", "initial_value": 2},
        "mine": {"type": "my_slots.Odd"},
    }
    report = converted(tmp_path, slots=slots, forms={}, rules=[])
    bot: BotConfig = report.bot
    known = bot.slots["class_named"]
    assert (known.name, known.type, known.values) == ("class-named", "categorical", ("a", "b"))
    assert not known.influences
    assert bot.initial_values() == {"truth": False, "items": ["tea", "cake"], "size": 2.0}
    assert report.notes.count("slot: my_slots.Odd, taken for text") == 1


def test_the_commands_that_follow_name_files_that_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = converted(tmp_path)
    lines = list(report.next_lines())
    assert lines[1] == f"  tod train {report.out}/training.yaml"
    assert lines[2] == (
        f"  tod archive runs/out/checkpoint && tod start && tod chat --bot {report.out}/bot.yml"
    )
    training = yaml.safe_load((report.out / "training.yaml").read_text("utf-8"))
    assert training == {"name": "out", "corpora": [f"{report.out}/dialogues/train"]}
    assert "form: its questions" not in (report.out / "report.txt").read_text("utf-8")


def test_a_value_is_spelled_as_the_project_spells_it(tmp_path: Path) -> None:
    nlu = [
        {
            "intent": "inform",
            "examples": '- [NYC]{"entity": "city", "value": "New York City"}\n- [Rome](city)\n',
        },
        {"synonym": "New York City", "examples": "- big apple\n"},
        {"lookup": "city", "examples": "- Ely\n- york\n"},
    ]
    slots = {"seats": {"type": "text", "mappings": [{"type": "from_entity", "entity": "city"}]}}
    responses = TAXI["responses"] | {"utter_done": [{"text": "{seats}."}]}
    report = converted(
        tmp_path,
        nlu=[*nlu, {"intent": "book", "examples": "- book me a taxi\n"}],
        entities=["city"],
        slots=slots,
        responses=responses,
        forms={"taxi_form": {"required_slots": ["seats"]}},
    )
    assert report.bot.slots["seats"].spellings == ("Ely", "New York City", "Rome")
    one = talk(report)
    one.say("book me a taxi", "book")
    outcome = one.say("in nyc", "inform", state=seats("new york city"))
    assert outcome.messages == ("New York City.",)


def test_every_branch_of_an_or_leads_where_the_rule_leads(tmp_path: Path) -> None:
    either = {
        "rule": "either",
        "steps": [
            {"or": [{"intent": "greet"}, {"intent": "ask_why"}, {"intent": "stop"}]},
            {"action": "utter_hi"},
        ],
    }
    intents = converted(tmp_path, rules=[either]).bot.actions.intents
    assert intents == dict.fromkeys(("greet", "ask_why", "stop"), "utter_hi")


def test_braces_that_are_said_are_no_placeholder(tmp_path: Path) -> None:
    responses = TAXI["responses"] | {"utter_hi": [{"text": "Hi {{name}}, {currency}."}]}
    report = converted(tmp_path, responses=responses)
    assert report.bot.responses["utter_hi"][0].text == "Hi name, {currency}."
    assert report.notes.count("response: braces that are said, left out") == 1


def test_a_second_rule_that_contradicts_the_first_is_named_with_its_line(tmp_path: Path) -> None:
    says = [
        {"rule": action, "steps": [{"intent": "greet"}, {"action": action}]}
        for action in ("utter_hi", "utter_bye")
    ]
    report = converted(tmp_path, rules=says)
    assert report.bot.actions.intents == {"greet": "utter_hi"}
    lines = (tmp_path / "bot" / "all.yml").read_text("utf-8").splitlines()
    at = lines.index("- rule: utter_bye") + 1
    assert report.notes.notes["rule: says another thing after its intent"].examples == [
        f"{tmp_path}/bot/all.yml:{at}: utter_bye"
    ]


def story(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"story": name, "steps": list(steps)}


def intent(name: str, **entities: str) -> dict[str, Any]:
    return {"intent": name} | (
        {"entities": [{k: v} for k, v in entities.items()]} if entities else {}
    )


def do(name: str) -> dict[str, Any]:
    return {"action": name}


BEGUN = (do("taxi_form"), {"active_loop": "taxi_form"})


def test_what_is_said_before_a_form_and_after_its_end_is_said_in_order(tmp_path: Path) -> None:
    rules = [
        {"rule": "b", "steps": [intent("book"), do("utter_offer"), *BEGUN]},
        {
            "rule": "e",
            "condition": [{"active_loop": "taxi_form"}],
            "steps": [
                do("taxi_form"),
                {"active_loop": None},
                do("action_send"),
                do("utter_done"),
                do("utter_more"),
            ],
        },
    ]
    report = converted(tmp_path, rules=[])
    tree = TAXI | {"rules": rules, "actions": ["action_send", "validate_taxi_form"]}
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "all.yml").write_text(yaml.safe_dump(tree), "utf-8")
    form = convert_rasa(tmp_path / "two", tmp_path / "out2").bot.forms["book"]
    assert form.opening == "utter_offer"
    assert form.action == ("action_send", "utter_done", "utter_more")
    assert (form.validate_action, form.stays) == ("validate_taxi_form", True)
    assert report.bot.forms["book"].opening is None


def test_an_action_asks_where_the_project_says_so(tmp_path: Path) -> None:
    bot = converted(tmp_path, actions=["action_ask_taxi_form_note", "action_ask_seats"]).bot
    assert bot.forms["book"].required["note"] == "action_ask_taxi_form_note"
    assert bot.forms["book"].required["seats"] == "action_ask_seats"
    assert {"action_ask_seats", "action_ask_taxi_form_note"} <= bot.named_actions()


def test_what_every_story_does_after_an_intent_is_done_and_yes_only_after_its_question(
    tmp_path: Path,
) -> None:
    stories = [
        story("a", intent("greet"), do("utter_more"), intent("affirm"), do("utter_what")),
        story("b", intent("greet"), do("utter_more"), intent("deny"), do("utter_bye")),
        story("c", intent("ask_why"), do("utter_offer"), intent("affirm"), do("utter_hi")),
    ]
    one = talk(converted(tmp_path, stories=stories))
    assert one.say("hi", "greet").messages == ("Anything else?",)
    assert one.say("yes", "affirm").messages == ("What then?",)
    assert one.say("why", "ask_why").messages == ("A taxi?",)
    assert one.say("yes", "affirm").messages == ("Hi.",)
    assert one.say("yes", "affirm").messages == ("as the model says",)


def test_stories_are_told_apart_by_entities_and_by_what_was_done_earlier(tmp_path: Path) -> None:
    stories = [
        story("a", intent("greet", number="3"), do("utter_hi")),
        story("b", intent("greet"), do("utter_more")),
        story("c", intent("stop"), do("utter_bye"), intent("ask_why"), do("utter_why")),
        story("d", intent("book_no"), do("utter_what"), intent("ask_why"), do("utter_hi")),
    ]
    report = converted(tmp_path, stories=stories, intents=[*TAXI["intents"], "book_no"])
    one = talk(report)
    assert one.say("hi", "greet").messages == ("Anything else?",)
    assert one.say("3 of us here", "greet", state=seats("3")).messages == ("Hi.",)
    # The value is known still, but not named any more.
    assert one.say("hi", "greet").messages == ("Anything else?",)
    one.say("stop", "stop")
    assert one.say("why", "ask_why").messages == ("Cars differ.",)
    assert report.notes.count("story: does another thing than others after its intent") == 0


def test_rules_with_entities_of_their_own_hold_each_for_itself(tmp_path: Path) -> None:
    slots = TAXI["slots"] | {
        "kind": {
            "type": "categorical",
            "values": ["big", "small"],
            "mappings": [{"type": "from_entity", "entity": "kind"}],
        }
    }
    rules = [
        {"rule": one, "steps": [intent("ask_why", kind=one), do(action)]}
        for one, action in (("big", "utter_hi"), ("small", "utter_bye"))
    ]
    report = converted(tmp_path, rules=rules, slots=slots, entities=["number", "kind"])
    assert "ask_why" not in report.bot.actions.intents
    for value, said in (("big", "Hi."), ("small", "Goodbye.")):
        state = {"rasa": {"kind": value}}
        assert talk(report).say(f"a {value} one", "ask_why", state=state).messages == (said,)


def test_what_follows_an_action_depends_on_the_slot_that_it_set(tmp_path: Path) -> None:
    def branch(value: bool, action: str) -> dict[str, Any]:
        return story(
            action,
            intent("ask_why"),
            do("action_check"),
            {"slot_was_set": [{"free": value}]},
            do(action),
        )

    slots = TAXI["slots"] | {"free": {"type": "bool", "mappings": [{"type": "custom"}]}}
    bot = converted(
        tmp_path,
        slots=slots,
        stories=[branch(True, "utter_hi"), branch(False, "utter_bye")],
        actions=["action_check"],
    ).bot
    assert bot.actions.intents["ask_why"] == "action_check"
    assert [(one.after, one.slots, one.do) for one in bot.rules if one.intent is None] == [
        ("action_check", {"free": "true"}, "utter_hi"),
        ("action_check", {"free": "false"}, "utter_bye"),
    ]


def test_a_form_is_left_for_another_and_goes_on_as_the_stories_say(tmp_path: Path) -> None:
    forms = {
        "taxi_form": {"required_slots": ["seats"]},
        "way_form": {"required_slots": ["note"]},
        "bus_form": {"required_slots": ["seats"]},
    }

    def switched(form: str, begins: str) -> dict[str, Any]:
        return story(
            form,
            intent(begins),
            do(form),
            {"active_loop": form},
            intent("ask_why"),
            do("utter_offer"),
            intent("affirm"),
            do("utter_what"),
            do("way_form"),
            {"active_loop": "way_form"},
            {"active_loop": None},
            do("utter_more"),
            intent("affirm"),
            do(form),
        )

    report = converted(
        tmp_path, forms=forms, stories=[switched("taxi_form", "book"), switched("bus_form", "stop")]
    )
    one = talk(report)
    assert one.say("taxi", "book").messages == ("How many seats?",)
    assert one.say("why", "ask_why").messages == ("A taxi?",)
    assert one.say("yes", "affirm").messages == ("What then?", "Any note, at 5 EUR?")
    assert one.say("by the door", None).messages == ("Anything else?",)
    assert one.say("yes", "affirm").messages == ("How many seats?",)
    assert report.bot.form_called("taxi_form") == "book"


def test_an_entity_that_fills_no_slot_reaches_rules_and_actions(tmp_path: Path) -> None:
    nlu = [*TAXI["nlu"], {"intent": "ask_why", "examples": "- why [blue](colour)\n"}]
    rule = {"rule": "c", "steps": [intent("ask_why", colour="blue"), do("utter_why")]}
    report = converted(tmp_path, rules=[rule], nlu=nlu, entities=["number", "colour"])
    assert report.bot.slots["colour"].influences is False
    states = {turn.user: turn.belief_state for one in told(report) for turn in one.turns}
    assert states["why blue"] == {"rasa": {"colour": "blue"}}
    one = talk(report)
    assert one.say("why", "ask_why").messages == ("as the model says",)
    blue = {"rasa": {"colour": "blue"}}
    assert one.say("why blue", "ask_why", state=blue).messages == ("Cars differ.",)


def test_slots_say_which_entities_fill_them_and_when(tmp_path: Path) -> None:
    mapping = {
        "type": "from_entity",
        "entity": "number",
        "role": "of",
        "not_intent": "stop",
        "conditions": [{"active_loop": "taxi_form", "requested_slot": "seats"}],
    }
    slots = TAXI["slots"] | {"seats": {"type": "float", "mappings": [mapping]}}
    (source,) = converted(tmp_path, slots=slots).bot.slots["seats"].entities
    assert (source.entity, source.role, source.forms) == ("number", "of", ("taxi_form",))
    assert (source.asked, source.unless) == (True, ("stop",))


def test_a_sessions_end_is_told_as_the_gateways_setting(tmp_path: Path) -> None:
    config = {"session_expiration_time": 90, "carry_over_slots_to_new_session": True}
    notes = converted(tmp_path, session_config=config).notes
    told = "session_config: session_expiration_time, start the gateway with expire_after=5400"
    assert notes.count(told) == 1
    assert notes.count("session_config: carry_over_slots_to_new_session") == 1


PRODUCTS: dict[str, Any] = {
    "intents": ["greet", "pick", "start"],
    "entities": ["product"],
    "slots": {
        "product": {
            "type": "categorical",
            "values": ["x", "y"],
            "mappings": [{"type": "from_entity", "entity": "product"}],
        }
    },
    "responses": {
        name: [{"text": f"{name}."}] for name in ("utter_which", "utter_x", "utter_y", "utter_why")
    },
    "nlu": [{"intent": "pick", "examples": "- [x](product)\n- [y](product)\n"}],
}


def picked(intent: str, product: str) -> dict[str, Any]:
    return {"intent": intent, "entities": [{"product": product}]}


def test_every_branch_of_an_or_keeps_its_entities(tmp_path: Path) -> None:
    def story(product: str, answer: str) -> dict[str, Any]:
        branches = [picked("pick", product), picked("start", product)]
        steps = [{"intent": "greet"}, {"action": "utter_which"}, {"or": branches}]
        return {"story": product, "steps": [*steps, {"action": answer}]}

    (tmp_path / "bot").mkdir()
    tree = PRODUCTS | {"stories": [story("x", "utter_x"), story("y", "utter_y")]}
    (tmp_path / "bot" / "all.yml").write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    report = convert_rasa(tmp_path / "bot", tmp_path / "out")
    for intent in ("pick", "start"):
        for product in ("x", "y"):
            one = talk(report)
            assert one.say("hi", "greet").messages == ("utter_which.",)
            said = one.say(product, intent, state={"rasa": {"product": product}})
            assert said.messages == (f"utter_{product}.",)


def test_a_slot_that_an_entity_fills_is_set_whether_a_story_says_so_or_not(tmp_path: Path) -> None:
    told = {"slot_was_set": [{"product": "x"}]}
    steps = [{"intent": "greet"}, {"action": "utter_which"}, picked("pick", "x")]
    stories = [
        {"story": "told", "steps": [*steps, told, {"action": "utter_x"}]},
        {"story": "untold", "steps": [*steps, {"action": "utter_x"}]},
        {"story": "y", "steps": [*steps[:2], picked("pick", "y"), {"action": "utter_y"}]},
    ]
    (tmp_path / "bot").mkdir()
    tree = PRODUCTS | {"stories": stories}
    (tmp_path / "bot" / "all.yml").write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    report = convert_rasa(tmp_path / "bot", tmp_path / "out")
    assert sorted(str(rule.do) for rule in report.bot.rules) == ["utter_x", "utter_y"]


def test_what_the_user_says_now_is_newer_than_what_an_action_set(tmp_path: Path) -> None:
    one = talk(converted(tmp_path))
    assert one.say("hi", "greet").memory == {"currency": "EUR"}
    assert one.say("in dollars", None, state={"rasa": {"currency": "USD"}}).memory == {}
