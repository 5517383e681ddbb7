"""Speaker: one message in, one acknowledged turn out, and what people make of it afterwards.

The routes and channels hand it each message: it takes the dialogue's lease, asks the model and the
bot, and stores the turn. Example: ``speaker.say(dialogue_id, "a train to ely", "message-1",
request_id="4f2a")``.

A message is acknowledged once its turn is stored, and not before. Where the model or the store
is away it is refused, nothing is stored, and the client sends it again under the same message id:
whether the first attempt was stored after all or not, there will be one turn. An action of the
bot runs before its turn is stored, so it may run once more then, under the same key.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from todserve.bot.bot import Bot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard
from todserve.gateway.conversations.model_clients import Told, bounded
from todserve.gateway.conversations.remembered_turns import remembered
from todserve.gateway.gateway_errors import ConflictError, ExpiredError, MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.releases.trials import Trials
from todserve.gateway.store.dialogue_leases import Lease, Leases
from todserve.gateway.store.dialogue_store import Store, now_in_microseconds
from todserve.gateway.store.records import DialogueRecord, TurnRecord
from todserve.runtime.traces.trace_spans import span

_MOST_TOLD = 200
"""Turns before a message whose events actions are told."""


class Speaker:
    """Answers a message with the model and the bot, and stores the turn before it is answered."""

    def __init__(
        self,
        settings: GatewaySettings,
        store: Store,
        leases: Leases,
        trials: Trials,
        bot: Bot | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._leases = leases
        self._trials = trials
        self._bot = bot
        # Actions are told what happened before, which is more than the model is shown.
        shown = settings.history_turns
        self._newest = shown if bot is None else max(shown, _MOST_TOLD)

    def say(
        self,
        dialogue_id: str,
        user: str,
        message_id: str,
        *,
        request_id: str,
        owner: str | None = None,
        channel: str = "rest",
        metadata: Mapping[str, Any] | None = None,
        now: str | None = None,
        understood: Told | None = None,
    ) -> tuple[TurnRecord, bool]:
        """Answer a message; of ``owner``, where one is given, only in a dialogue of its own.

        What came on ``channel`` with ``metadata`` is told to the bot's actions. ``now`` is the time
        where it was said, where the client tells it. ``understood`` is called with what the model
        understood, before it has written its reply.

        Returns:
            Its turn, and whether that was stored already.

        Raises:
            MissingError: there is no such dialogue.
            ExpiredError: it has been left alone for too long.
            ConflictError: the message id stands for another text.
            BusyError, ModelAwayError, RefusedError: nothing was stored.
        """
        began = time.perf_counter()
        with self._held(dialogue_id) as lease:
            waited = time.perf_counter()
            with span("read the dialogue"):
                dialogue, before, stored = self._store.before(
                    dialogue_id, message_id, newest=self._newest, owner=owner
                )
            if stored is not None:
                return _same(stored, user), True
            if dialogue.updated_at < self.alive_since():
                raise ExpiredError(
                    f"nothing was said here for {self._settings.expire_after:g} s; "
                    "begin another dialogue"
                )
            reading = time.perf_counter()
            newest = before[-self._settings.history_turns :]
            answer = self._answer(dialogue, user, newest, request_id, now, understood)
            asked = time.perf_counter()
            here = {"channel": channel, "metadata": metadata, "at": time.time()}
            outcome = self._outcome(dialogue, before, answer, user, message_id, here)
            acted = time.perf_counter()
            with span("store the turn"):
                turn = self._store.append(
                    lease,
                    user=user,
                    message_id=message_id,
                    answer=answer,
                    timing_ms={
                        "gateway_waiting": _milliseconds(began, waited),
                        "gateway_reading": _milliseconds(waited, reading),
                        "gateway_model": _milliseconds(reading, asked),
                        "gateway_bot": _milliseconds(asked, acted),
                    },
                    handed_off=outcome is not None and outcome.handed_off,
                    bot=None if outcome is None else outcome.as_json(),
                )
        self._trials.stored(dialogue, turn, newest)
        return turn, False

    def correct(
        self,
        dialogue_id: str,
        index: int,
        content: Mapping[str, Any],
        *,
        rerun: bool,
        request_id: str,
        author: str | None = None,
    ) -> tuple[TurnRecord, ...]:
        """Store a correction beside a turn; ``rerun`` asks the model again for the later ones.

        ``author`` is who corrects, where that is known.

        Returns:
            The dialogue's turns.

        Raises:
            MissingError: there is no such turn.
            TooLongError: too many turns would have to run again.
            BusyError, ModelAwayError, RefusedError: nothing was stored.
        """
        with self._leases.hold(dialogue_id) as lease:
            turns = list(self._store.turns(dialogue_id))
            if index >= len(turns):
                raise MissingError(f"there is no turn {index}; the dialogue has {len(turns)}")
            contents = {index: content} if content else {}
            turns[index] = _with(turns[index], content)
            if rerun:
                bounded(len(turns) - index - 1)
                dialogue = self._store.dialogue(dialogue_id)
                for later in range(index + 1, len(turns)):
                    newest = turns[max(0, later - self._settings.history_turns) : later]
                    # What "tomorrow" meant when it was said, it means still.
                    said_at = turns[later].standing.get("now")
                    answer = self._answer(dialogue, turns[later].user, newest, request_id, said_at)
                    contents[later] = {"answer": answer}
                    turns[later] = _with(turns[later], contents[later])
            # A step without content would be one that undo takes back without effect.
            if contents:
                self._store.correct(lease, contents, author=author)
        self._trials.judged(turns[index], content)
        return self._store.turns(dialogue_id)

    def undo(self, dialogue_id: str) -> None:
        """Take the newest correction back, with what it ran again."""
        with self._leases.hold(dialogue_id) as lease:
            self._store.undo(lease)

    def resume(self, dialogue_id: str) -> None:
        """Let the bot go on where a person had taken over.

        Raises:
            MissingError: there is no such dialogue.
            BusyError: it is not free.
        """
        with self._leases.hold(dialogue_id) as lease:
            self._store.resume(lease)

    def alive_since(self) -> int:
        """Return the time before which a dialogue without a turn has expired."""
        return now_in_microseconds() - round(self._settings.expire_after * 1e6)

    @contextmanager
    def _held(self, dialogue_id: str) -> Iterator[Lease]:
        """Hold a dialogue, and tell how long that was waited for."""
        with ExitStack() as holding:
            with span("wait for the dialogue"):
                lease = holding.enter_context(self._leases.hold(dialogue_id))
            yield lease

    def _outcome(
        self,
        dialogue: DialogueRecord,
        before: Sequence[TurnRecord],
        answer: Mapping[str, Any],
        user: str,
        message_id: str,
        here: Mapping[str, Any],
    ) -> Outcome | None:
        """Return what the bot makes of an answer; its actions have run then."""
        if self._bot is None:
            return None
        last = before[-1] if before else None
        heard = Heard.of(
            answer,
            before={} if last is None else last.next_state,
            dialogue_id=dialogue.dialogue_id,
            message_id=message_id,
            index=dialogue.turns,
            user=user,
            replied="" if last is None else last.reply,
            sender=dialogue.sender,
            **here,
        )
        past = Outcome.read(None if last is None else last.bot)
        # The dialogue's row knows better than its last turn whether a person is still there.
        past = replace(past, handed_off="handed_off" in dialogue.flags)
        with span("bot and actions"):
            return self._bot.turn(heard, past, remembered(dialogue, before, channel=heard.channel))

    def _answer(
        self,
        dialogue: DialogueRecord,
        user: str,
        newest: Sequence[TurnRecord],
        request_id: str,
        now: str | None = None,
        understood: Told | None = None,
    ) -> dict[str, Any]:
        filled_by = None if self._bot is None else self._bot.filled_by
        return self._trials.answer(
            dialogue,
            user,
            newest,
            request_id=request_id,
            filled_by=filled_by,
            now=now,
            understood=understood,
        )


def _same(turn: TurnRecord, user: str) -> TurnRecord:
    if turn.user != user:
        raise ConflictError(
            "message_id: it already stands for another text in this dialogue; "
            "give every message an id of its own"
        )
    return turn


def _with(turn: TurnRecord, content: Mapping[str, Any]) -> TurnRecord:
    return replace(turn, correction={**turn.correction, **content})


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
