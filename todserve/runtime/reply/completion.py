"""Completion: adds to a reply what the user asked for, where the reply forgot to tell it.

The reply stage calls it on a reply that ``amendment`` has repaired, before values are filled in. A
small model asked for a phone number may well write "it is in the centre."; the number is in the
database all the same. Example: "what is their postcode?" with the reply
``it is a [value_food] restaurant.`` gets ``the postcode is [value_postcode].`` behind it, and the
response says so in ``completed``.

Only what the look-up holds is added, and a booking's reference only where nothing is missing for
the booking.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.formats import placeholders
from todserve.runtime.reply.facts import FEW, Facts

_PROMISING = frozenset({"inform", "recommend", "book", "offerbooked"})
"""Acts that tell their slot; ``request`` asks for it."""

_COUNT = "choice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A reply and what was added to it.

    Attributes:
        text: the delexicalised reply, added sentences included.
        added: slots of the added placeholders, in order.
    """

    text: str
    added: tuple[str, ...] = ()


def complete(delexicalised: str, facts: Facts, acts: Sequence[DialogueAct] = ()) -> Completion:
    """Add what the user asked for, or what the acts promise, if the reply does not tell it.

    Args:
        delexicalised: the generated reply.
        facts: of the turn; nothing is added without an entity.
        acts: the generated acts of the reply; empty when they were not asked for.
    """
    if not facts.row or (facts.kept_bookings and not facts.goes_on):
        return Completion(text=delexicalised)
    shown = set(placeholders(delexicalised))
    tellable = set(facts.style.slots.told)
    wanted = set(facts.asked) | {
        act.slot for act in acts if act.domain == facts.domain and act.act in _PROMISING
    }
    if facts.unpicked:
        wanted = set()  # the phone number of any one of them is nobody's answer
    if _COUNT in wanted and _COUNT not in facts.asked:
        wanted -= {_COUNT}
    booked = facts.style.patterns["booked"].search(delexicalised.lower()) is not None
    sought = facts.seeks_booking and not facts.may_book
    unsettled = sought or (facts.one_of_many and not booked)
    if facts.recalled_bookings or unsettled or not (booked or _may_tell_reference(facts)):
        wanted -= {"reference"}
    added = [
        slot for slot in facts.style.slots.told if slot in wanted - shown and _known(slot, facts)
    ]
    concrete = bool({*added, *(shown & tellable)} - {_COUNT})
    few = _COUNT in {*shown, *added} and facts.matches <= FEW
    name = (concrete or few) and _unnamed(facts, shown)
    tells = facts.key is not None and facts.key not in shown
    if facts.pointed and tells and not facts.rejects:
        # Whoever says "the second one" wants to hear which that is, before anything of it.
        this = facts.style.told["this"].replace("[value_name]", f"[value_{facts.key}]")
        delexicalised, name = f"{this}. {delexicalised}".strip(), False
    books = _books_unnamed(delexicalised, facts, shown | set(added))
    stands = _earlier_one(facts, shown | set(added))
    if not added and not name and not books:
        return Completion(text=f"{delexicalised} {stands}".strip())
    # A booking or an address is of one place; a count is of several.
    one = concrete or facts.matches == 1
    parts = [facts.style.told["this" if one else "one_of_them"]] if name else []
    for slot in added:
        if slot == "reference" and not booked and not facts.reference:
            parts.append(facts.style.told["booked"])
        parts.append(_phrase(slot, facts))
    if books and not name:
        told = facts.style.told
        parts.append(told.get("of", told["this"]).replace("[value_name]", f"[value_{facts.key}]"))
    return Completion(
        text=f"{delexicalised} {facts.style.listed(parts)}. {stands}".strip(),
        added=(("name",) if name else ()) + tuple(added),
    )


def _earlier_one(facts: Facts, shown: AbstractSet[str]) -> str:
    """Return what becomes of an earlier booking, where the user may take it for changed."""
    sentences = facts.style.sentences
    if "reference" in shown or (facts.arranged and shown & facts.columns):
        return sentences["stands"] if facts.bookable and facts.rebooks else ""
    return sentences["unmoved"] if facts.moves else ""


def _books_unnamed(delexicalised: str, facts: Facts, shown: AbstractSet[str]) -> bool:
    """Say whether a new reference is told, and not of what."""
    if "reference" not in shown or facts.reference is not None or facts.key is None:
        return False
    named = shown & set(facts.style.slots.keys) or facts.names(delexicalised.lower())
    return facts.bookable and not named


def _may_tell_reference(facts: Facts) -> bool:
    """Say whether a reference may follow a reply that says nothing of a booking."""
    if facts.may_book:
        return True
    known = facts.reference is not None or not facts.told_references
    return "reference" in facts.asked and known


def _unnamed(facts: Facts, shown: AbstractSet[str]) -> bool:
    """Say whether the entity has a name by which people look it up, and nobody told it."""
    if "name" not in facts.compared or "name" in shown:
        return False
    name = facts.row.get("name", "").lower()
    return bool(name) and not any(facts.forms.named_in(name, text) for text in facts.said)


def _known(slot: str, facts: Facts) -> bool:
    if slot not in facts.style.told:
        return False
    if facts.arranged and not facts.bookable:
        return False  # nothing is arranged yet
    if slot == "reference":
        return (facts.bookable or facts.reference is not None) and not facts.arranged
    if slot == "price" and "id" not in facts.columns:
        # A ticket has a price; a hotel has a price range, and most ask for that.
        rate = facts.style.patterns["rate"].search(facts.utterance)
        return rate is not None and bool(facts.row.get(slot))
    if slot == _COUNT:
        return bool(facts.compared)
    return bool(facts.row.get(slot))


def _phrase(slot: str, facts: Facts) -> str:
    """Return what tells a slot; of an earlier booking that is not of the entity at hand, whose."""
    told, wording = facts.style.told, facts.style.wording
    if slot == "reference" and facts.booked_name and not facts.names(facts.booked_name):
        name = wording.spoken(facts.key or "name", facts.booked_name)
        return told.get("reference_of", told[slot]).replace("{name}", name)
    return told[slot].replace("{kinds}", facts.style.kind(facts.domain).many)
