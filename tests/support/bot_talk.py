"""A bot to talk with: what the model would have understood is given with each message."""

from pathlib import Path
from typing import Any

import yaml

from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard

ACTIONS = """
import asyncio
import threading

from todserve.bot.action_events import ActiveLoop, ConversationPaused, FollowupAction
from todserve.bot.action_events import Restarted, SlotSet

calls = []
stuck = threading.Event()


class Book:
    def name(self):
        return "book"

    def run(self, dispatcher, tracker, domain):
        calls.append((tracker.key, dict(tracker.slots), tracker.active_loop))
        dispatcher.utter_message(response="utter_booked", reference="k3")
        return [SlotSet("reference", "k3")]


class Later:
    def name(self):
        return "later"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(0)
        dispatcher.utter_message(text="later")
        return [FollowupAction("pause")]


class Pause:
    def name(self):
        return "pause"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=f"after {tracker.latest_action_name}")
        return [ConversationPaused()]


class Forget:
    def name(self):
        return "forget"

    def run(self, dispatcher, tracker, domain):
        return [Restarted()]


class Echo:
    def name(self):
        return "echo"

    def run(self, dispatcher, tracker, domain):
        found = list(tracker.get_latest_entity_values("reference"))
        dispatcher.utter_message(text=str(found))


class Fail:
    def name(self):
        return "fail"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="half done")
        raise ValueError(tracker.latest_message["text"])


class Stick:
    def name(self):
        return "stick"

    def run(self, dispatcher, tracker, domain):
        stuck.wait(30)
        dispatcher.utter_message(text="too late")


class Circle:
    def name(self):
        return "circle"

    def run(self, dispatcher, tracker, domain):
        return [FollowupAction("circle")]


class Wrong:
    def name(self):
        return "wrong"

    def run(self, dispatcher, tracker, domain):
        return "events"


class Hoard:
    def name(self):
        return "hoard"

    def run(self, dispatcher, tracker, domain):
        slots, letters = tracker.latest_message["text"].split()
        given = [SlotSet(f"s{tracker.key}{n}", "x" * int(letters)) for n in range(int(slots))]
        return given + [SlotSet("reference", "k3")]


class Endless:
    def name(self):
        return "endless"

    def run(self, dispatcher, tracker, domain):
        return [SlotSet("set", {1, 2})]


class Leave:
    def name(self):
        return "leave"

    def run(self, dispatcher, tracker, domain):
        raise SystemExit(tracker.latest_message["text"])


class Cancelled:
    def name(self):
        return "cancelled"

    async def run(self, dispatcher, tracker, domain):
        raise asyncio.CancelledError(tracker.latest_message["text"])


class Unknown:
    def name(self):
        return "unknown_response"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(response="utter_nowhere")
        return [SlotSet("reference", "k3")]
"""

BOT: dict[str, Any] = {
    "responses": {
        "utter_day": ["Which day?"],
        "utter_people": ["How many?"],
        "utter_confirm": ["{people} on {day}?"],
        "utter_booked": ["Booked: {reference}."],
    },
    "forms": {
        "book_table": {
            "domain": "restaurant",
            "required": {"day": "utter_day", "people": "utter_people"},
            "confirm": "utter_confirm",
            "action": "book",
        }
    },
    "actions": {"module": "actions.py"},
}


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return configurations put over one another, the later over the earlier."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            old = whole.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                value = merged(old, value)
            whole[key] = value
    return whole


def configured(folder: Path, *parts: dict[str, Any]) -> BotConfig:
    """Return the bot of ``BOT`` with ``parts`` over it, read from files."""
    (folder / "actions.py").write_text(ACTIONS, encoding="utf-8")
    path = folder / "bot.yml"
    path.write_text(yaml.safe_dump(merged(BOT, *parts), allow_unicode=True), encoding="utf-8")
    return load_bot(path)


class Talk:
    """One dialogue with a bot, without a model and without a store."""

    def __init__(self, config: BotConfig) -> None:
        self.bot = Bot(config)
        self.outcomes: list[Outcome] = []
        self.state: dict[str, dict[str, str]] = {}
        self.heard: Heard | None = None

    def say(
        self,
        user: str,
        intent: str | None = "book_table",
        *,
        confidence: float = 0.9,
        state: dict[str, dict[str, str]] | None = None,
        sure: float = 0.9,
        **answer: Any,
    ) -> Outcome:
        """Say something; ``state`` is the belief state after it, else as it was."""
        before, after = self.state, self.state if state is None else state
        understood = {
            "intent": {"name": intent, "confidence": confidence},
            "belief_state": {
                domain: {
                    slot: {"value": value, "confidence": sure} for slot, value in slots.items()
                }
                for domain, slots in after.items()
            },
            "domain": {"active": "restaurant"},
            "response": {"text": "as the model says"},
        } | answer
        replied = self.outcomes[-1].messages if self.outcomes else ()
        self.heard = Heard.of(
            understood,
            before=before,
            dialogue_id="d1",
            message_id=f"m{len(self.outcomes)}",
            index=len(self.outcomes),
            user=user,
            replied="\n".join(replied),
        )
        past = Outcome.read(self.outcomes[-1].as_json()) if self.outcomes else Outcome()
        outcome = self.bot.turn(self.heard, past)
        self.state = after
        self.outcomes.append(outcome)
        return outcome
