"""Whole bookings: turns with a whole booking in one sentence, or with several services at once.

Kinds of saying, worded anew from the slots some dialogue ended up with, or by joining turns that
follow each other.
Example: ``a museum in the west and a cheap indian in the centre``.
"""

import random

from todserve.corpora.spoken.spoken_material import Material, start_of
from todserve.corpora.spoken.spoken_turns import NO_LOOK_UP, LabelledTurn, SpokenTurn, State
from todserve.runtime.language.dialogue import DONTCARE

_NOUN_LAST = 0.12
_LONGEST_MERGED = 260
_YES_OR_NO = (
    "yes",
    "no",
    "ok",
    "okay",
    "sure",
    "thank",
    "thanks",
    "great",
    "that",
    "it",
    "perfect",
)
_BOOKED_BY = frozenset({"people", "stay", "time"})


def at_once(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say all slots of a service in one utterance."""
    return _request("at_once", material, chance, least=2)


def wish(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say one or two slots, in uncommon words as a rule."""
    found = material.service(chance, least=1)
    if found is None:
        return None
    domain, slots = found
    drawn = chance.sample(list(slots), min(len(slots), chance.choice((1, 1, 2))))
    chosen = {slot: slots[slot] for slot in drawn}
    what = material.requests.what(domain, chosen, chance)
    user = material.wordings.pick(chance, "open", what=what) or what
    food = [slot for slot in chosen if material.vocabulary.family(domain, slot).name == "food"]
    if food and chosen[food[0]] != DONTCARE and chance.random() < 0.7:
        dish = material.speech.alone(domain, food[0], chosen[food[0]], chance, plain=0.2)
        craved = material.wordings.pick(chance, "wish food", food=dish)
        rest = {slot: value for slot, value in chosen.items() if slot != food[0]}
        if craved is not None:
            said = [craved.rstrip("?"), *material.requests.fragments(domain, rest, chance)]
            user = chance.choice((" ", ", ")).join(said)
    return _stated("wish", material, material.base(chance, 0.6), user, {domain: chosen})


def nothing_yet(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for a service and say nothing else of it: the state stays as it is."""
    if not material.vocabulary.domains:
        return None
    domain = chance.choice(material.vocabulary.domains)
    what = material.requests.what(domain, {}, chance)
    bare = material.requests.what(domain, {}, chance, article=False)
    user = material.wordings.pick(chance, "open nothing", what=what, bare=bare)
    base = material.base(chance, 0.6)
    if user is None or domain in base.previous_state:
        return None
    return material.turn(
        "nothing_yet",
        base,
        user,
        state=material.kept(base.previous_state),
        intent=material.look_intent(domain),
        database_token=NO_LOOK_UP,
    )


def mended_inside(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say a value wrong and put it right in the same sentence."""
    return _request("mended_inside", material, chance, least=1, mended=True)


def listed(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Give all slots as a list, with dashes, arrows or in the style of a telegram."""
    found = material.service(chance, least=3)
    if found is None:
        return None
    domain, slots = found
    user = material.requests.listed(domain, slots, chance)
    return _stated("listed", material, material.base(chance, 0.75), user, {domain: slots})


def two_services(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Ask for two services in one utterance, each with its own values."""
    first = material.service(chance, least=1)
    second = material.service(chance, least=1, apart=[first[0]]) if first else None
    if first is None or second is None:
        return None
    texts = [material.requests.what(domain, slots, chance) for domain, slots in (first, second)]
    joined = chance.choice(material.wordings.phrases("also") or (" and ",)).join(texts)
    user = material.wordings.pick(chance, "open", what=joined) or joined
    base = material.base(chance, 0.8)
    return _stated("two_services", material, base, user, dict([first, second]))


def story(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Bury a request in a long story."""
    found = material.service(chance, least=1)
    before = material.wordings.phrases("story before")
    after = material.wordings.phrases("story after")
    if found is None or not before or not after:
        return None
    domain, slots = found
    what = material.requests.what(domain, slots, chance)
    wanted = material.wordings.pick(chance, "story open", what=what)
    wanted = wanted or material.wordings.pick(chance, "open", what=what) or what
    user = f"{chance.choice(before)} {wanted}. {chance.choice(after)}"
    return _stated("story", material, material.base(chance, 0.8), user, {domain: slots})


def merged(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say in one turn what a user said in two, where the reply between only asked."""
    pair = material.neighbours(chance)
    if pair is None or material.anew:
        return None
    before, turn = pair
    if (
        not before.acts
        or all(act != "request" for _, act, _ in before.acts)
        or turn.state is None
        or turn.state == turn.previous_state
        or len(before.user) + len(turn.user) > _LONGEST_MERGED
        or turn.user.split(maxsplit=1)[0].strip(".,!") in _YES_OR_NO
        # What answers a question is clear alone only where it holds the value itself.
        or not _says_its_values(turn)
    ):
        return None
    join = chance.choice(material.wordings.phrases("merge") or (". ",))
    return material.turn(
        "merged",
        before,
        before.user.rstrip(" .,?!") + join + turn.user,
        state=turn.state,
        intent=turn.intent,
        acts=turn.acts,
        response=turn.response,
        database_token=turn.database_token,
    )


def _request(
    kind: str, material: Material, chance: random.Random, *, least: int, mended: bool = False
) -> SpokenTurn | None:
    found = material.service(chance, least=least)
    if found is None:
        return None
    domain, slots = found
    slot = None
    if mended:
        family = material.vocabulary.family
        fit = [
            slot
            for slot, value in slots.items()
            if family(domain, slot).shape != "flag"
            and material.vocabulary.another(domain, slot, value, chance) is not None
            and value in material.vocabulary.values(domain, slot)
        ]
        if not fit:
            return None
        slot = chance.choice(fit)
    noun_last = slot is None and chance.random() < _NOUN_LAST
    what = material.requests.what(domain, slots, chance, mended=slot, noun_last=noun_last)
    booked = any(material.vocabulary.family(domain, one).name in _BOOKED_BY for one in slots)
    opened = "open booking" if booked and chance.random() < 0.3 else "open"
    user = what if noun_last else material.wordings.pick(chance, opened, what=what) or what
    return _stated(kind, material, material.base(chance, 0.75), user, {domain: slots})


def _stated(
    kind: str, material: Material, base: LabelledTurn, user: str, news: State
) -> SpokenTurn:
    if set(base.previous_state) & set(news):
        # A wish for a service that is spoken of already would have to be told from a correction.
        base = start_of(base)
    intent = None
    if len(news) == 1:
        domain, slots = next(iter(news.items()))
        intent = material.intent(domain, slots)
    return material.turn(
        kind,
        base,
        user,
        state={**material.kept(base.previous_state), **news},
        intent=intent,
        database_token=NO_LOOK_UP,
    )


def _says_its_values(turn: LabelledTurn) -> bool:
    return any(
        value in turn.user
        for domain, slots in (turn.state or {}).items()
        for slot, value in slots.items()
        if turn.previous_state.get(domain, {}).get(slot) != value
    )
