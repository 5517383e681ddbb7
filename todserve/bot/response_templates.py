"""Responses: the templates of bot.yml, chosen and filled.

After the bot decided what to say. Example: ``"{name} is at [value_address]."`` becomes
``"Charlie Chan is at Regent Street City Centre."``.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_phrases import PHRASES
from todserve.bot.user_message import Heard
from todserve.runtime.reply.reply_style import ReplyStyle

_PLACEHOLDER = re.compile(r"\{([\w.-]+)\}|\[value_([a-z0-9_]+)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """Where placeholders find their values, nearest first.

    Attributes:
        given: by the action or the form that speaks.
        heard: the message: its state in ``domain``, then what the look-up found, then the state
            of other domains.
        memory: what the bot remembers; after the state of ``domain``.
        domain: the domain that is spoken of; None means the active one.
    """

    heard: Heard
    given: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    domain: str | None = None

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
    """The templates of one bot."""

    def __init__(self, config: BotConfig) -> None:
        own = PHRASES[config.language].responses
        self._seed = config.seed
        self._texts: dict[str, tuple[str, ...]] = {
            **{name: (text,) for name, text in own.items()},
            **{
                name: tuple(one.text for one in templates)
                for name, templates in config.responses.items()
            },
        }

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def of_acts(self, acts: Sequence[tuple[str, str, str]], values: Values) -> str | None:
        """Return the reply for the first act that has one; None where none can be filled."""
        for domain, act, slot in acts:
            for name in (f"{domain}-{act}-{slot}", f"{domain}-{act}", act):
                if name in self._texts:
                    about = Values(
                        heard=values.heard, given=values.given, memory=values.memory, domain=domain
                    )
                    return self.filled(name, about)
        return None

    def filled(self, name: str, values: Values) -> str | None:
        """Return one of the templates whose placeholders all have values; None without any."""
        complete = [text for text in (_fill(one, values) for one in self._texts[name]) if text]
        return self._chosen(name, complete, values.heard) if complete else None

    def said(self, name: str, values: Values) -> str:
        """Return the same; where no template can be filled, a slot's name stands for its value."""
        text = self.filled(name, values)
        if text is not None:
            return text
        template = self._chosen(name, self._texts[name], values.heard)
        return _PLACEHOLDER.sub(lambda found: values.get(_slot(found)) or _slot(found), template)

    def _chosen(self, name: str, texts: Sequence[str], heard: Heard) -> str:
        # A text as seed is the same in every process, so a message sent again is answered alike.
        chance = random.Random(f"{self._seed}:{heard.dialogue_id}:{heard.index}:{name}")
        return chance.choice(texts)


def _fill(template: str, values: Values) -> str | None:
    pieces, end = [], 0
    for found in _PLACEHOLDER.finditer(template):
        value = values.get(_slot(found))
        if value is None:
            return None
        pieces += [template[end : found.start()], value]
        end = found.end()
    return "".join([*pieces, template[end:]])


def _slot(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _written(slot: str, value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    return ReplyStyle.of_text(value).wording.spoken(slot, value)
