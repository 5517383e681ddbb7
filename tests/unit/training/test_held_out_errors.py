import json
import stat
from pathlib import Path

from todserve.evaluation.rollout import Outcome
from todserve.runtime.language.dialogue import BeliefState, Turn
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.training.held_out_errors import HeldOutErrors, HeldOutIntent

SCHEMA = Schema(services=(Service(name="bot", slots=(Slot(name="city"), Slot(name="day"))),))


def intent(label: str, taken_for: str, confidence: float) -> HeldOutIntent:
    return HeldOutIntent(
        utterance=f"i said {label}", label=label, taken_for=taken_for, confidence=confidence
    )


def outcome(index: int, labelled: BeliefState | None, found: BeliefState) -> Outcome:
    turn = Turn(user=f"turn {index}", belief_state=labelled)
    return Outcome(dialogue_id="d", index=index, turn=turn, answer=None, state=found)


INTENTS = [
    *[intent("greet", "greet", 0.99)] * 3,
    intent("greet", "bye", 0.95),
    *[intent("bye", "greet", 0.41)] * 2,
    intent("book", "bye", 1.0),
]
OUTCOMES = [
    outcome(0, {"bot": {"city": "ely"}}, {"bot": {"city": "ely"}}),
    outcome(1, {"bot": {"city": "ely", "day": "friday"}}, {"bot": {"city": "leeds"}}),
    outcome(2, None, {}),
]


def test_confusions_are_told_the_most_frequent_first() -> None:
    found = HeldOutErrors.of(INTENTS, [], SCHEMA)
    assert found.mistakes == (("bye", "greet", 2), ("book", "bye", 1), ("greet", "bye", 1))
    report = found.content()["intents"]["report"]
    assert report["greet"] == {
        "precision": 3 / 5,
        "recall": 3 / 4,
        "f1-score": 6 / 9,
        "support": 4,
        "confused_with": {"bye": 1},
    }


def test_the_histogram_tells_right_from_wrong_by_confidence() -> None:
    found = HeldOutErrors.of(INTENTS, [], SCHEMA)
    assert found.histogram[0] == (0.9, 3, 2)
    assert found.histogram[5] == (0.4, 0, 2)
    assert sum(right + wrong for _, right, wrong in found.histogram) == len(INTENTS)


def test_entities_are_what_a_turn_adds_to_the_state() -> None:
    found = HeldOutErrors.of([], OUTCOMES, SCHEMA)
    assert found.entity_scores() == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "of": 2}
    (error,) = found.content()["entities"]["errors"]
    assert error == {
        "text": "turn 1",
        "missed": {"bot.day": "friday"},
        "invented": {"bot.city": "leeds"},
    }


def test_the_sentences_are_in_the_file_for_its_owner_and_not_in_what_is_printed(
    tmp_path: Path,
) -> None:
    found = HeldOutErrors.of(INTENTS, OUTCOMES, SCHEMA)
    found.save(tmp_path / "errors.json")
    assert stat.S_IMODE((tmp_path / "errors.json").stat().st_mode) == 0o600
    errors = json.loads((tmp_path / "errors.json").read_text("utf-8"))["intents"]["errors"]
    assert [one["confidence"] for one in errors] == [1.0, 0.95, 0.41, 0.41]
    assert errors[0]["text"] == "i said book"
    printed = "\n".join(found.lines())
    assert "intents: 3 of 7 right (42.9%)" in printed
    assert "bye taken for greet: 2" in printed
    assert "entities: F1 50.0%" in printed
    assert "i said" not in printed


def test_nothing_labelled_is_nothing_told() -> None:
    assert list(HeldOutErrors.of([], [], SCHEMA).lines()) == []
