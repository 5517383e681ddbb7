"""The worst dialogues, the corpus's side beside the model's, with what differs marked.

The HTML report calls it with the outcomes of a rollout. Example: expected ``train day friday``, got
``train day monday``: the first is marked missing, the second extra.
"""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from todserve.evaluation.report.report_states import ComparedTurn, SlotValue
from todserve.evaluation.suites.multiwoz.multiwoz_goals import dialogue_key
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import PredictedTurn, Predictions
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.wire.response import ActPrediction

MOST_DIALOGUES, LEAST_TURNS = 10, 4
"""How many dialogues are shown, and how long one must be: a short one is too easily all wrong."""

RULE = (
    "dialogues with at least {least} labelled turns and one wrong (a turn is wrong when its whole "
    "belief state is not exactly right); the largest share of wrong turns first, then the most "
    "wrong turns, then by name; at most {most}"
)
"""How they are chosen; stands in the report."""


class Mark(StrEnum):
    """What a piece is on its side."""

    SAME = "same"
    MISSING = "missing"  # the corpus has it, the model has not
    EXTRA = "extra"  # the model has it, the corpus has not


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some text and whether the other side has it too."""

    text: str
    mark: Mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side has to say of a turn; a part it says nothing of is empty."""

    intent: tuple[Piece, ...]
    state: tuple[Piece, ...]
    acts: tuple[Piece, ...]
    reply: tuple[Piece, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownTurn:
    """A turn of a dialogue.

    Attributes:
        number: from 1.
        user: the utterance.
        right: the whole state is.
        refused: the model gave no answer.
        expected: the corpus's side.
        predicted: the model's side.
        end_to_end: the model's delexicalised reply of another rollout, if there was one.
    """

    number: int
    user: str
    right: bool
    refused: bool
    expected: Side
    predicted: Side
    end_to_end: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownDialogue:
    """A dialogue, and how many of its turns are wrong."""

    dialogue_id: str
    wrong: int
    turns: tuple[ShownTurn, ...]


def worst_dialogues(
    turns: Sequence[ComparedTurn],
    *,
    predictions: Predictions | None = None,
    most: int = MOST_DIALOGUES,
    least_turns: int = LEAST_TURNS,
) -> tuple[ShownDialogue, ...]:
    """Return the dialogues that RULE chooses, the worst first.

    Args:
        turns: of all dialogues, in any order.
        predictions: of another rollout, whose replies are shown too.
        most: dialogues to return at most.
        least_turns: labelled turns a dialogue must have.
    """
    dialogues: dict[str, list[ComparedTurn]] = defaultdict(list)
    for one in turns:
        dialogues[one.outcome.dialogue_id].append(one)
    wrong = {name: sum(not one.right for one in found) for name, found in dialogues.items()}
    chosen = sorted(
        (name for name, found in dialogues.items() if len(found) >= least_turns and wrong[name]),
        key=lambda name: (-wrong[name] / len(dialogues[name]), -wrong[name], name),
    )[:most]
    return tuple(
        ShownDialogue(
            dialogue_id=name,
            wrong=wrong[name],
            turns=tuple(
                _shown(one, (predictions or {}).get(dialogue_key(name), ()))
                for one in sorted(dialogues[name], key=lambda one: one.outcome.index)
            ),
        )
        for name in chosen
    )


def word_pieces(expected: str, predicted: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return both texts in pieces of words that the other has at that place, and has not."""
    left, right = expected.split(), predicted.split()
    ours: list[Piece] = []
    theirs: list[Piece] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        same = tag == "equal"
        if start < end:
            mark = Mark.SAME if same else Mark.MISSING
            ours.append(Piece(text=" ".join(left[start:end]), mark=mark))
        if other_start < other_end:
            mark = Mark.SAME if same else Mark.EXTRA
            theirs.append(Piece(text=" ".join(right[other_start:other_end]), mark=mark))
    return tuple(ours), tuple(theirs)


def _shown(one: ComparedTurn, predicted_turns: Sequence[PredictedTurn]) -> ShownTurn:
    outcome = one.outcome
    expected, predicted = _sides(one)
    end_to_end = None
    if outcome.index < len(predicted_turns):
        end_to_end = predicted_turns[outcome.index].response
    return ShownTurn(
        number=outcome.index + 1,
        user=outcome.turn.user,
        right=one.right,
        refused=outcome.answer is None,
        expected=expected,
        predicted=predicted,
        end_to_end=end_to_end,
    )


def _sides(one: ComparedTurn) -> tuple[Side, Side]:
    turn, answer = one.outcome.turn, one.outcome.answer
    intents = _differing(
        {turn.intent} if turn.intent else set(),
        {answer.intent.name} if answer and answer.intent else set(),
        labelled=turn.intent is not None,
    )
    states = _differing(_slot_texts(one.expected), _slot_texts(one.predicted))
    acts = _differing(
        {_act_text(act) for act in turn.dialogue_acts or ()},
        {_act_text(act) for act in (answer and answer.dialogue_act) or ()},
        labelled=turn.dialogue_acts is not None,
    )
    replies = word_pieces(
        turn.system or "", answer.response.text if answer and answer.response else ""
    )
    expected, predicted = (
        Side(intent=intent, state=state, acts=act, reply=reply)
        for intent, state, act, reply in zip(intents, states, acts, replies, strict=True)
    )
    return expected, predicted


def _slot_texts(state: AbstractSet[SlotValue]) -> set[str]:
    return {f"{domain} {slot} = {value}" for domain, slot, value in state}


def _act_text(act: DialogueAct | ActPrediction) -> str:
    return " ".join(filter(None, (act.domain, act.act, act.slot)))


def _differing(
    expected: AbstractSet[str], predicted: AbstractSet[str], *, labelled: bool = True
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return both sides marked; nothing differs from what the corpus does not annotate."""
    both = expected & predicted if labelled else expected | predicted
    return (
        tuple(Piece(text=one, mark=_mark(one, both, Mark.MISSING)) for one in sorted(expected)),
        tuple(Piece(text=one, mark=_mark(one, both, Mark.EXTRA)) for one in sorted(predicted)),
    )


def _mark(text: str, both: AbstractSet[str], mark: Mark) -> Mark:
    return Mark.SAME if text in both else mark
