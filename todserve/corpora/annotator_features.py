"""What the silver annotator looks at: the words of a turn and what the state says of it.

Stands between enriched dialogues and `annotator`. Everything here exists in the corpus's train
split too: texts, belief states and delexicalised replies, never a gold act or intent. Example
features of a reply: ``reply:[value_name]``, ``question:area``, ``changed:hotel-stars``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, BeliefState, Dialogue, Turn, state_update
from todserve.runtime.language.text import normalise

_TOKEN = re.compile(r"\[value_\w+\]|[a-z0-9]+(?:'[a-z]+)?|[?!]")
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A turn with what led to it.

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
