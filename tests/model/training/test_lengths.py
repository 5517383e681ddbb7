"""Length limits and budgets, with a real vocabulary: what counts is tokens."""

import pytest

from tests.support.tiny_checkpoint import MARKOV, PPTOD, SCHEMA
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.training.batches.batch import plan
from todserve.training.batches.examples import encode_turns
from todserve.training.batches.step_budget import with_budget
from todserve.training.preparation.length_limits import within_length
from todserve.training.training_config import TrainingConfig

FORMS = pytest.mark.parametrize("form", [MARKOV, PPTOD], ids=["shipped form", "PPTOD's form"])


def builder(form: PromptFormat, **changes: int) -> PromptBuilder:
    return PromptBuilder(tiny_tokenizer(), form.model_copy(update=changes), SCHEMA)


@FORMS
def test_turns_that_fit_pass_as_they_are(form: PromptFormat) -> None:
    kept, report = within_length(TURNS, builder(form), tiny_tokenizer(), 1024)
    assert kept == list(TURNS)
    assert list(report.lines()) == []


@FORMS
@pytest.mark.parametrize("limit", [24, 40, 60, 120])
def test_histories_that_are_cut_are_counted_exactly(form: PromptFormat, limit: int) -> None:
    small = builder(form, max_history_tokens=limit)
    # What is cut differs from what would be shown without a limit.
    differ = sum(
        encode_turns([turn], small)[0].context
        != encode_turns([turn], builder(form, max_history_tokens=5000))[0].context
        for turn in TURNS
    )
    _, report = within_length(TURNS, small, tiny_tokenizer(), 1024)
    assert report.histories_cut == differ


@FORMS
def test_a_target_that_is_too_long_is_dropped_and_counted(form: PromptFormat) -> None:
    long = TURNS[0].model_copy(update={"response": "0 1 2 3 4 " * 300})
    kept, report = within_length([long, TURNS[1]], builder(form), tiny_tokenizer(), 1024)
    assert report.targets_dropped == {TaskName.RESPONSE: 1}
    assert report.longest[TaskName.RESPONSE] > 1024
    assert kept == [long.model_copy(update={"response": None}), TURNS[1]]
    for example in encode_turns(kept, builder(form)):
        assert all(len(block.prefix) + len(block.target) <= 1024 for block in example.blocks)
    (line,) = report.lines()
    assert line.startswith("1 targets of task response dropped, longest ")


def test_a_history_that_leaves_no_room_for_its_prompt_is_refused() -> None:
    tokenizer = tiny_tokenizer()
    within_length(TURNS, builder(PPTOD, max_history_tokens=900), tokenizer, 1024)
    with pytest.raises(ConfigError, match=r"expected at most \d+; lower"):
        within_length(TURNS, builder(PPTOD, max_history_tokens=1020), tokenizer, 1024)


@FORMS
def test_epochs_and_examples_in_a_batch_become_steps_and_tokens(form: PromptFormat) -> None:
    asked = TrainingConfig(name="x", epochs=10, batch_examples=16)
    settings = with_budget(asked, TURNS, builder(form))
    examples = encode_turns(TURNS, builder(form))
    batches = plan(examples, settings.batch_tokens, asked.seed)
    targets = sum(len(example.blocks) for example in examples)
    assert targets == 4 * len(TURNS)
    assert settings.steps == 10 * len(batches)
    assert targets / len(batches) == pytest.approx(16, rel=0.3)


def test_accumulated_batches_share_the_examples_of_a_step() -> None:
    asked = TrainingConfig(name="x", epochs=4, batch_examples=32)
    one = with_budget(asked, TURNS, builder(PPTOD))
    two = with_budget(asked.model_copy(update={"batches_per_step": 2}), TURNS, builder(PPTOD))
    assert two.batch_tokens == pytest.approx(one.batch_tokens / 2, rel=0.3)
    assert two.steps == pytest.approx(one.steps, rel=0.3)


def test_a_budget_in_steps_and_tokens_stays_as_it_is() -> None:
    asked = TrainingConfig(name="x", steps=7, batch_tokens=100)
    assert with_budget(asked, TURNS, builder(PPTOD)) is asked
