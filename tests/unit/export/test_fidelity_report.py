import json
from pathlib import Path
from typing import Any

import pytest

from todserve.export.fidelity_limits import LIMITS, check
from todserve.export.fidelity_report import Change, FidelityReport
from todserve.runtime.engines.engine_settings import Dtype, EngineName
from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest


def report(**changed: Any) -> FidelityReport:
    """Return a report of an int8 export that changed nothing but what is given."""
    values: dict[str, Any] = {
        "engine": EngineName.ONNX,
        "dtype": Dtype.INT8,
        "checkpoint": "3f2a9c01d4e5",
        "exporter": "0.1.0",
        "signature": "multiwoz21|dev|first-200-turns|invented",
        "turns": 200,
        "tokens": 5768,
        "max_logit_difference": 0.5,
        "mean_kl": 0.0003,
        "same_choice": 0.99185,
        "identical_turns": 0.78,
        "joint_goal_accuracy": Change(reference=66.0, exported=65.5, of=200),
        "response_bleu_surrogate": Change(reference=17.75, exported=18.0, of=199),
    }
    return FidelityReport(**(values | changed))


def exact(**changed: Any) -> FidelityReport:
    """Return a report of a float32 export that is as true as can be."""
    score = Change(reference=60, exported=60, of=200)
    values: dict[str, Any] = {
        "dtype": Dtype.FLOAT32,
        "max_logit_difference": 4e-5,
        "mean_kl": 0.0,
        "same_choice": 1.0,
        "identical_turns": 1.0,
        "joint_goal_accuracy": score,
        "response_bleu_surrogate": score,
    }
    return report(**(values | changed))


def manifest(**changed: Any) -> ExportManifest:
    values: dict[str, Any] = {
        "engine": EngineName.ONNX,
        "dtype": Dtype.INT8,
        "checkpoint": "3f2a9c01d4e5",
        "exporter": "0.1.0",
        "files": {},
    }
    return ExportManifest(**(values | changed))


def fallen(points: float) -> Change:
    return Change(reference=50.0, exported=50.0 - points, of=200)


@pytest.mark.parametrize("changed", [{}, {"joint_goal_accuracy": None}])
def test_a_report_comes_back_from_its_file(tmp_path: Path, changed: dict[str, Any]) -> None:
    report(**changed).save(tmp_path)
    assert FidelityReport.load(tmp_path) == report(**changed)


def test_the_file_names_the_points_for_those_who_read_it(tmp_path: Path) -> None:
    report().save(tmp_path)
    content = json.loads((tmp_path / "fidelity.json").read_text())
    assert content["joint_goal_accuracy"] == {
        "reference": 66.0,
        "exported": 65.5,
        "of": 200,
        "points": -0.5,
    }
    assert content["response_bleu_surrogate"]["points"] == 0.25


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("mean_kl", float("nan")),
        ("mean_kl", -0.1),
        ("max_logit_difference", float("inf")),
        ("identical_turns", 1.01),
        ("joint_goal_accuracy", {"reference": 101, "exported": 1, "of": 1}),
        ("unheard_of", 1),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, field: str, wrong: object) -> None:
    content = report().model_dump(mode="json") | {field: wrong}
    (tmp_path / "fidelity.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=rf"(?s)cannot read .*fidelity\.json: .*{field}"):
        FidelityReport.load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fidelity\.json: .*export the checkpoint again"):
        FidelityReport.load(tmp_path)


def test_markdown_shows_every_figure() -> None:
    lines = report(response_bleu_surrogate=None).markdown().splitlines()
    assert lines == [
        "onnx int8 against torch float32, checkpoint 3f2a9c01d4e5, exported by todserve 0.1.0",
        "",
        "| measure | value | |",
        "|---|---|---|",
        "| joint goal accuracy | 66.00 -> 65.50 (-0.50) | of 200 turns |",
        "| response BLEU (surrogate) | - | no replies with a label |",
        "| identical turns | 78.00% | of 200 turns |",
        "| same next token | 99.185% | of 5768 tokens |",
        "| mean KL divergence | 0.0003 nats | of 5768 tokens |",
        "| largest difference of logits | 0.5 |  |",
        "",
        "multiwoz21|dev|first-200-turns|invented",
    ]


@pytest.mark.parametrize(
    "good",
    [
        report(),
        report(joint_goal_accuracy=fallen(0.5), response_bleu_surrogate=fallen(0.5)),
        # A loss of half a point that is no exact number in binary.
        report(joint_goal_accuracy=Change(reference=60.7, exported=60.2, of=200)),
        report(joint_goal_accuracy=fallen(-9), response_bleu_surrogate=None),
        # How many turns int8 changes is not limited, as long as they are no worse.
        report(identical_turns=0.1, max_logit_difference=3.0),
        exact(),
        exact(identical_turns=0.995, max_logit_difference=0.01),
    ],
)
def test_an_export_within_its_limits_is_good(good: FidelityReport) -> None:
    check(good)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (
            report(joint_goal_accuracy=fallen(1.0)),
            r"joint goal accuracy fell by 1\.00 points from 50\.00, expected at most 0\.50; "
            r"export it in float32",
        ),
        (report(response_bleu_surrogate=fallen(0.51)), r"BLEU fell by 0\.51 points"),
        (
            report(joint_goal_accuracy=fallen(2), response_bleu_surrogate=fallen(3)),
            r"accuracy fell by 2\.00 .*; BLEU fell by 3\.00",
        ),
        (exact(identical_turns=0.99), r"99\.00% of turns are identical, expected .* 99\.50%"),
        (exact(max_logit_difference=0.02), r"a logit differs by 0\.02, expected at most 0\.01"),
        (exact(joint_goal_accuracy=fallen(1)), r"fell by 1\.00 points"),
        (report(dtype=Dtype.BFLOAT16), r"no limits; expected int8 or float32"),
    ],
)
def test_an_export_beyond_its_limits_is_refused(bad: FidelityReport, what: str) -> None:
    with pytest.raises(ArchiveError, match=rf"the onnx export in .* 3f2a9c01d4e5 .*{what}"):
        check(bad)


def test_a_report_of_the_same_export_is_good() -> None:
    check(report(), manifest())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"engine": EngineName.CTRANSLATE2}, "expected ctranslate2, int8, 3f2a9c01d4e5"),
        ({"dtype": Dtype.FLOAT32}, "expected onnx, float32, 3f2a9c01d4e5"),
        ({"checkpoint": "000000000000"}, "expected onnx, int8, 000000000000"),
    ],
)
def test_a_report_of_another_export_is_refused(changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(ArchiveError, match=expected):
        check(report(), manifest(**changed))


def test_int8_may_lose_at_most_half_a_point() -> None:
    assert LIMITS[Dtype.INT8].points_lost == 0.5
