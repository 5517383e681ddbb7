"""bot.yml: what it takes, and what it says of what it does not take."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.bot_talk import BOT, configured, merged
from tests.support.source_tree import ROOT
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.bot.rasa.action_slots import domain_json
from todserve.runtime.errors import ConfigError


def test_an_empty_mapping_is_a_bot_that_says_what_the_model_says() -> None:
    config = BotConfig()
    assert config.named_actions() == frozenset()
    assert config.fallback.intent == 0.0


def test_a_template_may_be_a_plain_text() -> None:
    config = BotConfig.model_validate({"responses": {"greet": ["hi", {"text": "hello"}]}})
    assert [one.text for one in config.responses["greet"]] == ["hi", "hello"]


def test_the_module_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    assert configured(tmp_path).actions.module == str(tmp_path / "actions.py")


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"respones": {}}, "respones"),
        ({"responses": {"greet": []}}, "responses.greet"),
        ({"forms": {"book_table": {"confirm": "utter_sure"}}}, r"confirm: got 'utter_sure'"),
        ({"forms": {"book_table": {"required": {"day": "utter_dai"}}}}, "required.day"),
        ({"forms": {"book_table": {"suggested": ["name"]}}}, "suggested: got 'name'"),
        ({"fallback": {"response": "utter_what"}}, "fallback.response"),
        ({"fallback": {"intent": 30}}, "fallback.intent: got 30"),
        ({"actions": {"module": None}}, "neither module nor endpoint"),
        ({"actions": {"module": "none.py"}}, "cannot import"),
        ({"actions": {"phrases": {"(": "book"}}}, "no regular expression"),
        ({"actions": {"intents": {"leave": "bok"}}}, "'bok' runs nowhere"),
        ({"actions": {"endpoint": "localhost"}}, r"endpoint: .*of the form \^\(https\?://"),
        ({"actions": {"timeout": float("inf")}}, "actions.timeout: got inf"),
        ({"words": {"affirm": [True]}}, "put them in quotes"),
        ({"language": "fr"}, "language"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    part: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        Bot(configured(tmp_path, part))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bot.yml"
    path.write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bot\.yml: .*'seed' stands twice"):
        load_bot(path)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\n", "got no action"),
        ("import nowhere_at_all\n", "cannot import"),
        (
            "class A:\n    def name(self): return 'book'\n    def run(self, a, b, c): pass\n"
            "class B(A):\n    pass\n",
            "two actions are called 'book'",
        ),
        (
            "class A:\n    def __init__(self, x): pass\n    def name(self): return 'book'\n"
            "    def run(self, a, b, c): pass\n",
            "A cannot be made",
        ),
        ("import sys\nsys.exit(3)\n", r"cannot import .*SystemExit"),
        (
            "class A:\n    def name(self): raise NotImplementedError\n"
            "    def run(self, a, b, c): pass\n",
            "A.name: got NotImplementedError; expected a method that returns its name",
        ),
        (
            "class A:\n    name = 'book'\n    def run(self, a, b, c): pass\n",
            "A.name: got TypeError; expected a method that returns its name",
        ),
        (
            "class A:\n    def name(self): return 5\n    def run(self, a, b, c): pass\n",
            "A.name: got 5; expected a method that returns its name",
        ),
    ],
)
def test_a_module_without_usable_actions_is_refused(source: str, told: str, tmp_path: Path) -> None:
    config = configured(tmp_path)
    (tmp_path / "actions.py").write_text(source, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        Bot(config)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bot.yml"
    path.write_bytes(b"language: \xff\xfe")
    with pytest.raises(ConfigError, match=r"bot\.yml: line 1: got no UTF-8"):
        load_bot(path)


def test_an_empty_file_is_a_bot_that_says_what_the_model_says(tmp_path: Path) -> None:
    (tmp_path / "bot.yml").write_text("# nothing yet\n")
    assert load_bot(tmp_path / "bot.yml") == BotConfig()


def test_a_response_that_nobody_wrote_is_no_action_of_a_server(tmp_path: Path) -> None:
    (tmp_path / "bot.yml").write_text(
        "actions: {intents: {bye: utter_by}, endpoint: 'http://127.0.0.1:5055/webhook'}\n"
        "responses: {utter_bye: [Bye!]}\n"
    )
    with pytest.raises(ConfigError, match=r"actions: got 'utter_by', and no such response"):
        load_bot(tmp_path / "bot.yml")


def test_the_domain_that_actions_are_given_is_rasas() -> None:
    domain = domain_json(BotConfig.model_validate(merged(BOT)))
    assert domain["responses"]["utter_day"] == [{"text": "Which day?"}]
    assert domain["forms"] == {"book_table": {"required_slots": ["day", "people"]}}
    assert domain["actions"] == ["book"]


def test_the_shipped_example_is_understood() -> None:
    config = load_bot(ROOT / "examples" / "restaurant_booking" / "bot.yml")
    assert config.named_actions() == {"book_restaurant", "cancel_booking"}
