"""Carried values: turns in which a value of one service is used for another ("the same day").

Kinds of saying: ``the same night``, ``round there``, a taxi between two things spoken of, the way
back on another day.
Example: after a table for 3 on tuesday, ``a room that same night for all of us``.
"""

import random

from todserve.corpora.spoken.spoken_material import Material
from todserve.corpora.spoken.spoken_turns import NO_LOOK_UP, SpokenTurn
from todserve.runtime.language.dialogue import DONTCARE

_CARRIED = ("area", "price", "day", "people", "date", "stay")


def carry(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for another service with some values as they were for the first."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    vocabulary = material.vocabulary
    first = list(state)[-1]
    by_family = {
        vocabulary.family(first, slot).name: value
        for slot, value in state[first].items()
        # "For all of us" is not said by somebody who travels alone.
        if value != DONTCARE and (vocabulary.family(first, slot).name, value) != ("people", "1")
    }
    options: list[tuple[str, dict[str, str]]] = []
    for other in vocabulary.domains:
        if other in state:
            continue
        fit = {
            slot: by_family[name]
            for slot in vocabulary.schema.slots(other)
            if (name := vocabulary.family(other, slot).name) in _CARRIED and name in by_family
        }
        if fit:
            options.append((other, fit))
    if not options:
        return None
    domain, fit = chance.choice(options)
    count = min(len(fit), chance.choice((1, 1, 2, 3)))
    same = {slot: fit[slot] for slot in chance.sample(list(fit), count)}
    extra: dict[str, str] = {}
    if chance.random() < 0.65:
        found = material.service(
            chance, least=1, apart=[d for d in vocabulary.domains if d != domain]
        )
        if found is not None:
            extra = {
                slot: value
                for slot, value in found[1].items()
                if slot not in same and vocabulary.family(domain, slot).name != "name"
            }
    what = material.requests.what(domain, extra, chance)
    said = [
        chance.choice(vocabulary.family(domain, slot).same).format(
            called=vocabulary.called(domain, slot, chance)
        )
        for slot in same
    ]
    wish = what + " " + chance.choice((", ", " ", " and ")).join(said)
    if chance.random() < 0.15:
        wish = chance.choice((", ", " and ")).join(said) + chance.choice((", ", ": ")) + what
    opened = chance.choice(material.wordings.phrases("carry") or ("{what}",))
    if opened == "{open}":
        opened = chance.choice(material.wordings.phrases("open"))
    return material.turn(
        "carry",
        turn,
        opened.format(what=wish),
        state={**material.kept(state), domain: {**extra, **same}},
        intent=material.intent(domain, {**extra, **same}),
        database_token=NO_LOOK_UP,
    )


def between(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for a ride between two venues by what they are."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    vocabulary = material.vocabulary
    venues = {
        domain: value
        for domain, slots in state.items()
        for slot, value in slots.items()
        if vocabulary.family(domain, slot).name == "name"
        and value != DONTCARE
        and vocabulary.service(domain).place
    }
    rides = [
        domain
        for domain in vocabulary.domains
        if vocabulary.service(domain).name == "taxi" and domain not in state
    ]
    if len(venues) < 2 or not rides:
        return None
    ride = rides[0]
    of = {vocabulary.family(ride, slot).name: slot for slot in vocabulary.schema.slots(ride)}
    if "departure" not in of or "destination" not in of:
        return None
    start, end = chance.sample(list(venues), 2)
    named = {
        domain: venues[domain]
        if chance.random() < 0.1
        else chance.choice(vocabulary.service(domain).place)
        for domain in (start, end)
    }
    user = material.wordings.pick(chance, "between", a=named[start], b=named[end])
    if user is None:
        return None
    slots = {of["departure"]: venues[start], of["destination"]: venues[end]}
    booked = {vocabulary.family(end, slot).name: value for slot, value in state[end].items()}
    if "time" in booked and "arrive" in of and chance.random() < 0.35:
        slots[of["arrive"]] = booked["time"]
        user += chance.choice(material.wordings.phrases("in time"))
    elif chance.random() < 0.5:
        name = chance.choice([name for name in ("leave", "arrive") if name in of] or [""])
        if name:
            clock = f"{chance.randrange(7, 24):02d}:{chance.choice((0, 15, 30, 45)):02d}"
            slots[of[name]] = clock
            user += " " + material.speech.after(ride, of[name], clock, chance)
    return material.turn(
        "between",
        turn,
        user,
        state={**material.kept(state), ride: slots},
        intent=material.intent(ride, slots),
        database_token=NO_LOOK_UP,
    )


def way_back(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for the way back, on another day or at another time."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    vocabulary = material.vocabulary
    journeys = []
    for domain in state:
        of = {vocabulary.family(domain, slot).name: slot for slot in state[domain]}
        every = {
            vocabulary.family(domain, slot).name: slot for slot in vocabulary.schema.slots(domain)
        }
        if "departure" in of and "destination" in of and "day" in every:
            journeys.append((domain, {**every, **of}))
    if not journeys:
        return None
    domain, of = journeys[-1]
    slots = dict(state[domain])
    start, end = of["departure"], of["destination"]
    slots[start], slots[end] = slots[end], slots[start]
    for name in ("leave", "arrive"):
        slots.pop(of.get(name, ""), None)
    day = vocabulary.another(domain, of["day"], slots.get(of["day"], ""), chance)
    if day is None:
        return None
    slots[of["day"]] = day
    rest = [material.speech.after(domain, of["day"], day, chance)]
    name = chance.choice(("leave", "arrive", ""))
    if name in of:
        clock = f"{chance.randrange(6, 23):02d}:{chance.choice((0, 15, 30, 45)):02d}"
        slots[of[name]] = clock
        rest.append(material.speech.after(domain, of[name], clock, chance))
    chance.shuffle(rest)
    user = material.wordings.pick(chance, "way back", rest=" ".join(rest))
    if user is None:
        return None
    return material.turn(
        "way_back",
        turn,
        user,
        state={**material.kept(state), domain: slots},
        intent=material.look_intent(domain),
        database_token=NO_LOOK_UP,
    )
