"""The silver annotator: guesses acts and intents for MultiWOZ's train split, which has none.

`tod train multiwoz` runs it while it prepares the corpus. Two linear models learn from one half of
the annotated dev split (``dev-annotator``) how MultiWOZ's annotators labelled; scores are given on
the other half (``dev-held-out``), which they never see. Labels made here are guesses, never gold:
no figure of a dialogue model may be computed against them. Example: "what day would you like to
stay?" after a hotel search becomes ``hotel / request / day``.

Needs scikit-learn (``pip install todserve[train]``) to fit.

It looks at the words of a turn and at what the state says of it. All of that exists in the corpus's
train split too: texts, belief states and delexicalised replies, never a gold act or intent. Example
features of a reply: ``reply:[value_name]``, ``question:area``, ``changed:hotel-stars``.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from todserve.corpora.silver.linear_model import (
    LinearModel,
    best_threshold,
    fit_classes,
    fit_labels,
    vectorise,
)
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import (
    DELETED,
    GENERAL,
    BeliefState,
    Dialogue,
    DialogueAct,
    Turn,
    state_update,
)
from todserve.runtime.language.text import normalise

_TOKEN = re.compile(r"\[value_\w+\]|[a-z0-9]+(?:'[a-z]+)?|[?!]")
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A turn and the turns before it, from which its labels are guessed.

    Attributes:
        turn: the turn itself.
        changed: ``domain-slot`` of every slot the user changed in it.
        previous_domain: the domain last changed before this turn, None at first.
        domain: the domain changed last, this turn included.
        previous_reply: the delexicalised (or else plain) reply before it, "" at first.
        first: the dialogue's first turn.
    """

    turn: Turn
    changed: tuple[str, ...]
    previous_domain: str | None
    domain: str | None
    previous_reply: str
    first: bool


def scenes(dialogue: Dialogue) -> Iterator[Scene]:
    """Yield every turn with its past; domains come from state changes alone."""
    state: BeliefState = {}
    domain: str | None = None
    reply = ""
    for index, turn in enumerate(dialogue.turns):
        current = turn.belief_state if turn.belief_state is not None else state
        update = state_update(state, current)
        touched = [
            name for name, slots in update.items() if any(v != DELETED for v in slots.values())
        ]
        previous = domain
        domain = next((name for name in touched if name != previous), previous)
        yield Scene(
            turn=turn,
            changed=tuple(f"{name}-{slot}" for name in touched for slot in update[name]),
            previous_domain=previous,
            domain=domain,
            previous_reply=reply,
            first=index == 0,
        )
        state = current
        # Plain, so that labelling intents before and after delexicalisation is the same.
        reply = turn.system or ""


def intent_features(scene: Scene) -> list[str]:
    """Return the features of a user turn: its words, changed slots, domain before."""
    words = _words(scene.turn.user)
    found = [
        *_grams("user", words, 2),
        *_words_of("reply-end", _words(scene.previous_reply)[-12:]),
        *(f"state:{domain}" for domain in scene.turn.belief_state or {}),
        *(f"changed:{pair}" for pair in scene.changed),
        *(f"changed-domain:{pair.partition('-')[0]}" for pair in scene.changed),
        f"previous:{scene.previous_domain}",
        f"domain:{scene.domain}",
        f"first:{scene.first}",
        f"unchanged:{not scene.changed}",
    ]
    # "the phone number" asks about whatever domain the talk was about.
    found += [f"previous:{scene.previous_domain}&{word}" for word in set(words)]
    return found


def act_features(scene: Scene) -> list[str]:
    """Return the features of a reply: its words by sentence, its placeholders, the domain."""
    reply = normalise(scene.turn.delexicalised_response or "")
    words = _words(reply)
    found = [
        *_grams("reply", words, 3),
        *_grams("user", _words(scene.turn.user), 1),
        *(f"changed:{pair}" for pair in scene.changed),
        *(f"changed-slot:{pair.partition('-')[2]}" for pair in scene.changed),
        f"domain:{scene.domain}",
        f"active:{scene.turn.active_domain}",
    ]
    found += [f"domain:{scene.domain}&{word}" for word in set(words)]
    sentences = [one for one in _SENTENCE.split(reply) if one]
    values = Counter(word for word in words if word.startswith("["))
    matches = scene.turn.database_matches
    found += [
        *(f"{slot}:{min(count, 3)}" for slot, count in values.items()),
        f"values:{min(len(values), 5)}",
        f"sentences:{min(len(sentences), 5)}",
        f"matches:{matches if matches is None or matches < 3 else 'many'}",
    ]
    for index, sentence in enumerate(sentences):
        inside = _words(sentence)
        kind = "question" if sentence.endswith("?") else "statement"
        found += _grams(kind, inside, 2)
        if index == 0:
            found += _grams("opening", inside, 2)
        if index == len(sentences) - 1:
            found += _grams("closing", inside, 2)
        for slot in {word for word in inside if word.startswith("[")}:
            found += [f"{slot}&{word}" for word in set(inside) - {slot}]
    return found


def _words(text: str) -> list[str]:
    return _TOKEN.findall(normalise(text))


def _words_of(label: str, words: Iterable[str]) -> list[str]:
    return [f"{label}:{word}" for word in words]


def _grams(label: str, words: Sequence[str], longest: int) -> list[str]:
    framed = ["<", *words, ">"]
    return [
        f"{label}:{' '.join(framed[start : start + length])}"
        for length in range(1, longest + 1)
        for start in range(len(framed) - length + 1)
    ]


Label = tuple[str, str]
"""(act, slot): domains are predicted apart, so that all domains teach each other."""


class DevHalf(StrEnum):
    """Which half of the official dev split a dialogue belongs to."""

    ANNOTATOR = "dev-annotator"
    HELD_OUT = "dev-held-out"


def dev_half(dialogue_id: str) -> DevHalf:
    """Return the half, by a hash of the id that no reading order or Python version changes."""
    even = hashlib.sha256(dialogue_id.encode()).digest()[0] % 2 == 0
    return DevHalf.ANNOTATOR if even else DevHalf.HELD_OUT


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotator:
    """Guesses the labels of dialogues, having learnt from dialogues that people labelled.

    Attributes:
        intents: user turn -> intent.
        domains: reply -> the domain of its non-general acts.
        acts: reply -> a score for each (act, slot) pair seen in gold.
        order: label -> mean relative position in gold, which fixes the order of a reply's acts.
        seen: (domain, act, slot) of gold and how often.
        threshold: score from which a label is given, chosen by cross-validation within the half
            the annotator is fitted on.
    """

    intents: LinearModel
    domains: LinearModel
    acts: LinearModel
    order: dict[Label, float]
    seen: Counter[DialogueAct]
    threshold: float

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> "Annotator":
        """Learn from gold dialogues.

        Args:
            dialogues: enriched dialogues of the ``dev-annotator`` half, in train's wording, with
                gold acts and intents and replies delexicalised as train's will be.

        Raises:
            CorpusError: scikit-learn is missing, a dialogue is not of that half, or nothing in
                them is annotated.
        """
        examples: list[Scene] = []
        for dialogue in dialogues:
            if dialogue.split != "dev" or dev_half(dialogue.dialogue_id) is not DevHalf.ANNOTATOR:
                raise CorpusError(
                    f"dialogue {dialogue.dialogue_id!r} of {dialogue.split} is not of the "
                    f"{DevHalf.ANNOTATOR} half; fitting on it would spoil every later score"
                )
            examples.extend(scenes(dialogue))
        asked = [one for one in examples if one.turn.intent]
        answered = [
            one for one in examples if one.turn.dialogue_acts and one.turn.delexicalised_response
        ]
        if not asked or not answered:
            raise CorpusError(
                "nothing to fit on: no turn has an intent, or none has acts and a delexicalised "
                "reply; expected merged, enriched dialogues, see multiwoz.read_merged"
            )
        gold = [one.turn.dialogue_acts or () for one in answered]
        features = [act_features(one) for one in answered]
        labels = tuple(sorted({(act.act, act.slot) for acts in gold for act in acts}))
        vectoriser, matrix = vectorise(features)
        truth = _indicator(gold, labels)
        about = [
            (row, domain)
            for row, acts in zip(features, gold, strict=True)
            if (domain := _main_domain(acts)) is not None
        ] or [(features[0], GENERAL)]
        return cls(
            intents=fit_classes(
                [intent_features(one) for one in asked], [one.turn.intent or "" for one in asked]
            ),
            domains=fit_classes([row for row, _ in about], [domain for _, domain in about]),
            acts=fit_labels(vectoriser, matrix, truth, labels),
            order=_mean_positions(gold),
            seen=Counter(act for acts in gold for act in acts),
            threshold=best_threshold(vectoriser, matrix, truth, labels),
        )

    def annotate(self, dialogue: Dialogue) -> Dialogue:
        """Return the dialogue with silver intents, and acts where the reply is delexicalised.

        Gold labels stay. A turn without a reply gets no acts.
        """
        found = list(scenes(dialogue))
        intents = self.intents.classes([intent_features(one) for one in found])
        answered = [at for at, one in enumerate(found) if one.turn.delexicalised_response]
        acts = dict(zip(answered, self._acts([found[at] for at in answered]), strict=True))
        turns = tuple(
            replace(
                turn,
                intent=turn.intent if turn.intent is not None else intent,
                dialogue_acts=(
                    turn.dialogue_acts if turn.dialogue_acts is not None else acts.get(at)
                ),
            )
            for at, (turn, intent) in enumerate(zip(dialogue.turns, intents, strict=True))
        )
        return replace(dialogue, turns=turns)

    def _acts(self, answered: Sequence[Scene]) -> list[tuple[DialogueAct, ...]]:
        if not answered:
            return []
        features = [act_features(one) for one in answered]
        scores = self.acts.scores(features)
        return [
            self._spelled_out(row, domain)
            for row, domain in zip(scores, self.domains.classes(features), strict=True)
        ]

    def _spelled_out(self, scores: Any, domain: str) -> tuple[DialogueAct, ...]:
        # A reply always does something: its likeliest act stands when none is likely.
        chosen = [at for at, score in enumerate(scores) if score > self.threshold]
        chosen = chosen or [int(scores.argmax())]
        labels = sorted((self.acts.names[at] for at in chosen), key=lambda one: self.order[one])
        return tuple(self._placed(label, domain) for label in labels)

    def _placed(self, label: Label, domain: str) -> DialogueAct:
        """Give a label its domain; a pair the domain never had goes where it is usual."""
        act, slot = label
        placed = DialogueAct(domain=domain, act=act, slot=slot)
        if placed in self.seen:
            return placed
        usual = [(n, one.domain) for one, n in self.seen.items() if (one.act, one.slot) == label]
        return DialogueAct(domain=max(usual)[1], act=act, slot=slot)


def _indicator(gold: Sequence[Sequence[DialogueAct]], labels: Sequence[Label]) -> Any:
    """Return a (replies x labels) 0/1 matrix."""
    import numpy as np

    truth = np.zeros((len(gold), len(labels)), dtype=np.int8)
    columns = {label: at for at, label in enumerate(labels)}
    for row, acts in enumerate(gold):
        for act in acts:
            truth[row, columns[act.act, act.slot]] = 1
    return truth


def _main_domain(acts: Iterable[DialogueAct]) -> str | None:
    counted = Counter(act.domain for act in acts if act.domain != GENERAL)
    return counted.most_common(1)[0][0] if counted else None


def _mean_positions(gold: Iterable[Sequence[DialogueAct]]) -> dict[Label, float]:
    places: dict[Label, list[float]] = {}
    for acts in gold:
        for at, act in enumerate(acts):
            places.setdefault((act.act, act.slot), []).append(at / len(acts))
    return {label: sum(found) / len(found) for label, found in places.items()}
