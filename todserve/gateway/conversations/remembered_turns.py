"""Stored turns as a bot heard and answered them, for actions and for Rasa's tracker.

The gateway's speaker calls it to give a bot the dialogue so far, and Rasa's HTTP API to show it.
Example: ``remembered(record, turns)[0][0].user`` is what was said first.
"""

from collections.abc import Sequence

from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard
from todserve.gateway.store.records import DialogueRecord, TurnRecord


def remembered(
    dialogue: DialogueRecord, turns: Sequence[TurnRecord], *, channel: str = "rest"
) -> list[tuple[Heard, Outcome]]:
    """Return each turn as it stands: the message as it was understood, and what was done.

    Args:
        dialogue: whose turns they are.
        turns: in order; of what is before the first of them nothing is known.
        channel: on which the messages came.
    """
    found = []
    last: TurnRecord | None = None
    for turn in turns:
        heard = Heard.of(
            turn.standing,
            before={} if last is None else last.next_state,
            dialogue_id=dialogue.dialogue_id,
            message_id=turn.message_id,
            index=turn.index,
            user=turn.user,
            replied="" if last is None else last.reply,
            channel=channel,
            sender=dialogue.sender,
            at=turn.created_at / 1e6,
        )
        outcome = (
            Outcome.read(turn.bot)
            if turn.bot is not None
            else Outcome.read({"messages": turn.messages, "events": ()})
        )
        found.append((heard, outcome))
        last = turn
    return found
