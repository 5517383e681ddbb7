"""Corrections: turns in which the user puts right what was said before.

Kinds of saying, each made from a labelled turn and the state before it; what is corrected changes,
all else stays.
Example: ``find me a b&b in the west`` and then ``nope, east``.
"""

import random

from todserve.corpora.spoken.spoken_material import Material
from todserve.corpora.spoken.spoken_turns import LabelledTurn, SpokenTurn, State, changed
from todserve.corpora.spoken.spoken_vocabulary import CLOCK
from todserve.runtime.language.dialogue import DONTCARE

Place = tuple[str, str]
"""A domain and a slot."""

_TWO = 0.18
_NEWEST = 0.75


def correct(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Correct one or two slots, mostly of what was said last."""
    pair = material.follower(chance)
    if pair is None:
        return None
    before, turn = pair
    state = turn.previous_state
    newest = _newest(before, state)
    places = [place for place in _correctable(material, state) if place in newest]
    late = not places or chance.random() > _NEWEST
    if late:
        places = _correctable(material, state)
    if not places:
        return None
    chosen = chance.sample(places, 2 if len(places) > 1 and chance.random() < _TWO else 1)
    changes: dict[Place, str | None] = {}
    new, old = [], []
    for domain, slot in chosen:
        value = material.vocabulary.another(domain, slot, state[domain][slot], chance)
        if value is None:
            return None
        changes[domain, slot] = value
        # A bare number is clear only where the state has no other.
        plain = 0.35 if _alone_of_shape(material, state, domain, slot) else 0.0
        new.append(material.speech.alone(domain, slot, value, chance, plain))
        old.append(material.speech.alone(domain, slot, state[domain][slot], chance, plain=0.8))
    if _unclear(material, state, chosen, newest):
        return None
    if len(chosen) > 1 and any(_has_sibling(material, state, *place) for place in chosen):
        return None
    target = changed(material.kept(state), changes)
    if _ends_meet(material, target):
        return None
    first = chosen[0]
    user = _corrected(material, turn, changes, new, old, late and first not in newest, chance)
    if user is None:
        return None
    same = {domain for domain, _ in chosen} == {domain for domain, _ in newest}
    return material.turn(
        "correct",
        turn,
        user,
        state=target,
        intent=before.intent if same else material.intent(first[0], [first[1]]),
        # What was right to ask before the correction is right to ask after it.
        acts=before.acts if same and _only_requests(before) else None,
        response=before.response if same and _only_requests(before) else None,
        database_token=before.database_token,
    )


def correct_service(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Correct a slot that several services have, saying which one is meant."""
    turn = material.answered(chance)
    if turn is None:
        return None
    state = turn.previous_state
    places = [
        (domain, slot)
        for domain, slot in _correctable(material, state)
        if len(_owners(material, state, domain, slot)) > 1
    ]
    if not places:
        return None
    domain, slot = chance.choice(places)
    old = state[domain][slot]
    value = material.vocabulary.another(domain, slot, old, chance)
    if value is None:
        return None
    user = material.wordings.pick(
        chance,
        "correct service",
        service=material.vocabulary.service_called(domain, chance),
        slot=material.vocabulary.called(domain, slot, chance),
        new=material.speech.alone(domain, slot, value, chance),
        old=material.speech.alone(domain, slot, old, chance, plain=0.8),
    )
    if user is None:
        return None
    target = changed(material.kept(state), {(domain, slot): value})
    return material.turn(
        "correct_service", turn, user, state=target, intent=material.intent(domain, [slot])
    )


def wrong_service(material: Material, chance: random.Random) -> SpokenTurn | None:
    """What was just set for one service was meant for another one."""
    pair = material.follower(chance)
    if pair is None:
        return None
    before, turn = pair
    state = turn.previous_state
    options = [
        (domain, slot, other)
        for domain, slot in _newest(before, state)
        for other in state
        if other != domain
        and _family(material, domain, slot) in _SHARED
        and material.vocabulary.schema.has(other, slot)
        and state[other].get(slot) not in (state[domain][slot],)
        and state[domain][slot] != DONTCARE
        and _may_take(material, other, slot, state[domain][slot])
    ]
    if not options or material.anew:
        return None
    domain, slot, other = chance.choice(options)
    value = state[domain][slot]
    # The values of the turn before may be others than the varied ones; absence is told by name.
    stood_before = slot in (before.previous_state.get(domain) or {})
    if stood_before:
        return None
    user = material.wordings.pick(
        chance,
        "wrong service",
        right=material.vocabulary.service_called(other, chance),
        wrong=material.vocabulary.service_called(domain, chance),
        value=material.speech.alone(domain, slot, value, chance, plain=0.6),
    )
    if user is None:
        return None
    target = changed(state, {(domain, slot): None, (other, slot): value})
    return material.turn(
        "wrong_service", turn, user, state=target, intent=material.intent(other, [slot])
    )


def way_round(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Departure and destination were mixed up."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    routes = [(domain, ends) for domain in state if (ends := _ends(material, state, domain))]
    if not routes:
        return None
    domain, (start, end) = routes[-1]
    origin, goal = state[domain][end], state[domain][start]
    if origin == goal or DONTCARE in (origin, goal):
        return None
    several = len(routes) > 1
    user = material.wordings.pick(
        chance,
        "way round service" if several else "way round",
        service=material.vocabulary.service_called(domain, chance),
        **{"from": origin, "to": goal},
    )
    if user is None:
        return None
    target = changed(state, {(domain, start): origin, (domain, end): goal})
    return material.turn(
        "way_round", turn, user, state=target, intent=material.intent(domain, [start, end])
    )


def swap_services(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Values of two services were mixed up, such as the days of two bookings."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    options = [
        (slot, one, other)
        for one in state
        for other in state
        if one < other
        for slot in state[one]
        if slot in state[other]
        and state[one][slot] != state[other][slot]
        and DONTCARE not in (state[one][slot], state[other][slot])
        and _family(material, one, slot) in _SHARED
        and _may_take(material, one, slot, state[other][slot])
        and _may_take(material, other, slot, state[one][slot])
    ]
    if not options:
        return None
    slot, one, other = chance.choice(options)
    if chance.random() < 0.5:
        one, other = other, one
    for_one, for_other = state[other][slot], state[one][slot]
    speech = material.speech
    user = material.wordings.pick(
        chance,
        "swap services",
        slot=material.vocabulary.called(one, slot, chance),
        one=material.vocabulary.service_called(one, chance),
        other=material.vocabulary.service_called(other, chance),
        a=speech.alone(one, slot, for_one, chance, plain=0.7),
        b=speech.alone(other, slot, for_other, chance, plain=0.7),
    )
    if user is None or ("of the two" in user or "those two" in user) and len(options) > 1:
        return None
    target = changed(state, {(one, slot): for_one, (other, slot): for_other})
    return material.turn("swap_services", turn, user, state=target)


def leave_or_arrive(material: Material, chance: random.Random) -> SpokenTurn | None:
    """A time was taken for the departure and meant for the arrival, or the other way round."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    options = []
    for domain in state:
        of = {_family(material, domain, slot): slot for slot in state[domain]}
        schema = material.vocabulary.schema
        every = {_family(material, domain, slot): slot for slot in schema.slots(domain)}
        for wrong, right in (("leave", "arrive"), ("arrive", "leave")):
            if wrong in of and right not in of and right in every:
                options.append((domain, of[wrong], every[right], wrong, right))
    options = [one for one in options if CLOCK.fullmatch(state[one[0]][one[1]])]
    if not options:
        return None
    domain, old, new, wrong, right = options[-1]
    value = state[domain][old]
    verbs = {
        name: chance.choice(material.wordings.phrases(f"{name} verbs") or (name,))
        for name in (wrong, right)
    }
    user = material.wordings.pick(
        chance,
        "leave or arrive",
        time=material.speech.alone(domain, old, value, chance, plain=0.6),
        right=verbs[right],
        wrong=verbs[wrong],
    )
    if user is None:
        return None
    target = changed(state, {(domain, old): None, (domain, new): value})
    return material.turn(
        "leave_or_arrive", turn, user, state=target, intent=material.intent(domain, [new])
    )


_NEVER_CORRECTED = frozenset({"parking", "internet", "flag"})
_SIBLINGS = (
    {"departure", "destination"},
    {"leave", "arrive"},
    {"leave", "time"},
    {"arrive", "time"},
)
_SHARED = frozenset({"area", "price", "day", "date", "people", "stay", "time", "stars", "food"})
"""Families whose values may belong to either of two services."""


def _family(material: Material, domain: str, slot: str) -> str:
    return material.vocabulary.family(domain, slot).name


def _correctable(material: Material, state: State) -> list[Place]:
    return [
        (domain, slot)
        for domain, slots in state.items()
        for slot, value in slots.items()
        if value != DONTCARE
        and material.vocabulary.speaks_of(domain, slot)
        and _family(material, domain, slot) not in _NEVER_CORRECTED
        and material.vocabulary.family(domain, slot).shape != "flag"
    ]


def _newest(before: LabelledTurn, state: State) -> list[Place]:
    """Return what the turn before set, of what ``state`` still has."""
    return [
        (domain, slot)
        for domain, slots in (before.state or {}).items()
        for slot, value in slots.items()
        if before.previous_state.get(domain, {}).get(slot) != value
        and slot in state.get(domain, {})
    ]


def _owners(material: Material, state: State, domain: str, slot: str) -> list[str]:
    family = _family(material, domain, slot)
    return [
        other
        for other, slots in state.items()
        if any(_family(material, other, one) == family for one in slots)
    ]


def _unclear(material: Material, state: State, chosen: list[Place], newest: list[Place]) -> bool:
    """Say whether a value by itself could be meant for a slot of another service.

    What was said last is meant, where only one slot of the kind was said last.
    """
    for domain, slot in chosen:
        owners = _owners(material, state, domain, slot)
        last = [
            place
            for place in newest
            if _family(material, *place) == _family(material, domain, slot)
        ]
        if len(owners) > 1 and last != [(domain, slot)]:
            return True
    return False


def _corrected(
    material: Material,
    turn: LabelledTurn,
    changes: dict[Place, str | None],
    new: list[str],
    old: list[str],
    late: bool,
    chance: random.Random,
) -> str | None:
    words = material.wordings
    (domain, slot), value = next(iter(changes.items()))
    if len(new) > 1:
        joined = words.pick(chance, "correct two", new=new[0], also=new[1])
        if joined is None:
            return None
        new, old = [joined], [words.pick(chance, "correct two", new=old[0], also=old[1]) or old[0]]
    kind = "correct"
    counted = _family(material, domain, slot) == "people" and new[0][:1].isdigit()
    if counted and " " in new[0] and len(changes) == 1 and chance.random() < 0.3:
        kind = "correct people"
    elif late and chance.random() < 0.6:
        kind = "correct later"
    wording = chance.choice(words.phrases(kind) or words.phrases("correct") or ("{new}",))
    said = new[0]
    told = "{old}" in wording or "{slot}" in wording
    if not told and len(changes) == 1 and _has_sibling(material, turn.previous_state, domain, slot):
        # "No, ely" could be either end of a journey; "no, to ely" is one.
        said = material.speech.after(domain, slot, value or "", chance)
    called = material.vocabulary.called(domain, slot, chance)
    return words.fill(wording, new=said, old=old[0], slot=called)


def _has_sibling(material: Material, state: State, domain: str, slot: str) -> bool:
    """Say whether another slot of the domain takes values like this one's."""
    family = _family(material, domain, slot)
    return any({family, _family(material, domain, other)} in _SIBLINGS for other in state[domain])


def _alone_of_shape(material: Material, state: State, domain: str, slot: str) -> bool:
    shape = material.vocabulary.family(domain, slot).shape
    if shape != "number":
        return True
    return (
        sum(
            material.vocabulary.family(other, one).shape == shape
            for other, slots in state.items()
            for one in slots
        )
        == 1
    )


def _only_requests(turn: LabelledTurn) -> bool:
    return bool(turn.acts) and all(act == "request" for _, act, _ in turn.acts or ())


def _may_take(material: Material, domain: str, slot: str, value: str) -> bool:
    closed = material.vocabulary.schema.values(domain, slot)
    return not closed or value in closed


def _ends(material: Material, state: State, domain: str) -> tuple[str, str] | None:
    of = {_family(material, domain, slot): slot for slot in state[domain]}
    if "departure" in of and "destination" in of:
        return of["departure"], of["destination"]
    return None


def _ends_meet(material: Material, state: State) -> bool:
    for domain in state:
        ends = _ends(material, state, domain)
        if ends is not None and state[domain][ends[0]] == state[domain][ends[1]]:
            return True
    return False
