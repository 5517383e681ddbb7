from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import BeliefTarget, ContextForm, PromptPlacement
from todserve.training.loop.schedule import rate_factor
from todserve.training.training_config import CONFIGS, TrainingConfig


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configurations_load_by_name(path: Path) -> None:
    assert TrainingConfig.load(path.stem).name == path.stem


def test_overrides_replace_top_level_keys() -> None:
    assert TrainingConfig.load("multiwoz", ("steps=7", "learning_rate=1e-3")).steps == 7


def test_pptod_configuration_is_pptods_own_form() -> None:
    form = TrainingConfig.load("pptod").format
    assert form.context is ContextForm.FULL
    assert form.prompt_placement is PromptPlacement.ENCODER
    assert form.belief_target is BeliefTarget.STATE


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("name: x\nstep: 3\n", "step"),
        ("name: x\nsteps: many\n", "steps"),
        ("name: x/y\n", "name"),
        ('name: ".."\n', "name"),
        ('name: "."\n', "name"),
        ("name: .git\n", "name"),
        ('name: "x\\n"\n', "name"),
        ("name: [", "YAML|expected"),
        ("steps: 3\n", "name"),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=named):
        TrainingConfig.load(str(path))


def test_a_missing_configuration_lists_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match="multiwoz"):
        TrainingConfig.load("multiwozz")


def test_learning_rate_rises_stays_and_falls_to_zero() -> None:
    config = TrainingConfig(name="x", steps=100, warmup_steps=10, decay_steps=20)
    factors = [rate_factor(step, config) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10:80] == [1.0] * 70
    assert factors[-1] == pytest.approx(0.05)
    assert factors == sorted(factors[:50]) + sorted(factors[50:], reverse=True)
    assert rate_factor(100, config) == 0.0
