from pathlib import Path

import pytest

from tests.support.tiny_checkpoint import SCHEMA
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.suites.people.people_run import run_people
from todserve.evaluation.suites.people.people_steps import EVERYDAY, SHIPPED, Step, load_steps
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.schema import Schema

ROOT = Path(__file__).parents[3]


def step(**state: dict[str, str | tuple[str, ...]]) -> Step:
    return Step(user="hello", state=state, intent=("find_train", "general"))


@pytest.mark.parametrize(
    ("state", "intent", "right"),
    [
        ({"train": {"day": "friday"}}, "find_train", True),
        ({"train": {"day": "friday", "leave": "9:05"}}, "general", True),
        ({"train": {"day": "friday", "leave": "10:00"}}, "general", False),
        ({"train": {"day": "friday"}}, "book_train", False),
        ({"train": {"day": "monday"}}, "find_train", False),
        ({"train": {"day": "friday"}, "taxi": {"leave": "09:05"}}, "find_train", False),
        ({}, "find_train", False),
    ],
)
def test_a_step_is_right_where_the_whole_state_and_the_intent_are(
    state: dict[str, dict[str, str]], intent: str, right: bool
) -> None:
    wanted = step(train={"day": ("friday", "saturday"), "leave~": "09:05"})
    assert wanted.is_right(state, intent, "", SCHEMA) is right


def test_without_an_intent_any_will_do() -> None:
    assert Step(user="hm", state={}).is_right({}, None, "", SCHEMA)


@pytest.mark.parametrize(
    ("reply", "right"),
    [("It is FREE.", True), ("It costs 5 pounds.", False), ("Free. What area?", False)],
)
def test_a_step_may_say_what_is_replied_and_what_not(reply: str, right: bool) -> None:
    wanted = Step(user="fee?", state={}, says="(?i)free", never="what area|What area")
    assert wanted.is_right({}, None, reply, SCHEMA) is right


@pytest.mark.parametrize("file", [SHIPPED, EVERYDAY], ids=lambda path: path.stem)
def test_the_shipped_steps_name_slots_and_values_that_the_shipped_schema_knows(file: Path) -> None:
    schema = Schema.load(ROOT / "checkpoints/multiwoz/schema.json")
    for dialogue in load_steps(file):
        for one in dialogue.turns:
            for domain, slots in one.state.items():
                for name, wanted in slots.items():
                    for value in (wanted,) if isinstance(wanted, str) else wanted:
                        slot = name.removesuffix("~")
                        assert schema.normalise_value(domain, slot, value) is not None, one.user


def test_a_file_in_another_layout_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text("- {kind: greeting, turns: [{user: hi, stat: {}}]}\n")
    with pytest.raises(CorpusError, match=r"steps\.yaml[\s\S]*stat"):
        load_steps(path)
    path.write_text("kind: greeting\n")
    with pytest.raises(CorpusError, match="no list of dialogues"):
        load_steps(path)


def test_steps_are_held_on_the_models_own_states(
    tiny_bert_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text(
        "- kind: place\n  turns:\n"
        "  - {user: to ely, state: {train: {destination: ely}}}\n"
        "  - {user: on friday, state: {train: {destination: ely, day: friday}}}\n"
        "- {kind: idle, turns: [{user: hm, state: {restaurant: {food: '金'}}}]}\n"
    )
    figures = run_people(
        AnswererSource(checkpoint=tiny_bert_checkpoint), path, tmp_path / "figures.json", show=True
    )
    assert figures["steps"] == 3
    assert {kind: one["steps"] for kind, one in figures["kinds"].items()} == {"place": 2, "idle": 1}
    assert figures["kinds"]["idle"]["right"] == 0
    printed = capsys.readouterr().out
    assert "idle: hm" in printed
    assert f"{figures['right']} of 3 steps right" in printed
