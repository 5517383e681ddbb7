"""Withdrawals: turns that take something back, or say that any value will do.

Kinds of saying; what is withdrawn leaves the state, what is indifferent becomes ``dontcare``, all
else stays.
Example: ``staying with friends now so no room please`` takes the hotel out of the state.
"""

import random

from todserve.corpora.spoken.spoken_material import Material, start_of
from todserve.corpora.spoken.spoken_turns import NO_LOOK_UP, SpokenTurn, changed
from todserve.corpora.spoken.wordings import enumeration
from todserve.runtime.language.dialogue import DONTCARE, GENERAL

_ASKED_FOR = frozenset(
    {"people", "day", "stay", "time", "departure", "destination", "name", "date", "department"}
)
"""Families that a booking needs: nobody says that any will do."""

_MORE: tuple[tuple[str, str, str], ...] = ((GENERAL, "reqmore", ""),)


def withdraw(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Take back one or two slots while the rest stays."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    family = material.vocabulary.family
    # Only where a word means one slot of the state: "the price" of two services is neither.
    names = [
        (family(domain, slot).name, domain, slot) for domain in state for slot in state[domain]
    ]
    places = [
        (domain, slot)
        for name, domain, slot in names
        if name != "name" and sum(name == other for other, _, _ in names) == 1
    ]
    if not places:
        return None
    chosen = chance.sample(places, 2 if len(places) > 1 and chance.random() < 0.15 else 1)
    domain, slot = chosen[0]
    called = material.vocabulary.called(domain, slot, chance)
    value = state[domain][slot]
    if len(chosen) > 1:
        also = material.vocabulary.called(*chosen[1], chance)
        called = material.wordings.pick(chance, "withdraw two", slot=called, also=also) or called
    flag = family(domain, slot).shape == "flag" or value == DONTCARE or len(chosen) > 1
    said = called if flag else material.speech.alone(domain, slot, value, chance, plain=0.7)
    user = material.wordings.pick(
        chance, "withdraw", slot=called, value=f"the {said}" if flag else said
    )
    if user is None:
        return None
    target = changed(state, dict.fromkeys(chosen))
    return material.turn(
        "withdraw", turn, user, state=target, intent=material.intent(domain, [slot])
    )


def withdraw_service(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Take back a service, sometimes with the reason, sometimes for another wish."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    domain = chance.choice(list(state))
    service = material.vocabulary.service(domain)
    called = material.vocabulary.service_called(domain, chance)
    if service.reason and chance.random() < 0.5:
        reason = chance.choice(service.reason)
        user = material.wordings.pick(
            chance, "withdraw service reason", service=called, reason=reason
        )
    else:
        user = material.wordings.pick(chance, "withdraw service", service=called)
    if user is None:
        return None
    left = {other: dict(slots) for other, slots in state.items() if other != domain}
    if chance.random() < 0.4:
        found = material.service(chance, least=1, apart=state)
        if found is None:
            return None
        other, slots = found
        what = material.requests.what(other, slots, chance)
        # "No hotel and a park" would leave out both.
        wish = material.wordings.pick(chance, "open instead", what=what) or what
        user += chance.choice(material.wordings.phrases("and then") or (", ",)) + wish
        return material.turn(
            "withdraw_service",
            turn,
            user,
            state={**left, other: slots},
            intent=material.intent(other, slots),
            database_token=NO_LOOK_UP,
        )
    return material.small_talk_turn(
        "withdraw_service",
        turn,
        user,
        intent=GENERAL,
        acts=_MORE,
        response=material.wordings.pick(chance, "dropped reply"),
        state=left,
    )


def restart(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Take back everything, sometimes for a new wish in the same breath."""
    turn = material.answered(chance)
    user = material.wordings.pick(chance, "restart")
    if turn is None or user is None:
        return None
    if chance.random() < 0.4:
        opening = material.opening(chance)
        if opening is None:
            return None
        join = chance.choice(material.wordings.phrases("after restart") or (". ",))
        return material.turn(
            "restart",
            turn,
            user + join + opening.user,
            state=opening.state,
            intent=opening.intent,
            acts=opening.acts,
            response=opening.response,
            database_token=opening.database_token,
        )
    return material.small_talk_turn(
        "restart",
        turn,
        user,
        intent=GENERAL,
        acts=((GENERAL, "greet", ""),),
        response=material.wordings.pick(chance, "restarted reply"),
        state={},
    )


def rule_out(material: Material, chance: random.Random) -> SpokenTurn | None:
    """One venue will not do, any other will."""
    turn = material.answered(chance)
    if turn is None or material.anew:
        return None
    state = turn.previous_state
    named = [
        (domain, slot)
        for domain, slots in state.items()
        for slot, value in slots.items()
        if material.vocabulary.family(domain, slot).name == "name"
        and value != DONTCARE
        # A venue with nothing else said of it is what the user came for.
        and len(slots) > 1
    ]
    if not named:
        return None
    domain, slot = chance.choice(named)
    name = state[domain][slot]
    user = material.wordings.pick(chance, "rule out", name=name)
    if user is None:
        return None
    target = changed(state, {(domain, slot): None})
    return material.turn("rule_out", turn, user, state=target, intent=material.look_intent(domain))


def indifferent(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Answer a question for a slot by not minding."""
    pair = material.follower(chance)
    if pair is None:
        return None
    before, turn = pair
    asked = [
        (domain, slot)
        for domain, act, slot in before.acts or ()
        if act == "request"
        and material.vocabulary.schema.has(domain, slot)
        and slot not in turn.previous_state.get(domain, {})
    ]
    if not asked:
        return None
    domain, slot = asked[0]
    family = material.vocabulary.family(domain, slot)
    if any(material.vocabulary.family(*place).name in _ASKED_FOR for place in asked):
        return None
    called = material.vocabulary.called(domain, slot, chance)
    anything = chance.choice(family.any or ("any {called}",)).format(called=called)
    user = material.wordings.pick(chance, "indifferent", slot=called, any=anything)
    if user is None:
        return None
    target = changed(material.kept(turn.previous_state), {(domain, slot): DONTCARE})
    # Where the user's own answer was of the same slot, the dialogue went on as it would here.
    follows = turn.state is not None and turn.state.get(domain, {}).get(slot) == DONTCARE
    return material.turn(
        "indifferent",
        turn,
        user,
        state=target,
        intent=turn.intent if follows else before.intent,
        acts=turn.acts if follows and turn.state == target else None,
        response=turn.response if follows and turn.state == target else None,
    )


def indifferent_to(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Name one, two or three slots that do not matter, whether they were asked for or not."""
    pair = material.follower(chance)
    if pair is None or material.anew:
        return None
    before, turn = pair
    state = turn.previous_state
    news = [
        domain
        for domain, slots in (before.state or {}).items()
        if before.previous_state.get(domain) != slots
    ]
    if len(news) != 1 or news[0] not in state:
        return None
    domain = news[0]
    family = material.vocabulary.family
    open_slots = [
        slot
        for slot in material.vocabulary.schema.slots(domain)
        if family(domain, slot).name not in _ASKED_FOR
        and family(domain, slot).shape not in ("clock",)
        and material.vocabulary.values(domain, slot)
        and state[domain].get(slot) != DONTCARE
    ]
    if not open_slots or any(family(domain, slot).name == "name" for slot in state[domain]):
        return None
    chosen = chance.sample(open_slots, min(len(open_slots), chance.choice((1, 1, 2, 2, 3))))
    called = [material.vocabulary.called(domain, slot, chance) for slot in chosen]
    anys = [material.speech.alone(domain, slot, DONTCARE, chance) for slot in chosen]
    many = len(chosen) > 1
    user = material.wordings.pick(
        chance,
        "indifferent to",
        slots=enumeration(called, chance.choice((" and ", " or ", " and "))),
        anys=enumeration(anys),
        do="do" if many else "does",
        be="are" if many else "is",
        make="make" if many else "makes",
    )
    if user is None:
        return None
    target = changed(state, {(domain, slot): DONTCARE for slot in chosen})
    return material.turn(
        "indifferent_to", turn, user, state=target, intent=material.look_intent(domain)
    )


def restart_with(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Start over with a whole new wish."""
    turn = material.answered(chance)
    user = material.wordings.pick(chance, "restart")
    found = material.service(chance, least=1)
    if turn is None or user is None or found is None:
        return None
    domain, slots = found
    wish = material.requests.what(domain, slots, chance)
    opened = material.wordings.pick(chance, "open", what=wish) or wish
    return material.turn(
        "restart_with",
        start_of(turn) if chance.random() < 0.1 else turn,
        user + chance.choice(material.wordings.phrases("after restart") or (". ",)) + opened,
        state={domain: slots},
        intent=material.intent(domain, slots),
        database_token=NO_LOOK_UP,
    )
