"""HeldOutErrors: what a finished training got wrong on the examples put aside, with the sentences.

`held_out_scores` writes it at the end of a training, in the words that Rasa's users know: an intent
report, which intents are taken for which, how sure the right and the wrong answers were, entities,
and every error. The sentences are the trainer's own, so the file lies beside the checkpoint, not in
it where an archive would carry it away, and only its owner may read it.
Example: ``runs/our-bot/errors.json``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from todserve.evaluation.figures import f1, share
from todserve.evaluation.metrics.belief_scores import slots_of
from todserve.evaluation.rollout import Outcome
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.private_files import private_file
from todserve.runtime.whole_files import written_whole

ERRORS_FILE = "errors.json"
_BARS = 10
_WIDTH = 30
_SHOWN = 5
_NOTHING: tuple[frozenset["Triple"], frozenset["Triple"]] = (frozenset(), frozenset())

Triple = tuple[str, str, str]
"""(domain, slot, value)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOutIntent:
    """What an utterance was taken to mean: its label, the answer, how sure it was."""

    utterance: str
    label: str
    taken_for: str
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityTurn:
    """What a turn newly says: the labelled slots, those that were found, and the words."""

    utterance: str
    expected: frozenset[Triple]
    found: frozenset[Triple]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOutErrors:
    """The intents and entities of the turns put aside, as they were understood.

    Attributes:
        intents: of every labelled utterance.
        entities: of every turn with a labelled state.
    """

    intents: Sequence[HeldOutIntent]
    entities: Sequence[EntityTurn]

    @classmethod
    def of(
        cls, intents: Sequence[HeldOutIntent], outcomes: Sequence[Outcome], schema: Schema
    ) -> "HeldOutErrors":
        """Return what was understood of rolled-out turns beside the judged intents."""
        return cls(intents=intents, entities=tuple(_entity_turns(outcomes, schema)))

    @property
    def mistakes(self) -> tuple[tuple[str, str, int], ...]:
        """Return (label, taken for, how often), the most frequent first."""
        wrong = Counter(
            (one.label, one.taken_for) for one in self.intents if one.label != one.taken_for
        )
        return tuple(
            (*pair, wrong[pair]) for pair in sorted(wrong, key=lambda one: (-wrong[one], one))
        )

    @property
    def histogram(self) -> tuple[tuple[float, int, int], ...]:
        """Return (lowest confidence, right, wrong) of bars of equal width, the surest first."""
        bars = [[0, 0] for _ in range(_BARS)]
        for one in self.intents:
            place = min(int(one.confidence * _BARS), _BARS - 1)
            bars[place][one.label != one.taken_for] += 1
        return tuple((low / _BARS, bars[low][0], bars[low][1]) for low in reversed(range(_BARS)))

    def entity_scores(self) -> Mapping[str, Any]:
        """Return precision, recall and F1 of what turns newly say, and of how many labels."""
        right = sum(len(one.expected & one.found) for one in self.entities)
        found = sum(len(one.found) for one in self.entities)
        expected = sum(len(one.expected) for one in self.entities)
        return {
            "precision": share(right, found),
            "recall": share(right, expected),
            "f1": f1(right, found, expected),
            "of": expected,
        }

    def content(self) -> dict[str, Any]:
        """Return all of it as JSON holds it, what went wrong most first."""
        wrong = [one for one in self.intents if one.label != one.taken_for]
        return {
            "intents": {
                "of": len(self.intents),
                "accuracy": share(len(self.intents) - len(wrong), len(self.intents)),
                "report": _intent_report(self.intents),
                "confusions": [
                    {"intent": label, "taken_for": taken, "count": count}
                    for label, taken, count in self.mistakes
                ],
                "histogram": [
                    {"from": low, "to": low + 1 / _BARS, "right": right, "wrong": missed}
                    for low, right, missed in self.histogram
                ],
                "errors": [
                    {
                        "text": one.utterance,
                        "intent": one.label,
                        "taken_for": one.taken_for,
                        "confidence": round(one.confidence, 4),
                    }
                    for one in sorted(wrong, key=lambda one: -one.confidence)
                ],
            },
            "entities": {
                **self.entity_scores(),
                "errors": [
                    {
                        "text": one.utterance,
                        "missed": _written(one.expected - one.found),
                        "invented": _written(one.found - one.expected),
                    }
                    for one in self.entities
                    if one.expected != one.found
                ],
            },
        }

    def save(self, path: Path) -> None:
        """Write the file, whole, for its owner's eyes alone."""
        with written_whole(path) as partial:
            private_file(partial)
            text = json.dumps(self.content(), indent=2, ensure_ascii=False)
            partial.write_text(text + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """Yield the figures for people; no sentence is among them."""
        if self.intents:
            right = sum(one.label == one.taken_for for one in self.intents)
            yield (
                f"intents: {right} of {len(self.intents)} right "
                f"({100 * right / len(self.intents):.1f}%)"
            )
            for label, taken, count in self.mistakes[:_SHOWN]:
                yield f"  {label} taken for {taken}: {count}"
            if len(self.mistakes) > _SHOWN:
                yield f"  and {len(self.mistakes) - _SHOWN} other confusions"
            yield "  confidence   right  wrong"
            most = max(one + other for _, one, other in self.histogram)
            for low, good, bad in self.histogram:
                if good or bad:
                    bar = "#" * round(_WIDTH * good / most) + "x" * -(-_WIDTH * bad // most)
                    yield f"  {low:.1f} to {low + 1 / _BARS:.1f} {good:7} {bad:6}  {bar}"
        scores = self.entity_scores()
        if scores["of"]:
            yield (
                f"entities: F1 {_percent(scores['f1'])}, "
                f"precision {_percent(scores['precision'])}, "
                f"recall {_percent(scores['recall'])}, of {scores['of']}"
            )


def _entity_turns(outcomes: Sequence[Outcome], schema: Schema) -> Iterator[EntityTurn]:
    """Yield what each turn adds to the state, by the labels and by the model."""
    before: dict[str, tuple[frozenset[Triple], frozenset[Triple]]] = {}
    for one in sorted(outcomes, key=lambda one: (one.dialogue_id, one.index)):
        labelled: BeliefState | None = one.turn.belief_state
        if labelled is None:
            continue
        now = (slots_of(labelled, schema), slots_of(one.state, schema))
        old = before.get(one.dialogue_id, _NOTHING) if one.index else _NOTHING
        before[one.dialogue_id] = now
        yield EntityTurn(utterance=one.turn.user, expected=now[0] - old[0], found=now[1] - old[1])


def _intent_report(judged: Sequence[HeldOutIntent]) -> dict[str, Any]:
    """Return each intent's precision, recall, F1, support and what it was taken for."""
    support = Counter(one.label for one in judged)
    answered = Counter(one.taken_for for one in judged)
    right = Counter(one.label for one in judged if one.label == one.taken_for)
    return {
        label: {
            "precision": share(right[label], answered[label]),
            "recall": share(right[label], count),
            "f1-score": f1(right[label], answered[label], count),
            "support": count,
            "confused_with": dict(
                Counter(
                    one.taken_for for one in judged if one.label == label and one.taken_for != label
                ).most_common()
            ),
        }
        for label, count in sorted(support.items())
    }


def _written(slots: frozenset[Triple]) -> dict[str, str]:
    return {f"{domain}.{slot}": value for domain, slot, value in sorted(slots)}


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}%"
