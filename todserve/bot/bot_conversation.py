"""BotConversation: one dialogue with a bot, kept in memory.

What the gateway does with its store, for a terminal: ``tod chat --bot bot.yml`` talks to one.
Example: ``open_bot(Path("bot.yml")).hear("book it", answer, {})`` is ``("For what day?",)``.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from todserve.bot.bot import Bot
from todserve.bot.bot_file import load_bot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.rasa.intent_payload import IntentPayload, outright, spoken
from todserve.bot.user_message import Heard
from todserve.bot.words_alone import WordsAlone
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.wire.response import SlotPrediction, TurnResponse, encode


class BotConversation:
    """A dialogue's bot: what it has said and remembers, turn by turn.

    Args:
        bot: whose it is.
        about: what the bot does, in one line.

    Attributes:
        reader: reads the messages where the bot needs no model; None where a model does.
    """

    def __init__(self, bot: Bot, about: str) -> None:
        self.about = about
        self.reader: Answerer | None = None if bot.config.model else WordsAlone()
        self._bot = bot
        self.begin()

    def begin(self) -> None:
        """Forget every message."""
        self._dialogue_id = uuid.uuid4().hex
        self._outcomes = [Outcome()]

    def hear(
        self, user: str, answer: TurnResponse, before: Mapping[str, Mapping[str, SlotPrediction]]
    ) -> tuple[str, ...]:
        """Return what the bot says to a message; its actions have run then.

        Args:
            user: what was said.
            answer: the model's answer to it.
            before: the belief state before it.
        """
        past = self._outcomes[-1]
        told = {
            domain: {slot: value.value for slot, value in slots.items()}
            for domain, slots in before.items()
        }
        understood = encode(answer)
        payload = IntentPayload.of(user)
        if payload is not None:
            # It says outright what it means, whatever the model made of its words.
            understood |= {"belief_state": told, **outright(payload)}
        heard = Heard.of(
            understood,
            before=told,
            dialogue_id=self._dialogue_id,
            message_id=uuid.uuid4().hex,
            index=len(self._outcomes) - 1,
            user=spoken(user),
            replied="\n".join(past.messages),
            at=time.time(),
        )
        self._outcomes.append(self._bot.turn(heard, past))
        return self._outcomes[-1].messages

    def words(self, line: str) -> str | None:
        """Return the words of a payload; None for what is no payload."""
        payload = IntentPayload.of(line)
        return None if payload is None else payload.words

    def shown(self) -> tuple[str, ...]:
        """Return what is shown beside the last messages, a line each."""
        return tuple(line for one in self._outcomes[-1].shown for line in _lines(one))

    def handed_off(self) -> bool:
        """Say whether a person has taken over."""
        return self._outcomes[-1].handed_off

    def restarted(self) -> bool:
        """Say whether the last message made the bot forget everything."""
        return any(one["event"] == "restart" for one in self._outcomes[-1].events)

    def undo(self) -> None:
        """Forget the last message; what an action did then stays done."""
        if len(self._outcomes) > 1:
            self._outcomes.pop()


def _lines(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a message shows beside its text: what a button sends can be typed."""
    for one in (*message.get("buttons", ()), *message.get("quick_replies", ())):
        yield f"[{one.get('title', '')}] {one.get('payload', '')}"
    for name in ("image", "attachment", "custom", "elements"):
        if name in message:
            given = message[name]
            yield f"{name}: {given if isinstance(given, str) else json.dumps(given)}"


def open_bot(path: Path) -> BotConversation:
    """Return a new dialogue with the bot that a file describes.

    Raises:
        ConfigError: see ``load_bot`` and ``Bot``.
    """
    config = load_bot(path)
    forms = f"fills in {', '.join(config.forms)}" if config.forms else "fills in no form"
    actions = sorted(config.named_actions())
    does = f"runs {', '.join(actions)}" if actions else "runs no action"
    return BotConversation(Bot(config), f"{path} {forms} and {does}.")
