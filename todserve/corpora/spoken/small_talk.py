"""Small talk: turns outside every service, after which the state stays as it is.

Kinds of saying: greetings, thanks, goodbyes, a bare yes or no at the start, and everything that no
service of the schema does: other corpora's utterances, the weather, other cities and languages,
gibberish, manipulation.
Example: ``will it rain later?`` has the intent ``out_of_scope`` and changes nothing.
"""

import random
import re
from typing import Any

from todserve.corpora.spoken.spoken_material import Material
from todserve.corpora.spoken.spoken_turns import Acts, SpokenTurn
from todserve.corpora.spoken.spoken_vocabulary import words_of_name
from todserve.runtime.language.dialogue import GENERAL, OUT_OF_SCOPE

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "jkl", "sdf", "dfgh")
_JAMO = "ㅁㄴㅇㄹㅎㅋㅌㅊㅍㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅗㅓㅏㅣㅠㅜㅡ"
_SIGNS = "!?#$%&*()_+-=/.,;:'\"~^|{}"
_FROM_OTHERS = 0.3
_WORD = re.compile(r"[^\W\d_]+")
_SURELY_OUTSIDE = frozenset({"city", "foreign", "manipulation"})
"""What lies outside whichever words of one's own it has."""

GREET: Acts = ((GENERAL, "greet", ""),)
WELCOME: Acts = ((GENERAL, "welcome", ""), (GENERAL, "reqmore", ""))
BYE: Acts = ((GENERAL, "bye", ""),)
OUTSIDE: Acts = ((GENERAL, OUT_OF_SCOPE, ""),)


def greet(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Greet, or ask what this is for."""
    return _talk(material, chance, "greet", GREET, fresh=0.8)


def thank(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Thank, in the middle of a dialogue as a rule."""
    return _talk(material, chance, "thank", WELCOME, fresh=0.1)


def bye(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say goodbye."""
    return _talk(material, chance, "bye", BYE, fresh=0.1)


def bare(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say yes, no or ok before anything was asked, which says nothing."""
    base = material.base(chance, fresh=1.0)
    user = material.wordings.pick(chance, "bare")
    if user is None:
        return None
    return material.small_talk_turn(
        "bare",
        base,
        user,
        intent=GENERAL,
        acts=GREET,
        response=_reply(material, chance, "greet reply"),
    )


def outside(material: Material, chance: random.Random) -> SpokenTurn | None:
    """Say what no service does."""
    words = material.wordings.outside
    if not words:
        return None
    shares = {
        name: share
        for name, share in words["shares"].items()
        if name == "gibberish"
        or (material.outside if name == "corpora" else words.get(name))
        and (name != "city" or not _anywhere(material))
        and name not in material.near
    }
    source = chance.choices(list(shares), list(shares.values()))[0]
    if source == "corpora":
        user = chance.choice(material.outside)
    elif source == "gibberish":
        user = _gibberish(material.wordings.language, chance)
    else:
        user = _filled(chance.choice(words[source]), words, material, chance)
        if source not in _SURELY_OUTSIDE and material.near & set(_WORD.findall(user)):
            return None
    base = material.base(chance, fresh=0.5)
    return material.small_talk_turn(
        "outside",
        base,
        user,
        intent=OUT_OF_SCOPE,
        acts=OUTSIDE,
        response=_reply(material, chance, "outside reply"),
    )


def _talk(
    material: Material, chance: random.Random, kind: str, acts: Acts, *, fresh: float
) -> SpokenTurn | None:
    base = material.base(chance, fresh)
    others = material.small_talk.get(kind, ())
    if others and chance.random() < _FROM_OTHERS:
        user: str | None = chance.choice(others)
    else:
        user = material.wordings.pick(chance, kind, word=chance.choice(material.words))
    if kind == "bye" and user is not None and chance.random() < 0.2:
        thanks = material.wordings.pick(chance, "thank", word=chance.choice(material.words))
        user = f"{thanks}{chance.choice((', ', '. ', ' '))}{user}"
    if user is None:
        return None
    return material.small_talk_turn(
        kind,
        base,
        user,
        intent=GENERAL,
        acts=acts,
        response=_reply(material, chance, f"{kind} reply"),
    )


def _reply(material: Material, chance: random.Random, name: str) -> str | None:
    return material.wordings.pick(chance, name, services=material.services_named(chance))


def _filled(text: str, words: Any, material: Material, chance: random.Random) -> str:
    for name, plural in (
        ("city", "cities"),
        ("thing", "things"),
        ("when", "when"),
        ("object", "object"),
    ):
        if f"{{{name}}}" in text:
            text = text.replace(f"{{{name}}}", chance.choice(words[plural]))
    while "{word}" in text:
        text = text.replace("{word}", chance.choice(material.words), 1)
    return text


def _anywhere(material: Material) -> bool:
    """Say whether a service is found in any city, so that none lies outside."""
    schema = material.vocabulary.schema
    return any(
        {"city", "location"} & set(words_of_name(slot).split()) and not schema.values(domain, slot)
        for domain in material.vocabulary.domains
        for slot in schema.slots(domain)
    )


def _gibberish(language: str, chance: random.Random) -> str:
    def string(letters: str, least: int, most: int) -> str:
        return "".join(chance.choice(letters) for _ in range(chance.randint(least, most)))

    kind = chance.random()
    if language == "ko" and kind < 0.5:
        return " ".join(string(_JAMO, 2, 7) for _ in range(chance.randint(1, 3)))
    if kind < 0.35:
        return " ".join(string(_LETTERS, 2, 9) for _ in range(chance.randint(1, 4)))
    if kind < 0.6:
        row = chance.choice(_ROWS)
        return " ".join(string(row, 3, 8) for _ in range(chance.randint(1, 3)))
    if kind < 0.75:
        return string("0123456789", 5, 14)
    if kind < 0.87:
        return chance.choice(_LETTERS + "?!.,;") * chance.randint(1, 12)
    return string(_SIGNS, 1, 10)
