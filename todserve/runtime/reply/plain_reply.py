"""Plain replies: sentences made of the look-up and the state alone, where no generation holds.

The reply stage sends one where no generated reply is true, the pipeline where a turn lies outside
every service. The words are the style's. Example: with a day missing for the booking that the user
wants, ``for which day?``.
"""

from collections.abc import Sequence

from todserve.runtime.language.dialogue import GENERAL, DialogueAct
from todserve.runtime.reply.facts import FEW, Facts
from todserve.runtime.reply.told_bookings import ToldBooking

_GREETINGS = ("bye", "welcome", "greet")
_REQUEST = "request"


def plain_reply(
    facts: Facts,
    acts: Sequence[DialogueAct],
    *,
    books: bool,
    lost: bool = False,
    doubted: Sequence[str] = (),
    unborne: bool = False,
) -> str:
    """Return a delexicalised reply that claims nothing but what the look-up found.

    Args:
        facts: of the turn.
        acts: the generated acts: what they ask the user is asked.
        books: whether the user wants a booking.
        lost: whether nothing was understood.
        doubted: slots of which the user asks whether something is so.
        unborne: whether a yes or a no was generated that nothing bears out.
    """
    sentences = facts.style.sentences
    if facts.kept_bookings and not facts.goes_on:
        return kept_reply(facts)
    if facts.recalled_bookings:
        return _recalled(facts)
    if not facts.domain and facts.seeks_booking:
        return f"{sentences['unbooked']} {sentences['more']}"
    if not facts.domain:
        return f"{_greeting(facts, acts)}{_services(facts)}"
    if facts.unwished:
        return _services(facts)
    if facts.is_unknown_name:
        return _filled(sentences["nowhere"], facts)
    if facts.asks_for_booking and not books and (earlier := _earlier_booking(facts)):
        return earlier
    picked = bool(facts.row) and (facts.matches == 1 or facts.named_before())
    unsure = unborne and not (doubted or facts.denied or facts.asked & facts.columns)
    if unsure or (facts.asks_unknown and not facts.understood):
        called = picked and facts.row.get("phone") and not facts.arranged
        call = _filled(sentences["call"], facts) if called else ""
        return f"{sentences['unknown']} {call}".strip()
    if facts.cancels and not (facts.told_references or facts.goes_on):
        return f"{sentences['unbooked']} {sentences['more']}"
    if facts.recalls and (so_far := _so_far(facts)):
        return so_far
    if facts.unpicked and facts.asked & facts.columns:
        return facts.style.question(facts.domain, "name")
    if books and facts.booking_slots and facts.missing:
        return facts.style.question(facts.domain, facts.missing[0])
    if books and facts.bookable and not facts.one_of_many:
        return _booked(facts)
    if facts.row and (told := _of_one_place(facts)):
        return told
    if picked and (like := _as_it_is(facts, doubted or facts.denied)):
        return like
    if facts.asks_unknown:
        return sentences["unknown"]
    if picked and facts.key is not None and facts.asked & {*facts.row, "choice"}:
        return _filled(sentences["named"], facts)
    if facts.unranked and not books:
        return _filled(sentences["none_such"].replace("{word}", facts.unranked), facts)
    if facts.exhausted:
        return _filled(sentences["only" if facts.matches == 1 else "all"], facts)
    if facts.spurned:
        return _filled(sentences["unwanted"], facts)
    if (
        lost
        and not facts.rejects
        and not facts.asked & facts.columns
        and "choice" not in facts.asked
    ):
        return out_of_scope_reply(facts)
    asked = _requested(facts, acts)
    if facts.arranged:
        return asked or (_booked(facts) if facts.bookable else _missing(facts))
    if facts.result is None or not facts.compared and not facts.row:
        return asked or f"{_greeting(facts, acts)}{sentences['more']}"
    if not facts.matches:
        return _filled(sentences["none"], facts)
    further = facts.narrowing if books else ""
    return f"{_found(facts)} {asked or further or sentences['more']}".strip()


def out_of_scope_reply(facts: Facts) -> str:
    """Return that this checkpoint can do no more, and the way back to what was talked about.

    What is said of a booking is answered: no service is named by "cancel my booking".
    """
    if facts.kept_bookings:
        return kept_reply(facts)
    if facts.recalled_bookings:
        return _recalled(facts)
    if facts.seeks_booking:
        further = facts.style.sentences["offer" if facts.bookable else "more"]
        return f"{facts.style.sentences['unbooked']} {further}"
    if "reference" in facts.asked and facts.told_references:
        return _earlier_booking(facts)
    back = _filled(facts.style.sentences["back"], facts) if facts.domain else ""
    return f"{_services(facts, 'outside')} {back}".strip()


def doubtful_reply(facts: Facts, domain: str, slot: str) -> str:
    """Return the question for a value that was not understood well enough to act on."""
    return facts.style.questions["doubt"] + facts.style.question(domain, slot)


def unknown_reply(facts: Facts, domain: str, slot: str, value: str) -> str:
    """Return that a wish cannot be, what can, and the question for it."""
    style, values = facts.style, facts.schema.values(domain, slot)
    named = facts.style.kind(domain)
    if value in values:
        return doubtful_reply(facts, domain, slot)  # nobody books for none
    if all(one.isdigit() for one in values):
        most = str(max(map(int, values)))
        told = style.told.get(f"{slot}.most", style.sentences["most"]).replace("{most}", most)
    else:
        names = style.listed([style.wording.spoken(slot, one) for one in values])
        told = style.told.get(f"{slot}.lacking", style.sentences["lacking"])
        told = told.replace("{values}", names)
    told = told.replace("{kinds}", named.many).replace("{kind}", named.one)
    said = style.wording.spoken(slot, value)
    asked = "" if facts.state.get(domain, {}).get(slot) else style.question(domain, slot)
    return f"{told.replace('{value}', said).rstrip('.')}. {asked}".strip()


def service_reply(facts: Facts) -> str:
    """Return what a service has, for somebody who asked for it outright; empty where nothing.

    ``about.SERVICE`` among the sentences says it of a service whose entities are one place, such
    as the police; of others the reply counts and asks for the first thing that narrows a search.
    """
    sentences = facts.style.sentences
    if not facts.domain or not facts.matches:
        return ""
    if told := _of_one_place(facts):
        return told
    asked = (
        facts.style.question(facts.domain, slot)
        for slot in facts.schema.slots(facts.domain)
        if facts.schema.values(facts.domain, slot) and slot not in facts.slots
    )
    found = _found(facts)
    further = sentences["more"] if facts.matches == 1 else next(asked, sentences["more"])
    return f"{found} {further}" if found else ""


def _of_one_place(facts: Facts) -> str:
    """Return what is known of a service that is one place, or of its department; else nothing."""
    name = f"{'told' if facts.slots else 'about'}.{facts.domain}"
    return facts.style.sentences.get(name, "")


def beside_reply(facts: Facts) -> str:
    """Return what was found for a second service that was asked for in the same breath."""
    sentences = facts.style.sentences
    found = _found(facts) if facts.matches else _filled(sentences["none"], facts)
    return f"{_filled(sentences['beside'], facts)} {found}" if found else ""


def kept_reply(facts: Facts) -> str:
    """Return that what is booked stays booked, and whom to call."""
    sentences, wording = facts.style.sentences, facts.style.wording
    told, calls = [], []
    for one in facts.kept_bookings:
        name = _booked_name(one, facts)
        code = wording.spoken("reference", one.code)
        phrase = facts.style.told["kept"].replace("{name}", name).replace("{code}", code)
        told.append(phrase if code else name)
        phone = facts.phone_of(one)
        call = sentences["call"].replace("[{key}]", name).replace("[value_phone]", phone)
        calls += [call] if phone and call not in calls else []
    kept = sentences["kept"].replace("{booked}", facts.style.listed(told))
    return " ".join([kept, *calls])


def _recalled(facts: Facts) -> str:
    """Return the references of the earlier bookings that the user asks for."""
    told, wording = facts.style.told, facts.style.wording
    phrases = []
    for one in facts.recalled_bookings:
        phrase = told.get("reference_of", told["reference"]) if one.name else told["reference"]
        name, code = _booked_name(one, facts), wording.spoken("reference", one.code)
        phrases.append(phrase.replace("{name}", name).replace("[value_reference]", code))
    return f"{facts.style.listed(phrases)}."


def _booked_name(booking: ToldBooking, facts: Facts) -> str:
    """Return what a booking is of, as it is written."""
    if not booking.name:
        return facts.style.kind(booking.domain).one
    return facts.style.wording.spoken(facts.key_of(booking), booking.name)


def _earlier_booking(facts: Facts) -> str:
    """Return the reference that was told last, or that nothing has been booked."""
    sentences, wording = facts.style.sentences, facts.style.wording
    if facts.reference:
        return ""  # it is told behind the sentence, see completion
    if facts.told_references:
        code = wording.spoken("reference", facts.told_references[-1])
        return sentences["earlier"].replace("{code}", code)
    if facts.bookable and facts.seeks_booking:
        return f"{sentences['unbooked']} {sentences['offer']}"
    if facts.bookable:
        return ""
    asked = facts.style.question(facts.domain, facts.missing[0]) if facts.missing else ""
    return f"{sentences['unbooked']} {asked}".strip()


def _so_far(facts: Facts) -> str:
    """Return what is known of a booking, made or not."""
    told = facts.style.told
    if facts.told_references and not facts.reference:
        return _earlier_booking(facts)  # of which of them the state is, nobody knows
    slots = (one for slot in facts.booking_slots for one in slot.split("|"))
    phrases = [told[slot] for slot in slots if slot in facts.recalled and slot in told]
    if facts.reference:
        phrases.append(told["reference"])
    if not phrases:
        return ""
    picked = facts.key is not None and (facts.matches == 1 or facts.named_before())
    name = f"[value_{facts.key}], " if picked else ""
    return f"{facts.style.sentences['so_far']} {name}{facts.style.listed(phrases)}."


def _as_it_is(facts: Facts, slots: Sequence[str]) -> str:
    """Return what the entity at hand is like, where the user takes it for something else."""
    told = facts.style.told
    phrases = [
        phrase
        for slot in dict.fromkeys(slots)
        if (value := facts.row.get(slot))
        and (phrase := told.get(f"{slot}.{value}") or told.get(slot))
    ]
    if not phrases or facts.key is None:
        return ""
    return f"{_filled(facts.style.sentences['named'], facts)} {facts.style.listed(phrases)}."


def _services(facts: Facts, sentence: str = "can") -> str:
    named = [
        facts.style.services.get(domain, domain.replace("_", " "))
        for domain in facts.schema.domains
        if facts.schema.slots(domain) or domain in facts.style.services
    ]
    return facts.style.sentences[sentence].replace("{services}", facts.style.listed(named))


def _found(facts: Facts) -> str:
    sentences = facts.style.sentences
    if facts.key is None:
        return ""
    if facts.named_before():
        return _filled(sentences["named"], facts)
    if facts.matches == 1:
        return _filled(sentences["one"], facts)
    return _filled(sentences["many" if facts.matches <= FEW else "unnamed"], facts)


def _booked(facts: Facts) -> str:
    sentences = facts.style.sentences
    if facts.arranged:
        slots = [slot for slot in facts.row if facts.row[slot]]
        told = facts.style.listed([f"[value_{slot}]" for slot in slots])
        return sentences["arranged"].replace("{told}", told)
    return _filled(sentences["booked" if facts.key else "booked_unnamed"], facts)


def _missing(facts: Facts) -> str:
    return facts.style.question(facts.domain, facts.missing[0]) if facts.missing else ""


def _requested(facts: Facts, acts: Sequence[DialogueAct]) -> str:
    """Return the question of the first act that asks for what is not known yet."""
    for act in acts:
        known = facts.slots.get(act.slot)
        if act.act == _REQUEST and facts.schema.has(facts.domain, act.slot) and not known:
            return facts.style.question(facts.domain, act.slot)
    return ""


def _greeting(facts: Facts, acts: Sequence[DialogueAct]) -> str:
    said = [one.act for one in acts if one.domain == GENERAL and one.act in _GREETINGS]
    return f"{facts.style.sentences[said[0]]} " if said else ""


def _filled(sentence: str, facts: Facts) -> str:
    kind = facts.style.kind(facts.domain)
    written = sentence.replace("{kinds}", kind.many).replace("{kind}", kind.one)
    return written.replace("[{key}]", f"[value_{facts.key or 'name'}]")
