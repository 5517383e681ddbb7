"""The maker of spoken turns: draws a kind of turn, makes it of the corpora's, and roughens it.

Training calls it for every epoch that is to have spoken turns. What it makes is a function of the
chance given alone, so the same seed makes the same turns in whatever number of processes.
Example: ``SpokenTurns(turns, schema, settings).at(seed=7, epoch=0, index=12)``.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from todserve.corpora.spoken.spoken_kinds import KINDS
from todserve.corpora.spoken.spoken_material import Material, Vary
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.corpora.spoken.spoken_turns import LabelledTurn, SpokenTurn
from todserve.corpora.spoken.spoken_vocabulary import KnownValues, words_of_name
from todserve.corpora.spoken.wordings import Wordings, language_of
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise

_TRIES = 12
_SMALL_TALK = ("greet", "thank", "bye")
_LABELS = ("state", "intent", "acts", "response")
_WORD = re.compile(r"[^\W\d_]+")


class SpokenTurns:
    """Makes turns of what people really say, from any labelled turns.

    Attributes:
        kinds: names of the kinds that the turns and their language allow.
    """

    def __init__(
        self,
        turns: Sequence[LabelledTurn],
        schema: Schema,
        settings: Spoken,
        *,
        vary: Vary | None = None,
        known: KnownValues | None = None,
    ) -> None:
        """Sort the turns; nothing is made yet.

        Args:
            turns: of all corpora of the run, each dialogue's in order.
            schema: of the run.
            settings: how much, and of which kinds.
            vary: gives the turn spoken into other values, such as the augmentation's.
            known: values of slots that no turn has, such as those of a database.

        Raises:
            ConfigError: no turn has a belief state or an intent to speak from.
        """
        self._settings = settings
        sources, outside = _sources(turns, settings)
        if not sources:
            raise ConfigError(
                f"`spoken` finds no turns to speak from among {len(turns)}; expected turns with "
                "a belief state or an intent: name their corpora in `spoken.corpora`"
            )
        annotated = frozenset(
            name for name in _LABELS if any(getattr(turn, name) not in (None, ()) for turn in turns)
        )
        by_language: dict[str, list[LabelledTurn]] = {}
        for turn in sources:
            first = turn.history[0][0] if turn.history else turn.user
            by_language.setdefault(language_of(first), []).append(turn)
        self._materials: list[Material] = []
        self._sizes: list[int] = []
        for language, own in sorted(by_language.items()):
            wordings = Wordings.load(language)
            far, small_talk = _elsewhere(outside, wordings, schema, own)
            near = own_words(wordings, schema, own)
            self._materials.append(
                Material(
                    own,
                    schema,
                    wordings,
                    vary=vary,
                    known=known,
                    outside=far,
                    near=near,
                    annotated=annotated,
                    small_talk=small_talk,
                )
            )
            self._sizes.append(len(own))
        weights = {name: kind.weight * settings.kinds.get(name, 1) for name, kind in KINDS.items()}
        self._weights = {name: weight for name, weight in weights.items() if weight > 0}
        if not self._weights:
            raise ConfigError("`spoken.kinds` leaves out every kind; expected one at least")
        self.kinds = tuple(self._weights)

    def at(
        self, *, seed: int, epoch: int, index: int, kind: str | None = None
    ) -> SpokenTurn | None:
        """Return the turn of a place in an epoch; the same for the same numbers."""
        return self(random.Random(f"{seed}/spoken/{epoch}/{index}/{kind or ''}"), kind)

    def __call__(self, chance: random.Random, kind: str | None = None) -> SpokenTurn | None:
        """Return one turn, of ``kind`` if it is given; None where the turns do not allow any."""
        material = chance.choices(self._materials, self._sizes)[0]
        names, weights = list(self._weights), list(self._weights.values())
        for _ in range(_TRIES):
            name = kind or chance.choices(names, weights)[0]
            for _ in range(_TRIES):
                turn = KINDS[name].make(material, chance)
                if turn is not None and turn.user:
                    return self._roughened(turn, material, chance)
        return None

    def _roughened(self, turn: SpokenTurn, material: Material, chance: random.Random) -> SpokenTurn:
        share = KINDS[turn.kind].rough
        if share is not None and chance.random() >= share * self._settings.rough:
            return turn
        text = material.rough(
            turn.user, chance, keep=_names(turn, material), time=material.speech.time
        )
        return replace(turn, user=normalise(text) or turn.user)


def _names(turn: SpokenTurn, material: Material) -> set[str]:
    """Return the words of new or withdrawn names, which nobody could guess from a misspelling."""
    words: set[str] = set()
    state = turn.state or {}
    for one, other in ((state, turn.previous_state), (turn.previous_state, state)):
        for domain, slots in one.items():
            known = other.get(domain, {})
            for slot, value in slots.items():
                ways = material.speech.ways(domain, slot, value)
                if known.get(slot) != value and not (ways.alone or ways.before or ways.noun):
                    words.update(_WORD.findall(value))
    return words


def _sources(
    turns: Sequence[LabelledTurn], settings: Spoken
) -> tuple[list[LabelledTurn], list[LabelledTurn]]:
    """Return the turns to speak from and those of corpora that lie outside."""
    apart = set(settings.outside) - set(settings.corpora)
    if settings.corpora:
        chosen = [turn for turn in turns if turn.corpus in settings.corpora]
    else:
        stated = {turn.corpus for turn in turns if turn.state}
        chosen = [turn for turn in turns if turn.corpus in stated]
        if not chosen:  # intents alone: greetings and what lies outside can still be made
            chosen, apart = list(turns), set()
    names = {turn.corpus for turn in chosen}
    return chosen, [turn for turn in turns if turn.corpus in apart and turn.corpus not in names]


def _elsewhere(
    outside: Iterable[LabelledTurn],
    wordings: Wordings,
    schema: Schema,
    own: Sequence[LabelledTurn],
) -> tuple[list[str], dict[str, list[str]]]:
    """Return utterances that lie outside, and small talk, of other corpora."""
    intents = wordings.outside.get("intents", {})
    small_talk: dict[str, list[str]] = {}
    far: list[str] = []
    of = {name: set(intents.get(name, ())) for name in (*_SMALL_TALK, "neither")}
    near = own_words(wordings, schema, own)
    for turn in outside:
        if turn.history or language_of(turn.user) != wordings.language:
            continue
        label = words_of_name(turn.intent or "")
        talk = next((name for name in _SMALL_TALK if label in of[name]), None)
        if talk is not None:
            small_talk.setdefault(talk, []).append(turn.user)
        elif label not in of["neither"] and not near & set(_WORD.findall(turn.user)):
            far.append(turn.user)
    return far, small_talk


def own_words(wordings: Wordings, schema: Schema, own: Sequence[LabelledTurn]) -> frozenset[str]:
    """Return words that may be of one's own services: who says them is not surely outside."""
    domains = {domain for turn in own for domain in turn.state or {}} or set(schema.domains)
    words: set[str] = set()
    for offered in schema.services:
        if offered.name in domains:
            for name in (offered.name, *offered.intents):
                words.update(words_of_name(name).split())
    for domain in domains:
        for service in wordings.services.values():
            if any(f" {name} " in f" {words_of_name(domain)} " for name in service.domains):
                for noun in service.called:
                    words.update(noun.split())
    words -= set(wordings.outside.get("generic", ()))
    singular = {word.removesuffix("s") for word in words}
    return frozenset(word for word in words | singular if len(word) > 2)
