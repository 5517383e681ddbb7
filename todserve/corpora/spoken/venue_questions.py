"""Venue questions: turns that ask about the place at hand, with its name misspelt or mistaken.

Kinds of saying that need nothing new: what is asked is in the database, what is misspelt is known,
what is mistaken was said.
Example: after ``tell me about galleria`` the question ``dear?`` is for its price range.
"""

import random

from todserve.corpora.spoken.spoken_material import Material
from todserve.corpora.spoken.spoken_turns import NO_LOOK_UP, SpokenTurn, changed
from todserve.runtime.language.dialogue import DONTCARE

_OFFERED = 0.4
_ONE_MATCH = "[db_1]"
_FREE = frozenset({"name", "food", "departure", "destination"})


def ask(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for something about the venue spoken of, in few or unusual words."""
    offer = material.offered(chance) if chance.random() < _OFFERED else None
    if offer is not None:
        domain, turn = offer
        name = ""
    else:
        answered = material.answered(chance)
        if answered is None:
            return None
        turn = answered
        said = " ".join(turn.history[-1][:2])
        venues = [
            (domain, value)
            for domain, slots in turn.previous_state.items()
            for slot, value in slots.items()
            if material.vocabulary.family(domain, slot).name == "name" and value in said
        ]
        if len(venues) != 1:
            return None
        domain, name = venues[0]
    state = turn.previous_state
    told = material.told.get(domain)
    if not told:
        return None
    slot = chance.choice(told)
    family = material.vocabulary.family(domain, slot)
    if not family.asked:
        return None
    user = chance.choice(family.asked)
    if chance.random() < 0.2:
        user = chance.choice(material.wordings.phrases("ask before") or ("",)) + user
    if name:
        user = material.wordings.pick(chance, "ask of", question=user, name=name) or user
    return material.turn(
        "ask",
        turn,
        user,
        state=material.kept(state),
        intent=material.look_intent(domain),
        acts=((domain, "inform", slot),) if family.told else None,
        response=chance.choice(family.told).format(slot=slot) if family.told else None,
        database_token=_ONE_MATCH,
    )


def misspelt_name(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Misspell a name or a food; the value is the one that is known."""
    found = material.service(chance, least=1)
    if found is None:
        return None
    domain, slots = found
    family = material.vocabulary.family
    names = [
        slot
        for slot, value in slots.items()
        if family(domain, slot).name in _FREE and value != DONTCARE and value.isascii()
    ]
    if not names:
        return None
    slot = chance.choice(names)
    words = slots[slot].split()
    at = chance.randrange(len(words))
    words[at] = material.rough.misspelt(words[at], chance)
    wrong = " ".join(words)
    if wrong == slots[slot]:
        return None
    marker = "\x00"
    text = material.requests.what(domain, {**slots, slot: marker}, chance)
    if marker not in text:
        return None
    what = text.replace(marker, wrong)
    user = material.wordings.pick(chance, "open", what=what) or what
    base = material.base(chance, 0.75)
    if domain in base.previous_state:
        return None
    return material.turn(
        "misspelt_name",
        base,
        user,
        state={**material.kept(base.previous_state), domain: slots},
        intent=material.intent(domain, slots),
        database_token=NO_LOOK_UP,
    )


def rough(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say what a user of the corpus said as somebody in a hurry would type it."""
    turn = material.any_turn(chance)
    return material.turn(
        "rough",
        turn,
        turn.user,
        state=turn.state,
        intent=turn.intent,
        acts=turn.acts,
        response=turn.response,
    )


def mistaken(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Go on from a state with a mistake that the last exchange shows, and put it right."""
    pair = material.follower(chance)
    if pair is None or material.anew:
        return None
    before, turn = pair
    if turn.state is None:
        return None
    said = turn.history[-1][0]
    state = turn.previous_state
    shown = [
        (domain, slot)
        for domain, slots in (before.state or {}).items()
        for slot in slots
        if slot in state.get(domain, {})
        and slot not in before.previous_state.get(domain, {})
        and len(state[domain][slot]) > 2
        and f" {state[domain][slot]} " in f" {said.replace(',', ' ').replace('.', ' ')} "
        and turn.state.get(domain, {}).get(slot) == state[domain][slot]
    ]
    if not shown:
        return None
    domain, slot = chance.choice(shown)
    wrong = (
        None
        if chance.random() < 0.5
        else material.vocabulary.another(domain, slot, state[domain][slot], chance)
    )
    return material.turn(
        "mistaken",
        turn,
        turn.user,
        state=turn.state,
        intent=turn.intent,
        acts=turn.acts,
        response=turn.response,
        previous_state=changed(state, {(domain, slot): wrong}),
    )


def department(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for a hospital department by what it treats."""
    vocabulary = material.vocabulary
    places = [
        (domain, slot)
        for domain in vocabulary.schema.domains
        for slot in vocabulary.schema.slots(domain)
        if vocabulary.family(domain, slot).name == "department" and vocabulary.values(domain, slot)
    ]
    if not places:
        return None
    domain, slot = chance.choice(places)
    value = chance.choice(vocabulary.values(domain, slot))
    ways = material.speech.ways(domain, slot, value).alone
    said = chance.choice(ways) if ways and chance.random() < 0.8 else value
    user = material.wordings.pick(chance, "department", value=said)
    if user is None:
        return None
    base = material.base(chance, 0.85)
    return material.turn(
        "department",
        base,
        user,
        state={**material.kept(base.previous_state), domain: {slot: value}},
        intent=material.look_intent(domain) or vocabulary.only_intent(domain),
        database_token=NO_LOOK_UP,
    )
