"""Traits: what a turn is found by, and how much it is worth that somebody looks at it.

The store computes and saves them with each turn, and searches by them. Example: of a turn whose
intent is a guess (0.3), ``traits_of(turn, low_confidence=0.5).reasons`` is ``("low_confidence",)``
and its worth 170.

Traits are of the turn as it stands: with the model's newest answer and what people corrected. They
are written in the transaction that stores, corrects or undoes, so they never lag behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from todserve.gateway.store.records import TurnRecord
from todserve.gateway.store.row_mapping import turns_in
from todserve.gateway.store.tables import traits
from todserve.runtime.language.dialogue import OUT_OF_SCOPE

_DISPUTED, _UNPARSED, _DISAGREEMENT, _DOUBT, _SHAKEN, _OUTSIDE = 300, 150, 120, 100, 60, 40
"""What a reason is worth; a doubt up to twice that, the less sure the model is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What one turn is found by: its labels, its words, and why somebody should look at it.

    Attributes:
        model: who answered, as ``tod/1.0``.
        intent: the user's intent.
        domain: the active domain.
        reasons: why somebody should look, see `reasons_of`.
        verdict: ``right`` or ``wrong`` as it stands.
        corrected: whether somebody said what would have been right.
        settled: whether people have done with it.
        worth: of a look; 0 where nothing speaks for one.
        words: everything that was said, and what it is about, as a search reads it.
    """

    model: str
    intent: str | None
    domain: str | None
    reasons: tuple[str, ...]
    verdict: str | None
    corrected: bool
    settled: bool
    worth: int
    words: str

    def row(self) -> dict[str, Any]:
        """Return the columns of the table."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {"reasons": " ".join(self.reasons)}


def traits_of(turn: TurnRecord, *, low_confidence: float, shaken: bool = False) -> Traits:
    """Return a turn's traits.

    Args:
        turn: as it stands.
        low_confidence: what is less is a doubt.
        shaken: whether a turn before it was corrected since it was answered.
    """
    verdict = turn.correction.get("verdict")
    answer = turn.standing
    found = reasons_of(answer, low_confidence)
    if shaken:
        found["corrected"] = _SHAKEN
    if turn.is_disputed:
        found["disputed"] = _DISPUTED
    intent = turn.correction.get("intent") or (answer.get("intent") or {}).get("name")
    about = " ".join(filter(None, (intent, turn.domain))).replace("_", " ")
    said = (turn.user, turn.reply, turn.exchange.system, about)
    return Traits(
        model=model_of(answer),
        intent=intent,
        domain=turn.domain,
        reasons=tuple(found),
        verdict=verdict,
        corrected=turn.is_corrected,
        settled=(turn.is_corrected or verdict is not None) and not turn.is_disputed,
        worth=sum(found.values()),
        words="\n".join(dict.fromkeys(said)).casefold(),
    )


def model_of(answer: Mapping[str, Any]) -> str:
    """Return who gave an answer, as ``tod/1.0``."""
    model = answer["model"]
    return f"{model['name']}/{model['version']}"


def reasons_of(answer: Mapping[str, Any], low_confidence: float) -> dict[str, int]:
    """Return why somebody should look at an answer, and how much each reason is worth.

    ``low_confidence``: the model doubts its intent or a value. ``unparsed``: it wrote what cannot
    be read. ``disagreement``: its acts and its reply do not agree. ``refused``: a value was not
    believed, or no reply of the model held against the facts. ``outside``: the user wants what no
    service offers.
    """
    intent = answer.get("intent") or {}
    slots = [
        slot for domain in (answer.get("belief_state") or {}).values() for slot in domain.values()
    ]
    known = [one.get("confidence") for one in (intent, *slots)]
    lowest = min((one for one in known if one is not None), default=1.0)
    plain = (answer.get("response") or {}).get("source") == "plain"
    outside = intent.get("name") == OUT_OF_SCOPE
    found = {
        "low_confidence": _DOUBT + round(_DOUBT * (1 - lowest)) if lowest < low_confidence else 0,
        "unparsed": _UNPARSED if any((answer.get("unparsed") or {}).values()) else 0,
        "disagreement": _DISAGREEMENT if answer.get("consistent") is False else 0,
        # What lies outside is answered with a plain sentence; nothing was refused for that.
        "refused": _DOUBT if answer.get("refused") or (plain and not outside) else 0,
        "outside": _OUTSIDE if outside else 0,
    }
    return {name: worth for name, worth in found.items() if worth}


def refresh(
    connection: sa.Connection, dialogue_id: str, *, first: int, low_confidence: float
) -> None:
    """Write the traits of a dialogue's turns anew, from turn ``first`` on, as they stand now."""
    known = turns_in(connection, dialogue_id, None)
    for turn in known[first:]:
        found = traits_of(
            turn, low_confidence=low_confidence, shaken=_is_shaken(turn, known[: turn.index])
        )
        this = sa.and_(traits.c.dialogue_id == dialogue_id, traits.c.position == turn.index)
        connection.execute(sa.update(traits).where(this).values(**found.row()))


def _is_shaken(turn: TurnRecord, before: Sequence[TurnRecord]) -> bool:
    """Say whether something before a turn was corrected after the answer that stands."""
    return any(one.labelled_at > turn.answered_at for one in before)
