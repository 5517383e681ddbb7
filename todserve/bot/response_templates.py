"""Responses: chooses a template of bot.yml and puts values into its placeholders.

The bot calls it once it has decided what to say. Example: ``"{name} is at [value_address]."``
becomes ``"Charlie Chan is at Regent Street City Centre."``.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from todserve.bot.bot_config import PLACEHOLDER, BotConfig, Template
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.rasa.action_slots import value_text
from todserve.bot.rasa.bot_utterance import Utterance, shown_parts
from todserve.bot.user_message import Heard
from todserve.runtime.reply.reply_style import ReplyStyle


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """Where placeholders find their values, nearest first.

    Attributes:
        given: by the action or the form that speaks.
        heard: the message: its state in ``domain``, then what the look-up found, then the state
            of other domains.
        memory: what the bot remembers; after the state of ``domain``.
        domain: the domain that is spoken of; None means the active one.
        language: that it is said in; None for that of bot.yml.
    """

    heard: Heard
    given: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    domain: str | None = None
    language: Language | None = None

    def get(self, slot: str) -> str | None:
        """Return a slot's value as it is written in a reply."""
        if self.given.get(slot) is not None:
            return _written(slot, self.given[slot])
        domain = self.domain or self.heard.domain or ""
        value = self.heard.known(domain, slot)
        if value is not None:
            return _written(slot, value)
        if self.memory.get(slot) is not None:
            return _written(slot, self.memory[slot])
        if domain == self.heard.domain:
            if slot == "choice" and self.heard.matches is not None:
                return str(self.heard.matches)
            first = self.heard.results[0] if self.heard.results else {}
            if first.get(slot) is not None:
                return _written(slot, first[slot])
        others = (self.heard.known(other, slot) for other in self.heard.state)
        return next((_written(slot, other) for other in others if other is not None), None)


class Responses:
    """Chooses and fills the response templates of one bot."""

    def __init__(self, config: BotConfig) -> None:
        self._seed = config.seed
        self._language = config.language
        own: dict[str, tuple[Template, ...]] = {}
        for language in dict.fromkeys((config.language, *config.languages)):
            for name, text in PHRASES[language].responses.items():
                own[name] = (*own.get(name, ()), Template(text=text, language=language))
        self._templates: dict[str, tuple[Template, ...]] = {**own, **config.responses}

    def __contains__(self, name: str) -> bool:
        return name in self._templates

    def of_acts(self, acts: Sequence[tuple[str, str, str]], values: Values) -> Utterance | None:
        """Return the reply for the first act that has one; None where none can be filled."""
        for domain, act, slot in acts:
            for name in (f"{domain}-{act}-{slot}", f"{domain}-{act}", act):
                if name in self._templates:
                    return self.filled(name, replace(values, domain=domain))
        return None

    def filled(self, name: str, values: Values) -> Utterance | None:
        """Return one of the templates whose placeholders all have values; None without any."""
        found = [_fill(name, one, values) for one in self._spoken(name, values)]
        complete = [one for one in found if one is not None]
        return self._chosen(name, complete, values.heard) if complete else None

    def said(self, name: str, values: Values) -> Utterance:
        """Return the same; where no template can be filled, a slot's name stands for its value.

        Where each template has a condition and none holds, nothing is said.
        """
        utterance = self.filled(name, values)
        if utterance is not None:
            return utterance
        spoken = self._spoken(name, values)
        open_ones = [_fill(name, one, values, named=True) for one in spoken]
        found = [one for one in open_ones if one is not None]
        return self._chosen(name, found, values.heard) if found else Utterance("", {}, name)

    def _spoken(self, name: str, values: Values) -> Sequence[Template]:
        """Return the templates of a language: its own, else bot.yml's, else all.

        Of these, a channel's own, else those of no other, else all. Of these, the ones whose
        conditions hold, else those without any.
        """
        every = self._templates[name]
        language = values.language or self._language
        for spoken_in in (language, self._language):
            ones = [one for one in every if (one.language or self._language) == spoken_in]
            if ones:
                every = tuple(ones)
                break
        for wanted in (values.heard.channel, None):
            found = [one for one in every if one.channel == wanted]
            if found:
                break
        spoken = found or every
        known = {**values.memory, **values.given}
        holding = [one for one in spoken if one.slots and values.heard.meets(one.slots, (), known)]
        return holding or [one for one in spoken if not one.slots]

    def _chosen(self, name: str, ones: Sequence[Utterance], heard: Heard) -> Utterance:
        # A text as seed is the same in every process, so a message sent again is answered alike.
        chance = random.Random(f"{self._seed}:{heard.dialogue_id}:{heard.index}:{name}")
        return chance.choice(ones)


class _UnknownError(LookupError):
    """A placeholder has no value."""


def _fill(
    name: str, template: Template, values: Values, *, named: bool = False
) -> Utterance | None:
    def written(found: re.Match[str]) -> str:
        slot = _slot(found)
        value = values.get(slot)
        if value is None and not named:
            raise _UnknownError(slot)
        return slot if value is None else value

    def filled(part: Any) -> Any:
        if isinstance(part, str):
            return PLACEHOLDER.sub(written, part)
        if isinstance(part, Mapping):
            return {key: filled(one) for key, one in part.items()}
        return [filled(one) for one in part] if isinstance(part, list | tuple) else part

    try:
        parts = filled(shown_parts(template.model_dump()))
        return Utterance(filled(template.text or ""), parts, name)
    except _UnknownError:
        return None


def _slot(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _written(slot: str, value: object) -> str:
    if not isinstance(value, str):
        return value_text(value)
    return ReplyStyle.of_text(value).wording.spoken(slot, value)
