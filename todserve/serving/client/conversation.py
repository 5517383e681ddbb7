"""Conversation: a dialogue under way, with a pipeline in this process or a server's client.

It keeps what the model does not: history, belief state and active domain. Example:
``bot = Conversation(Client()); print(bot.say("a cheap hotel in the north"))`` prints the reply, and
``bot.state["hotel"]["area"].value`` is ``north``.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import Field

from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.response import ActPrediction, SlotPrediction, TurnResponse
from todserve.serving.client.client import AsyncClient, turn_request

BeliefState = Mapping[str, Mapping[str, SlotPrediction]]
"""domain -> slot -> value with its confidence."""


class Answer(TurnResponse):
    """A turn's whole answer; printed, it is the reply.

    Attributes:
        state: the belief state after the turn; what was known before where it was not asked for.
        request_id: names the turn in the server's log.
    """

    state: BeliefState = Field(default={}, exclude=True)
    request_id: str = Field(default="", exclude=True)

    @property
    def text(self) -> str:
        """The reply; "" where none was asked for."""
        return self.response.text if self.response else ""

    @property
    def acts(self) -> tuple[ActPrediction, ...]:
        """The dialogue acts of the reply."""
        return self.dialogue_act or ()

    @property
    def timing(self) -> Mapping[str, float]:
        """Stage -> milliseconds; ``total`` is the whole turn inside the worker."""
        return self.timing_ms

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        # What an interactive Python shows of every turn; the fields are a name away.
        return f"<Answer {self.text!r}>"


def newest_exchanges(
    history: Sequence[Exchange], most: int, limits: RequestLimits = DEFAULT_LIMITS
) -> tuple[Exchange, ...]:
    """Return the newest exchanges that one request has room for, oldest first.

    Args:
        history: oldest first.
        most: exchanges to keep.
        limits: bounds all texts of a request together; half of that is left to the rest of it.
    """
    kept: list[Exchange] = []
    left = limits.max_total_characters // 2
    for exchange in reversed(history[max(0, len(history) - most) :]):
        left -= len(exchange.user) + len(exchange.system)
        if left < 0:
            break
        kept.append(exchange)
    return tuple(reversed(kept))


@dataclass(frozen=True, kw_only=True)
class _Memory:
    history: tuple[Exchange, ...] = ()
    state: BeliefState = field(default_factory=dict)
    corrected: Mapping[str, Sequence[str]] = field(default_factory=dict)
    domain: str | None = None
    answer: Answer | None = None


class Conversation:
    """A dialogue under way; a turn that fails leaves it as it was.

    Args:
        answerer: a ``Pipeline`` or a ``Client``; it stays open, and may hold other conversations.
        max_turns: newest exchanges to send; a server refuses more than 100.
        top_k: database results to list.
        limits: what the server takes in one request, where its archive says otherwise.

    Raises:
        ConfigError: nothing that answers turns.
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        max_turns: int = 50,
        top_k: int | None = None,
        limits: RequestLimits = DEFAULT_LIMITS,
    ) -> None:
        if isinstance(answerer, AsyncClient) or not callable(getattr(answerer, "answer", None)):
            raise ConfigError(
                f"answerer: got {type(answerer).__name__}; expected what answers turns: a Pipeline "
                "or a Client; of an AsyncClient, await turn(...) and keep the state yourself"
            )
        if max_turns < 0:
            raise ConfigError(f"max_turns: got {max_turns!r}; expected 0 or more")
        self._answerer = answerer
        self._max_turns = max_turns
        self._top_k = top_k
        self._limits = limits
        self._memories = [_Memory()]

    @property
    def history(self) -> tuple[Exchange, ...]:
        """Everything said, oldest first."""
        return self._memories[-1].history

    @property
    def state(self) -> BeliefState:
        """The belief state: domain -> slot -> value with its confidence."""
        return self._memories[-1].state

    @property
    def domain(self) -> str | None:
        """The domain the conversation is about."""
        return self._memories[-1].domain

    @property
    def last(self) -> Answer | None:
        """The newest answer; None before the first."""
        return self._memories[-1].answer

    def say(self, user: str, *, now: datetime | None = None) -> Answer:
        """Answer the next utterance.

        Args:
            user: what was said.
            now: what time it is where the user is, with its time zone; None for the server's clock.

        Raises:
            RequestError: it is empty or too long, or the model cannot take it.
            ServerError: the server gives no answer.
        """
        last = self._memories[-1]
        request = turn_request(
            user,
            history=newest_exchanges(last.history, self._max_turns, self._limits),
            state=last.state,
            corrected=last.corrected,
            domain=last.domain,
            top_k=self._top_k,
            now=now,
            request_id=uuid.uuid4().hex,
            limits=self._limits,
        )
        given = self._answerer.answer([request])[0]
        if isinstance(given, RequestError):
            raise given
        state = last.state if given.belief_state is None else given.belief_state
        answer = Answer(**dict(given), state=state, request_id=request.request_id or "")
        self._memories.append(
            _Memory(
                history=(*last.history, Exchange(user=request.user, system=answer.text)),
                state=state,
                corrected=last.corrected if given.belief_state is None else given.corrected,
                domain=last.domain if answer.domain is None else answer.domain.active,
                answer=answer,
            )
        )
        return answer

    def replace_reply(self, system: str) -> None:
        """Remember that the last utterance was replied to with ``system``, not as the model said.

        For programs that say something of their own; the model reads it in the next turn.

        Raises:
            ConfigError: nothing was said yet.
        """
        last = self._memories[-1]
        if not last.history:
            raise ConfigError("replace_reply: there is no reply yet; expected one; say(...) first")
        told = Exchange(user=last.history[-1].user, system=system)
        self._memories[-1] = replace(last, history=(*last.history[:-1], told))

    def correct(self, domain: str, slot: str, value: str | None) -> None:
        """Set a value of the state by hand, or take it out with None.

        The model leaves the slot alone until the user says something new about it.
        """
        last = self._memories[-1]
        slots = {name: one for name, one in last.state.get(domain, {}).items() if name != slot}
        if value is not None:
            slots[slot] = SlotPrediction(value=value, confidence=None)
        marked = tuple(dict.fromkeys([*last.corrected.get(domain, ()), slot]))
        self._memories[-1] = replace(
            last,
            state={**last.state, domain: slots},
            corrected={**last.corrected, domain: marked},
        )

    def undo(self) -> bool:
        """Take the last turn back; False where there is none."""
        if len(self._memories) == 1:
            return False
        self._memories.pop()
        return True

    def reset(self) -> None:
        """Forget everything said."""
        self._memories = [_Memory()]

    def __repr__(self) -> str:
        return f"Conversation({self._answerer!r}, {len(self.history)} turns)"
