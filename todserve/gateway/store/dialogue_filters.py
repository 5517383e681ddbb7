"""Filters and searches of the list of dialogues, such as "corrected", as SQL conditions.

The store's list of dialogues is selected with these. Example:
``sa.select(dialogues).where(found_by("wrong"))``.
"""

from typing import Literal

import sqlalchemy as sa

from todserve.gateway.store.tables import corrections, dialogues, traits

Filter = Literal[
    "low_confidence",
    "unparsed",
    "disagreement",
    "refused",
    "outside",
    "handed_off",
    "flagged",
    "corrected",
    "right",
    "wrong",
    "disputed",
    "unjudged",
]

_FLAGGED = ("low_confidence", "unparsed", "disagreement", "refused", "outside")
_JUDGED = ("right", "wrong")
_MOST_WORDS = 10


def found_by(name: Filter) -> sa.ColumnElement[bool]:
    """Return the condition of a filter on ``dialogues``.

    Args:
        name: a `Filter`: a flag; ``flagged`` for any of those that the model raises;
            ``corrected`` where somebody said what would have been right; ``right`` or ``wrong``
            where a turn is judged so and has not been run again; ``disputed`` where people judge
            one differently; ``unjudged`` where a turn has neither verdict nor correction.
    """
    if name == "corrected":
        return some_turn(traits.c.corrected.is_(True))
    if name in _JUDGED:
        return some_turn(traits.c.verdict == name)
    if name == "disputed":
        return some_turn(traits.c.reasons.contains(name))
    if name == "unjudged":
        return some_turn(traits.c.settled.is_(False))
    if name == "flagged":
        return sa.or_(*(dialogues.c[flag].is_(True) for flag in _FLAGGED))
    return dialogues.c[name].is_(True)


def of_intent(intent: str) -> sa.ColumnElement[bool]:
    """Return the condition that a turn of a dialogue has an intent, as it stands corrected."""
    return some_turn(traits.c.intent == intent)


def of_person(user_id: str) -> sa.ColumnElement[bool]:
    """Return the condition that a dialogue is a person's, on Rasa's channels a sender's."""
    return dialogues.c.user_id == user_id


def saying(text: str) -> sa.ColumnElement[bool]:
    """Return the condition that each word of a text is in a dialogue, in whatever turns.

    Said are the words of both and the names of what a turn is about; a part of a word will do.
    """
    words = text.casefold().split()[:_MOST_WORDS]
    return sa.and_(*(some_turn(traits.c.words.contains(word, autoescape=True)) for word in words))


def touched() -> sa.ColumnElement[bool]:
    """Return the condition that something of a dialogue stands judged or corrected."""
    mine = corrections.c.dialogue_id == dialogues.c.dialogue_id
    return sa.exists().where(mine).correlate(dialogues)


def some_turn(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition on ``dialogues`` that one turn at least fulfils a condition."""
    mine = traits.c.dialogue_id == dialogues.c.dialogue_id
    return sa.exists().where(mine, condition).correlate(dialogues)
