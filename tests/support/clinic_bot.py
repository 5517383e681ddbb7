"""A bot without a model: appointments, whose forms check what is said and take corrections."""

from typing import Any

import yaml

from tests.support.bot_talk import Talk, merged
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_outcome import Outcome

CLINIC: dict[str, Any] = yaml.safe_load(r"""
model: false
languages: [ko]
intents:
  appointment: ['appointment', '예약']
  thanks: ['^(thanks|thank you)\W*$']
  person: ['\ba person\b']
small_talk: {thanks: utter_welcome}
responses:
  utter_welcome: [You are welcome.]
  utter_name: ['Your name?', {text: '성함은요?', language: ko}]
  utter_day: ['Which day?']
  utter_people: ['How many?']
  utter_few: ['1 to 12, not {value}.']
  utter_sure: ['{name}, {day}, {people}: right?']
  utter_done: [Done.]
slots:
  name:
    understood: false
    fill: [{pattern: '\bmy name is (?P<value>[a-z]+)'}, {asked: true}]
  day:
    understood: false
    values: [monday, tuesday, friday]
    check: {listed: true}
    fill: [{listed: true}, {asked: true}]
  people:
    understood: false
    called: [people, number of people]
    examples: [for 4]
    check: {least: 1, most: 12, refused: utter_few}
    fill: [{asked: true, pattern: '\d+'}]
forms:
  appointment:
    domain: clinic
    required: {name: utter_name, day: utter_day, people: utter_people}
    confirm: utter_sure
    action: utter_done
fallback: {hand_off_after: 3}
actions:
  intents: {person: action_hand_off}
""")


class ClinicTalk:
    """One dialogue with the bot of ``CLINIC``, ``parts`` over it."""

    def __init__(self, *parts: dict[str, Any]) -> None:
        self.config = BotConfig.model_validate(merged(CLINIC, *parts))
        self._talk = Talk(self.config)

    def say(self, *messages: str) -> Outcome:
        """Say messages, one after the other, and return what came of the last."""
        return [self._said(one, None) for one in messages][-1]

    def press(self, **entities: list[str]) -> Outcome:
        """Press a button whose payload tells entities."""
        return self._said("inform", "inform", entities=entities)

    def guess(self, message: str, intent: str) -> Outcome:
        """Say a message of which a model is sure that it has an intent."""
        return self._said(message, intent)

    def _said(self, message: str, intent: str | None, **answer: Any) -> Outcome:
        nothing: dict[str, Any] = {"response": None, "domain": None, **answer}
        return self._talk.say(message, intent, confidence=1.0, **nothing)

    def values(self) -> dict[str, str]:
        """Return what the form under way knows."""
        form = self._talk.outcomes[-1].form
        return {} if form is None else dict(form.values)
