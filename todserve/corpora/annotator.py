"""SILVER acts and intents for MultiWOZ's train split, which has neither.

Stands between the readers and training. Two linear models learn from one half of the annotated
dev split (``dev-annotator``) how MultiWOZ's annotators labelled; scores are given on the other
half (``dev-held-out``), which they never see. Labels made here are guesses, never gold: no figure
of a dialogue model may be computed against them. Example: "what day would you like to stay?"
after a hotel search becomes ``hotel / request / day``.

Needs scikit-learn (``pip install todserve[training]``) to fit.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from todserve.corpora.annotator_features import Scene, act_features, intent_features, scenes
from todserve.corpora.linear import LinearModel, best_threshold, fit_classes, fit_labels, vectorise
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct

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
    """Fitted on gold dialogues, labels others.

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
