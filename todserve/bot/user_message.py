"""The user's message: its words, what the model understood of it, and what stood before it.

The gateway's speaker makes one of the model's answer and hands it to the bot. Example:
``Heard.of(answer, user="on friday", ...)`` has ``changed == {("restaurant", "day"): 0.99}`` where
the turn brought that slot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.forms.found_values import begins, names_one, words_of
from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.formats import placeholders

_MOST_WORDS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One message with what stands around it.

    Attributes:
        dialogue_id: its dialogue.
        message_id: the client's key for it.
        index: its place in the dialogue, from 0.
        user: what the user said.
        replied: what the bot had said before it.
        intent: the user's intent; None where the model gives none.
        confidence: of the intent; None where it is not known.
        state: the belief state after it, domain -> slot -> value.
        meant: domain -> slot -> what its value means (``type``, ``value`` and more), of slots to
            which the model's schema gives a type.
        changed: (domain, slot) -> confidence, None where unknown, of what the message changed.
        domain: the active domain.
        results: what the look-up found in that domain, the first few.
        matches: how many it found.
        acts: (domain, act, slot) of the model's reply, in order.
        text: the model's reply.
        told: slots whose values that reply tells.
        entities: name -> value of what a phrase of bot.yml found in the message.
        said: entity -> values that the message itself names, see ``IntentPayload``.
        outright: whether the message itself says its intent, as a button does.
        channel: on which it came, by Rasa's name of it.
        sender: whom it came from, as the channel names people; None for the dialogue's id.
        ranking: intent -> confidence, the surest first, where the model tells more than one.
        metadata: what the client sent beside the message.
        at: when it came, in seconds since 1970.
    """

    dialogue_id: str
    message_id: str
    index: int
    user: str
    replied: str = ""
    intent: str | None = None
    confidence: float | None = None
    state: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    meant: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    changed: Mapping[tuple[str, str], float | None] = field(default_factory=dict)
    domain: str | None = None
    results: tuple[Mapping[str, Any], ...] = ()
    matches: int | None = None
    acts: tuple[tuple[str, str, str], ...] = ()
    text: str = ""
    told: frozenset[str] = frozenset()
    entities: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outright: bool = False
    channel: str = "rest"
    sender: str | None = None
    ranking: tuple[tuple[str, float | None], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    at: float | None = None

    @classmethod
    def of(
        cls,
        answer: Mapping[str, Any],
        *,
        before: Mapping[str, Mapping[str, Any]],
        dialogue_id: str,
        message_id: str,
        index: int,
        user: str,
        replied: str = "",
        channel: str = "rest",
        sender: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> "Heard":
        """Return a message as the model endpoint answered it.

        Args:
            answer: the endpoint's JSON; parts that were not asked for may be missing.
            before: the belief state before the message, as it stands.
            dialogue_id: its dialogue.
            message_id: the client's key for it.
            index: its place in the dialogue.
            user: what the user said.
            replied: what the bot had said before it.
            channel: on which it came.
            sender: whom it came from.
            metadata: what the client sent beside it.
            at: when it came.
        """
        intent = answer.get("intent") or {}
        found = answer.get("database") or {}
        state = answer.get("belief_state") or {}
        return cls(
            dialogue_id=dialogue_id,
            message_id=message_id,
            index=index,
            user=user,
            replied=replied,
            intent=intent.get("name"),
            confidence=intent.get("confidence"),
            state=plain(state),
            meant=_meant(state),
            changed=_changed(plain(before), state),
            domain=(answer.get("domain") or {}).get("active") or found.get("domain"),
            results=tuple(found.get("results") or ()),
            matches=found.get("matches"),
            acts=tuple(
                (one["domain"], one["act"], one.get("slot") or "")
                for one in answer.get("dialogue_act") or ()
            ),
            text=str((answer.get("response") or {}).get("text", "")),
            told=frozenset(
                placeholders(str((answer.get("response") or {}).get("delexicalised", "")))
            ),
            said={name: tuple(values) for name, values in (answer.get("entities") or {}).items()},
            outright="entities" in answer,
            channel=channel,
            sender=sender,
            metadata=metadata or {},
            at=at,
        )

    def known(self, domain: str, slot: str) -> str | None:
        """Return what the user wants of a slot; None where that is nothing in particular."""
        value = self.state.get(domain, {}).get(slot)
        return None if value in (None, "", DONTCARE, DELETED) else value

    def meaning(self, domain: str, slot: str, value: str) -> Mapping[str, Any] | None:
        """Return what a value means that the model understood so; None where it tells nothing."""
        known = self.state.get(domain, {}).get(slot)
        return self.meant.get(domain, {}).get(slot) if known == value else None

    def meets(
        self, slots: Mapping[str, str | None], known: Iterable[str], memory: Mapping[str, Any]
    ) -> bool:
        """Say whether slots have the values that a condition asks for.

        Args:
            slots: slot -> the value it must have; None for none.
            known: slots that must have some value.
            memory: what the bot remembers; counts before the belief state.
        """

        def value(slot: str) -> str | None:
            told = (state[slot] for state in self.state.values() if slot in state)
            found = memory[slot] if memory.get(slot) is not None else next(told, None)
            return None if found is None else str(found).casefold()

        return all(value(slot) is not None for slot in known) and all(
            value(slot) == (None if wanted is None else wanted.casefold())
            for slot, wanted in slots.items()
        )


def plain(state: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return a belief state without confidences."""
    return {
        domain: {
            slot: str(value["value"]) if isinstance(value, Mapping) else str(value)
            for slot, value in slots.items()
        }
        for domain, slots in state.items()
    }


def agrees(heard: Heard, config: BotConfig, language: Language | None = None) -> bool | None:
    """Say whether the message means yes (True), no (False) or neither (None).

    It is in ``language``; None for that of ``config``.

    Words come before intents: few models know an intent of their own for "yes". In doubt it is
    neither, and the bot asks again: no for whatever begins with no; yes only for a short message
    that begins with yes, holds no word for no and asks nothing.
    """
    own, words = PHRASES[language or config.language], config.words
    denying = words.deny or own.deny
    said = words_of(heard.user)
    if begins(said, denying):
        return False
    refusing = names_one(said, denying)
    asking = heard.user.rstrip().endswith(("?", "？"))
    if begins(said, words.affirm or own.affirm) and not (refusing or asking):
        return True if len(said) <= _MOST_WORDS else None
    if heard.intent in words.deny_intents:
        return False
    return True if heard.intent in words.affirm_intents and not refusing else None


def _meant(state: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for domain, slots in state.items():
        for slot, value in slots.items():
            if isinstance(value, Mapping) and value.get("normalised") is not None:
                found.setdefault(domain, {})[slot] = value["normalised"]
    return found


def _changed(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str], float | None]:
    found: dict[tuple[str, str], float | None] = {}
    for domain, slots in plain(after).items():
        for slot, value in slots.items():
            if before.get(domain, {}).get(slot) != value:
                given = after[domain][slot]
                confidence = given.get("confidence") if isinstance(given, Mapping) else None
                found[domain, slot] = confidence
    return found
