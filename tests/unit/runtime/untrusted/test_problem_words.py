"""What was expected is said in words of our own, whatever the validator calls it."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import ConfigError, first_problem, reason_of
from todserve.training.training_config import TrainingConfig


class Odd(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int = Field(default=1, gt=0, le=9)
    share: float = 1.0
    sure: bool = True
    names: tuple[str, ...] = ()
    kinds: dict[str, int] = {}
    mode: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"steps": "many"}, "steps: got 'many'; expected a whole number"),
        ({"steps": 1.5}, "steps: got 1.5; expected a whole number"),
        ({"steps": 0}, "steps: got 0; expected more than 0"),
        ({"steps": 10}, "steps: got 10; expected at most 9"),
        ({"share": "x"}, "share: got 'x'; expected a number"),
        ({"sure": "perhaps"}, "sure: got 'perhaps'; expected true or false"),
        ({"names": 5}, "names: got 5; expected a list"),
        ({"names": [5]}, "names.0: got 5; expected a text"),
        ({"kinds": []}, "kinds: got []; expected keys and values"),
        ({"mode": "c"}, "mode: got 'c'; expected 'a' or 'b'"),
        ({"stepz": 1}, "stepz: unknown key; did you mean 'steps'?"),
    ],
)
def test_a_problem_is_one_line_without_the_validators_words(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Odd.model_validate(given)
    assert first_problem(refused.value, tuple(Odd.model_fields)) == told
    assert reason_of(ValueError("as it is")) == "as it is"


@pytest.mark.parametrize("wrong", ["corpora: 5", "steps: many", "stepz: 5"])
def test_a_wrong_training_configuration_is_refused_in_one_line(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\n{wrong}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        TrainingConfig.load(str(path))
    assert "pydantic" not in str(refused.value)
    assert "\n" not in str(refused.value)
