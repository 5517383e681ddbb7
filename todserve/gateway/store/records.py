"""What the store remembers: dialogues, their turns, and what people corrected.

The store returns these and the API shows them. Example: ``TurnRecord.view()`` is the API's turn as
JSON.

A correction stands beside what the model said, never in its place. Its ``content`` holds the keys
that somebody corrected; where a turn was run again after an earlier one was corrected, it holds
the model's new ``answer``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from todserve.bot.bot_outcome import Outcome
from todserve.bot.rasa.intent_payload import spoken
from todserve.bot.user_message import plain
from todserve.runtime.language.dialogue import GENERAL, state_update
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.wire.limits import DEFAULT_LIMITS

LABELLED = ("intent", "belief_state", "dialogue_act", "response")
"""The keys of a correction that say what would have been right."""

CORRECTED = (*LABELLED, "verdict", "answer")
"""Every key that a correction's content may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnMark:
    """What a list shows of a turn: its verdict, whether it is corrected, why to look at it."""

    index: int
    intent: str | None
    domain: str | None
    verdict: str | None
    corrected: bool
    reasons: tuple[str, ...]

    def view(self) -> dict[str, Any]:
        """Return the mark as the API lists it."""
        return {
            "index": self.index,
            "verdict": self.verdict,
            "corrected": self.corrected,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class DialogueRecord:
    """A dialogue without its turns; times in microseconds since 1970.

    ``owner`` is whose token began it, see `roles`; ``of_sender`` whether it is held on a channel
    that names people; ``version`` the one on trial that it fell to, where it fell to one;
    ``marks`` those of its first turns, where a list asked for them.
    """

    dialogue_id: str
    user_id: str | None
    model: str
    created_at: int
    updated_at: int
    turns: int
    last_user: str | None
    flags: tuple[str, ...]
    owner: str | None = None
    of_sender: bool = False
    version: str | None = None
    marks: tuple[TurnMark, ...] = ()

    @property
    def sender(self) -> str | None:
        """Whom it is with, as its channel names people."""
        return self.user_id if self.of_sender else None

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in a list."""
        return self.created_at, self.dialogue_id

    def view(self) -> dict[str, Any]:
        """Return the dialogue as an entry of the API's list."""
        return {
            "dialogue_id": self.dialogue_id,
            "created_at": moment(self.created_at),
            "updated_at": moment(self.updated_at),
            "turns": self.turns,
            "model": self.model,
            "last_user": self.last_user,
            "flags": list(self.flags),
            "domains": _once(one.domain for one in self.marks),
            "intents": _once(one.intent for one in self.marks),
            "marks": [one.view() for one in self.marks],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRecord:
    """One turn as it is stored: what was said, the model's answer, what people corrected.

    Attributes:
        index: its place in the dialogue, from 0.
        user: what the user said.
        message_id: the client's key for it.
        answer: the model endpoint's answer as JSON.
        timing_ms: stage -> milliseconds, of the gateway.
        created_at: microseconds since 1970.
        bot: what the bot made of the answer; None without a bot.
        correction: what stands corrected; empty where nothing does.
        corrected_at: when it last was.
        author: who corrected it last; None where nobody knows.
        verdicts: who -> their newest verdict on the answer that stands, the newest last; "" for
            whom nobody knows.
        answered_at: when the answer that stands was given.
        labelled_at: when somebody last said what would have been right; 0 where nobody did.
    """

    index: int
    user: str
    message_id: str
    answer: Mapping[str, Any]
    timing_ms: Mapping[str, float]
    created_at: int
    bot: Mapping[str, Any] | None = None
    correction: Mapping[str, Any] = field(default_factory=dict)
    corrected_at: int | None = None
    author: str | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict)
    answered_at: int = 0
    labelled_at: int = 0

    @property
    def is_corrected(self) -> bool:
        """Whether somebody said what would have been right."""
        return any(self.correction.get(key) is not None for key in LABELLED)

    @property
    def is_disputed(self) -> bool:
        """Whether people judge it differently, and as many so as otherwise."""
        counted = Counter(self.verdicts.values()).most_common(2)
        return len(counted) > 1 and counted[0][1] == counted[1][1]

    @property
    def restarted(self) -> bool:
        """Whether the bot forgot everything: the next turn is the first again."""
        events = () if self.bot is None else self.bot.get("events") or ()
        return any(one.get("event") == "restart" for one in events)

    @property
    def next_state(self) -> Mapping[str, Mapping[str, Any]]:
        """The belief state that the next turn begins with."""
        return {} if self.restarted else self.state

    @property
    def reply(self) -> str:
        """What was said to the user; nothing while a person had taken over from the bot."""
        return _reply(self.answer) if self.bot is None else "\n".join(self.bot["messages"])

    @property
    def messages(self) -> tuple[str, ...]:
        """What was said to the user, message by message."""
        if self.bot is not None:
            return tuple(self.bot["messages"])
        return (self.reply,) if self.reply else ()

    @property
    def shown(self) -> tuple[dict[str, Any], ...]:
        """The messages with all that a channel can show: buttons, an image, JSON of one's own."""
        if self.bot is not None:
            return Outcome.read(self.bot).shown
        return tuple({"text": text} for text in self.messages)

    @property
    def standing(self) -> Mapping[str, Any]:
        """The model's newest answer of this turn, which is the one that counts."""
        answer: Mapping[str, Any] = self.correction.get("answer") or self.answer
        return answer

    @property
    def exchange(self) -> Exchange:
        """The turn as history: with the reply as somebody corrected it, where somebody did.

        A turn that was run again has the model's new reply: the bot's was about the old one.
        """
        said = _reply(self.standing) if "answer" in self.correction else self.reply
        corrected = self.correction.get("response")
        return Exchange(
            user=spoken(self.user), system=corrected or said[: DEFAULT_LIMITS.max_characters]
        )

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """The belief state after the turn, as it stands."""
        corrected = self.correction.get("belief_state")
        if corrected is not None:
            state: Mapping[str, Mapping[str, Any]] = corrected
            return state
        return self.standing.get("belief_state") or {}

    @property
    def corrected_slots(self) -> dict[str, list[str]]:
        """The slots of that state which somebody has corrected, here or before: domain -> slots.

        What the words before say of them, the model is not to read again.
        """
        before = self.standing.get("corrected") or {}
        found = {domain: set(slots) for domain, slots in before.items()}
        if "belief_state" in self.correction:
            answered = plain(self.standing.get("belief_state") or {})
            for domain, slots in state_update(answered, plain(self.state)).items():
                found.setdefault(domain, set()).update(slots)
        return {domain: sorted(slots) for domain, slots in found.items()}

    @property
    def domain(self) -> str | None:
        """The active domain after the turn."""
        domain = self.standing.get("domain") or {}
        active: str | None = domain.get("active")
        return active

    def view(self) -> dict[str, Any]:
        """Return the turn as the API shows it."""
        correction = None
        if self.correction:
            correction = {name: self.correction.get(name) for name in CORRECTED}
            answer = self.correction.get("answer")
            correction["reply"] = None if answer is None else _reply(answer)
            correction["created_at"] = moment(self.corrected_at or self.created_at)
            correction["author"] = self.author
            correction["verdicts"] = dict(self.verdicts)
            correction["disputed"] = self.is_disputed
        return {
            "index": self.index,
            "user": self.user,
            "message_id": self.message_id,
            "answer": dict(self.answer),
            "reply": self.reply,
            "correction": correction,
            "created_at": moment(self.created_at),
            "bot": None if self.bot is None else {**self.bot, "shown": list(self.shown)},
            "model": dict(self.answer["model"]),
            "timing_ms": {**self.answer.get("timing_ms", {}), **self.timing_ms},
        }


def standing_verdict(verdicts: Mapping[str, str]) -> str | None:
    """Return what most people say of a turn; the newest word where as many say so as otherwise.

    Args:
        verdicts: who -> their verdict, the newest last.
    """
    counted = Counter(verdicts.values()).most_common(2)
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        return [*verdicts.values()][-1]
    return counted[0][0] if counted else None


def moment(microseconds: int) -> str:
    """Return a time as ISO 8601 in UTC, e.g. ``2026-01-31T12:00:00.000000Z``."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def _once(names: Iterable[str | None]) -> list[str]:
    """Return the names there are, each at its first place; what is about nothing is left out."""
    return [*dict.fromkeys(name for name in names if name not in (None, GENERAL))]


def _reply(answer: Mapping[str, Any]) -> str:
    response = answer.get("response") or {}
    return str(response.get("text", ""))
