"""Spoken material: a corpus's turns, sorted by what can be made of them.

The kinds of spoken turn draw from it. Everything is found once, when a run begins, so that a turn
is made in well under a millisecond.
Example: ``material.follower(chance)`` is a turn with the one before it.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from todserve.corpora.spoken.roughness import Roughness
from todserve.corpora.spoken.service_requests import Requests
from todserve.corpora.spoken.spoken_turns import (
    NO_LOOK_UP,
    Acts,
    History,
    LabelledTurn,
    SpokenTurn,
    State,
)
from todserve.corpora.spoken.spoken_values import Speech
from todserve.corpora.spoken.spoken_vocabulary import KnownValues, Vocabulary, plain_domain
from todserve.corpora.spoken.wordings import Wordings, enumeration
from todserve.runtime.language.dialogue import DONTCARE, GENERAL, OUT_OF_SCOPE
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise

Vary = Callable[[LabelledTurn, random.Random], LabelledTurn]
"""Gives a turn other values, in its texts and its states alike."""

_ANEW = 0.5
_AGREED = 0.6
_MOST_SERVICES = 6


class Material:
    """Turns of one language to speak from, and the words to do it in.

    Attributes:
        wordings: of the language.
        vocabulary: slots and values.
        speech: says values.
        requests: says whole wishes.
        rough: makes texts rough.
        anew: the corpus's states hold one turn alone; nothing of the state before stays.
        outside: utterances that no service here answers.
        greetings: how other corpora's people greet; the same for thanks and goodbyes.
    """

    def __init__(
        self,
        turns: Sequence[LabelledTurn],
        schema: Schema,
        wordings: Wordings,
        *,
        vary: Vary | None = None,
        known: KnownValues | None = None,
        outside: Sequence[str] = (),
        small_talk: Mapping[str, Sequence[str]] | None = None,
        near: Collection[str] = (),
        annotated: Collection[str] = ("state", "intent", "acts", "response"),
    ) -> None:
        """Sort ``turns``.

        Args:
            turns: of the corpora to speak from, each dialogue's in order.
            schema: of the run.
            wordings: of the turns' language.
            vary: gives the turn spoken into other values.
            known: values of slots that no turn has.
            outside: other corpora's utterances that no service here answers.
            small_talk: other corpora's utterances for ``greet``, ``thank`` and ``bye``.
            annotated: labels that some corpus of the run has; no turn gets others.
            near: words of one's own services: who says them is not surely outside.
        """
        self.wordings = wordings
        self.vocabulary = Vocabulary(schema, turns, wordings, known)
        self.speech = Speech(self.vocabulary)
        self.requests = Requests(self.speech)
        self.rough = Roughness(wordings)
        self.outside = outside
        self.small_talk = small_talk or {}
        self.near = frozenset(near)
        self._turns = turns
        self._vary = vary
        self._annotated = frozenset(annotated)
        self._followers = [at for at in range(1, len(turns)) if _follows(turns[at - 1], turns[at])]
        self._openings = [at for at, turn in enumerate(turns) if not turn.history and turn.state]
        self._answered = [
            at
            for at, turn in enumerate(turns)
            if turn.previous_state and turn.history and turn.history[-1][1]
        ]
        self._offers = [
            (domain, at)
            for at in self._followers
            if (domain := _offer(turns[at - 1], turns[at], self.vocabulary)) is not None
        ]
        self._services = _services_said(turns)
        self._service_names = list(self._services)
        self._intents = _intents_by_slot(turns)
        self.anew = _starts_anew(turns, self._followers)
        self.told = _told(turns, self.vocabulary)
        """Domain -> slots of its venues that replies tell."""
        self._offered = self.vocabulary.domains or tuple(schema.domains)
        words = {word for turn in turns[:5000] for word in turn.user.split() if word.isalpha()}
        self.words = sorted(word for word in words if len(word) > 3) or ["that"]
        """Some words of the utterances."""

    def any_turn(self, chance: random.Random) -> LabelledTurn:
        """Return any turn."""
        return self._varied(chance.choice(self._turns), chance)

    def base(self, chance: random.Random, fresh: float) -> LabelledTurn:
        """Return a turn to speak into: the start of a dialogue, with ``fresh``, or any point."""
        turn = chance.choice(self._turns)
        if not turn.history or chance.random() < fresh:
            return _Start(turn.dialogue_id, turn.corpus)
        return self._varied(turn, chance)

    def follower(self, chance: random.Random) -> tuple[LabelledTurn, LabelledTurn] | None:
        """Return a turn and, varied, the one after it; None where none follows another."""
        if not self._followers:
            return None
        at = chance.choice(self._followers)
        return self._turns[at - 1], self._varied(self._turns[at], chance)

    def neighbours(self, chance: random.Random) -> tuple[LabelledTurn, LabelledTurn] | None:
        """Return two turns after each other as they stand."""
        if not self._followers:
            return None
        at = chance.choice(self._followers)
        return self._turns[at - 1], self._turns[at]

    def answered(self, chance: random.Random) -> LabelledTurn | None:
        """Return a turn with a state and a reply before it."""
        if not self._answered:
            return None
        return self._varied(self._turns[chance.choice(self._answered)], chance)

    def offered(self, chance: random.Random) -> tuple[str, LabelledTurn] | None:
        """Return a domain and a turn before which the system offered one venue of it."""
        if not self._offers:
            return None
        domain, at = chance.choice(self._offers)
        return domain, self._varied(self._turns[at], chance)

    def opening(self, chance: random.Random) -> LabelledTurn | None:
        """Return a first turn of a dialogue that states something."""
        if not self._openings:
            return None
        return self._varied(self._turns[chance.choice(self._openings)], chance)

    def service(
        self, chance: random.Random, *, least: int = 2, apart: Iterable[str] = ()
    ) -> tuple[str, dict[str, str]] | None:
        """Return a domain and slots as some dialogue ended up with, some values exchanged.

        Args:
            chance: chooses.
            least: slots, at least.
            apart: domains that will not do.
        """
        names = [name for name in self._service_names if name not in set(apart)]
        for _ in range(6):
            if not names:
                return None
            domain = chance.choice(names)
            slots = dict(chance.choice(self._services[domain]))
            named = [slot for slot in slots if self._family(domain, slot) == "name"]
            if named and len(slots) > 2 and chance.random() < 0.5:
                del slots[named[0]]
            kept = {
                slot: value
                for slot, value in slots.items()
                if chance.random() < 0.88 and self.vocabulary.is_sayable(domain, slot, value)
            }
            if len(kept) >= least:
                return domain, self.vocabulary.varied(domain, kept, chance)[domain]
        return None

    def kept(self, state: State) -> State:
        """Return what a new turn keeps of the state before it."""
        return {} if self.anew else {domain: dict(slots) for domain, slots in state.items()}

    def intent(self, domain: str, slots: Iterable[str]) -> str | None:
        """Return the intent that turns with these new slots have; None where they disagree."""
        votes: Counter[str] = Counter()
        for slot in slots:
            votes.update(self._intents.get((domain, slot), {}))
        if not votes:
            return None
        best, count = votes.most_common(1)[0]
        return best if count >= _AGREED * votes.total() else None

    def look_intent(self, domain: str) -> str | None:
        """Return the commonest intent of a domain, which looks for something as a rule."""
        votes: Counter[str] = Counter()
        for (owner, _), counts in self._intents.items():
            if owner == domain:
                votes.update(counts)
        return votes.most_common(1)[0][0] if votes else None

    def services_named(self, chance: random.Random) -> str:
        """Return what can be helped with, for a reply: every word of it is true."""
        nouns = []
        for domain in self._offered:
            service = self.vocabulary.service(domain)
            noun = service.called[0].format(domain=plain_domain(domain))
            nouns.append(_plural(noun) if service.domains else noun)
        nouns = list(dict.fromkeys(nouns))
        if len(nouns) > _MOST_SERVICES:
            nouns = chance.sample(nouns, _MOST_SERVICES)
        return enumeration(nouns, self.wordings.pick(chance, "last of services") or " and ")

    def small_talk_turn(
        self,
        kind: str,
        base: LabelledTurn,
        user: str,
        *,
        intent: str,
        acts: Acts,
        response: str | None,
        state: State | None = None,
    ) -> SpokenTurn:
        """Return a turn for which nothing is looked up; it keeps the state if none is given."""
        return self.turn(
            kind,
            base,
            user,
            state=self.kept(base.previous_state) if state is None else state,
            intent=intent,
            acts=acts,
            response=response,
            database_token=NO_LOOK_UP,
        )

    def turn(
        self,
        kind: str,
        base: LabelledTurn,
        user: str,
        *,
        state: State | None,
        intent: str | None = None,
        acts: Acts | None = None,
        response: str | None = None,
        database_token: str | None = None,
        previous_state: State | None = None,
    ) -> SpokenTurn:
        """Return a turn spoken into the place of ``base``; labels the corpora lack are left out."""
        has = self._annotated
        return SpokenTurn(
            kind=kind,
            dialogue_id=base.dialogue_id,
            corpus=base.corpus,
            history=base.history,
            previous_state=base.previous_state if previous_state is None else previous_state,
            user=normalise(user),
            state=state if "state" in has else None,
            intent=intent if "intent" in has else None,
            acts=acts if "acts" in has else None,
            response=response if "response" in has else None,
            database_token=base.database_token if database_token is None else database_token,
        )

    def _varied(self, turn: LabelledTurn, chance: random.Random) -> LabelledTurn:
        return turn if self._vary is None else self._vary(turn, chance)

    def _family(self, domain: str, slot: str) -> str:
        return self.vocabulary.family(domain, slot).name


class _Start:
    """The start of a dialogue, before anything was said."""

    history: History = ()
    user = ""
    state: State | None = None
    intent: str | None = None
    acts: Acts | None = None
    response: str | None = None
    database_token = NO_LOOK_UP

    def __init__(self, dialogue_id: str, corpus: str) -> None:
        self.dialogue_id = dialogue_id
        self.corpus = corpus
        self.previous_state: State = {}


def start_of(turn: LabelledTurn) -> LabelledTurn:
    """Return the start of a dialogue of the same corpus."""
    return _Start(turn.dialogue_id, turn.corpus)


def _follows(first: LabelledTurn, second: LabelledTurn) -> bool:
    return (
        first.dialogue_id == second.dialogue_id
        and first.corpus == second.corpus
        and len(second.history) == len(first.history) + 1
        and second.history[-1][0] == first.user
        and bool(second.previous_state)
        and first.state == second.previous_state
    )


def _offer(first: LabelledTurn, second: LabelledTurn, vocabulary: Vocabulary) -> str | None:
    """Return the domain of the one venue that the reply between two turns named."""
    named = {
        (domain, slot)
        for domain, _, slot in first.acts or ()
        if slot and vocabulary.family(domain, slot).name == "name"
    }
    if len(named) != 1:
        return None
    domain, slot = named.pop()
    return domain if second.history[-1][2].count(f"[value_{slot}]") == 1 else None


def _services_said(turns: Sequence[LabelledTurn]) -> dict[str, list[dict[str, str]]]:
    """Return the slots each domain ended up with in every dialogue."""
    last: dict[tuple[str, str], State] = {}
    for turn in turns:
        if turn.state:
            last[turn.corpus, turn.dialogue_id] = turn.state
    found: dict[str, list[dict[str, str]]] = {}
    for state in last.values():
        for domain, slots in state.items():
            said = {slot: value for slot, value in slots.items() if "|" not in value}
            if said:
                found.setdefault(domain, []).append(said)
    return found


def _intents_by_slot(turns: Sequence[LabelledTurn]) -> dict[tuple[str, str], Counter[str]]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for turn in turns:
        if turn.intent is None or turn.state is None or turn.intent in (GENERAL, OUT_OF_SCOPE):
            continue
        news = {
            domain
            for domain, slots in turn.state.items()
            if turn.previous_state.get(domain) != slots
        }
        if len(news) != 1:
            continue
        domain = news.pop()
        before = turn.previous_state.get(domain, {})
        for slot, value in turn.state[domain].items():
            if before.get(slot) != value and value != DONTCARE:
                counts.setdefault((domain, slot), Counter())[turn.intent] += 1
    return counts


def _told(turns: Sequence[LabelledTurn], vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    counts: Counter[tuple[str, str]] = Counter()
    for turn in turns:
        for domain, act, slot in turn.acts or ():
            if act == "inform" and slot and f"[value_{slot}]" in (turn.response or ""):
                counts[domain, slot] += 1
    found: dict[str, tuple[str, ...]] = {}
    for domain in dict.fromkeys(domain for domain, _ in counts):
        slots = [slot for owner, slot in counts if owner == domain]
        slots += [slot for slot in vocabulary.schema.slots(domain) if slot not in slots]
        asked = tuple(slot for slot in slots if vocabulary.family(domain, slot).asked)
        found[domain] = tuple(
            slot
            for slot in asked
            if counts[domain, slot] or not vocabulary.family(domain, slot).told
        )
    return found


def _starts_anew(turns: Sequence[LabelledTurn], followers: Sequence[int]) -> bool:
    kept = lost = 0
    for at in followers[:2000]:
        turn = turns[at]
        if turn.state is None:
            continue
        for domain, slots in turn.previous_state.items():
            for slot in slots:
                if slot in turn.state.get(domain, {}):
                    kept += 1
                else:
                    lost += 1
    return lost > _ANEW * (kept + lost)


def _plural(noun: str) -> str:
    if noun.endswith("us"):
        return f"{noun}es"
    if noun.endswith("s") or not noun.isascii() or noun in ("police", "music", "weather", "media"):
        return noun
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"
