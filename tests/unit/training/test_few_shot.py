import json
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import pytest

from tests.support.tiny_run import prepare_run
from tests.support.tiny_turns import TURNS
from todserve.runtime.checkpoint import CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.errors import ConfigError
from todserve.training.few_shot.few_shot_runs import SHARES, run_few_shot, summarised, table
from todserve.training.few_shot.few_shot_samples import (
    PerIntent,
    Sample,
    Share,
    derive,
    dialogues_in,
)
from todserve.training.few_shot.few_shot_scores import EVALUATIONS, evaluation_named
from todserve.training.preparation.training_turns import (
    TrainingTurn,
    is_prepared,
    load_turns,
    save_turns,
)

LONG = tuple(
    TrainingTurn(
        dialogue_id=f"d{number // 2}",
        corpus="made-up",
        user=f"utterance {number}",
        history=(("hi", "hello", "hello"),) * (number % 2),
        intent=("greet", "ask", "ask", None)[number % 4],
    )
    for number in range(800)
)
"""400 dialogues of two turns."""


@pytest.mark.parametrize(
    ("amount", "dialogues"),
    [(0.01, 4), (0.05, 20), (0.10, 40), (0.20, 80), (1.0, 400), (0.0001, 1)],
)
def test_a_share_keeps_whole_dialogues(amount: float, dialogues: int) -> None:
    kept = Share(amount=amount).sample(LONG, seed=0)
    assert dialogues_in(kept) == dialogues
    assert len(kept) == 2 * dialogues
    assert kept == sorted(kept, key=LONG.index)


@pytest.mark.parametrize("sizes", [SHARES, (PerIntent(count=10), PerIntent(count=30))])
def test_the_smaller_sample_of_a_seed_lies_inside_the_larger(sizes: tuple[Sample, ...]) -> None:
    for seed in range(3):
        samples = [{turn.user for turn in size.sample(LONG, seed)} for size in sizes]
        for smaller, larger in zip(samples, samples[1:], strict=False):
            assert smaller < larger


def test_seeds_draw_different_samples_and_the_order_of_the_corpus_does_not_matter() -> None:
    share = Share(amount=0.05)
    first, again, other = (
        {turn.user for turn in share.sample(turns, seed)}
        for turns, seed in ((LONG, 0), (LONG[::-1], 0), (LONG, 1))
    )
    assert first == again
    assert first != other


def test_the_same_id_in_two_corpora_is_two_dialogues() -> None:
    both = [*LONG[:2], *(one.model_copy(update={"corpus": "other"}) for one in LONG[:2])]
    assert dialogues_in(both) == 2
    assert len(Share(amount=0.5).sample(both, seed=0)) == 2


def test_so_many_turns_of_each_intent_are_kept() -> None:
    kept = PerIntent(count=10).sample(LONG, seed=0)
    assert sorted(str(turn.intent) for turn in kept) == ["ask"] * 10 + ["greet"] * 10
    # An intent that has fewer gives all it has; turns without an intent have no place.
    assert len(PerIntent(count=300).sample(LONG, seed=0)) == 200 + 300


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5])
def test_impossible_samples_are_refused(wrong: float) -> None:
    with pytest.raises(ConfigError, match=f"share {wrong}"):
        Share(amount=wrong)
    with pytest.raises(ConfigError, match="0 per intent"):
        PerIntent(count=0)


def test_a_derived_folder_is_a_prepared_one_with_other_turns(tmp_path: Path) -> None:
    prepare_run(tmp_path)
    whole, out = tmp_path / "runs" / "tiny" / "prepared", tmp_path / "out"
    (whole / "preparation.json").write_text("{}")
    derive(whole, out, TURNS[:3])
    assert is_prepared(out)
    assert load_turns(out / "train.jsonl.gz") == list(TURNS[:3])
    for name in ("dev.jsonl.gz", "schema.json", "knowledge.sqlite", "preparation.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


class Counting:
    """Scores a checkpoint by its weights, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, checkpoint: Path) -> Mapping[str, float | None]:
        self.asked.append(checkpoint.parent.name)
        return {"score": int(weights_checksum(checkpoint)[:4], 16) / 65536, "nothing": None}


def few_shot(
    folder: Path, config: Path, evaluate: Counting, **changed: object
) -> dict[str, object]:
    settings: dict[str, object] = {
        "samples": (Share(amount=0.25), Share(amount=0.5)),
        "seeds": 2,
        "runs": folder / "runs",
        "threads": 1,
    }
    return run_few_shot(str(config), evaluate, "counting", **(settings | changed))  # type: ignore[arg-type]


CELLS = [f"share-{share}-seed-{seed}" for share in ("0.25", "0.5") for seed in (0, 1)]


def test_every_cell_is_trained_scored_and_summed_up_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = prepare_run(tmp_path, steps=2)
    folder = tmp_path / "runs" / "tiny-few-shot"
    evaluate = Counting()
    summary = few_shot(tmp_path, config, evaluate)
    assert evaluate.asked == CELLS
    cells = {name: json.loads((folder / f"{name}.json").read_text()) for name in CELLS}
    assert [cells[name]["turns"] for name in CELLS] == [8, 8, 16, 16]
    assert [cells[name]["seed"] for name in CELLS] == [0, 1, 0, 1]
    # Other samples and other seeds make other weights.
    assert len({cell["checkpoint"] for cell in cells.values()}) == 4
    assert all(len(cell["checkpoint"]) == CHECKSUM_LENGTH for cell in cells.values())
    scores = [cells[name]["figures"]["score"] for name in CELLS]
    row = summary["share-0.5"]
    assert isinstance(row, dict)
    assert row["score"]["mean"] == pytest.approx(mean(scores[2:]))
    assert row["score"]["sd"] == pytest.approx(abs(scores[2] - scores[3]) / 2**0.5)
    assert (folder / "table.md").read_text() in capsys.readouterr().out
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert not [path for path in folder.iterdir() if path.is_dir()]

    # Nothing is run again but what is missing, and more seeds are added to those that are there.
    (folder / f"{CELLS[1]}.json").unlink()
    assert few_shot(tmp_path, config, evaluate) == summary
    assert evaluate.asked == [*CELLS, CELLS[1]]
    few_shot(tmp_path, config, evaluate, seeds=3, samples=(Share(amount=0.25),))
    assert evaluate.asked[5:] == ["share-0.25-seed-2"]

    with pytest.raises(ConfigError, match="made by another configuration"):
        few_shot(tmp_path, config, evaluate, overrides=("steps=3",))
    turns = load_turns(tmp_path / "runs" / "tiny" / "prepared" / "train.jsonl.gz")
    save_turns(turns[1:], tmp_path / "runs" / "tiny" / "prepared" / "train.jsonl.gz")
    with pytest.raises(ConfigError, match="made by another configuration"):
        few_shot(tmp_path, config, evaluate)


def test_a_cell_that_broke_off_goes_on_and_starts_from_the_given_checkpoint(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=2)
    start = tmp_path / "runs" / "tiny-few-shot" / "share-0.25-seed-0" / "checkpoint"

    def broken(checkpoint: Path) -> Mapping[str, float | None]:
        raise ConfigError("no evaluation today")

    one = {"samples": (Share(amount=0.25),), "seeds": 1}
    with pytest.raises(ConfigError, match="today"):
        few_shot(tmp_path, config, broken, **one)  # type: ignore[arg-type]
    trained = weights_checksum(start)
    evaluate = Counting()
    few_shot(tmp_path, config, evaluate, keep=True, **one)
    assert evaluate.asked == ["share-0.25-seed-0"]
    assert weights_checksum(start) == trained

    overrides = (f"initial={start}", "name=again", "steps=1", "learning_rate=1.0e-9")
    prepared = tmp_path / "runs" / "tiny" / "prepared"
    few_shot(tmp_path, config, evaluate, prepared=prepared, overrides=overrides, keep=True, **one)
    moved = tmp_path / "runs" / "again-few-shot" / "share-0.25-seed-0" / "checkpoint"
    # A step of no length leaves the start's weights as they were.
    assert weights_checksum(moved) == trained


def test_mean_and_sample_deviation_of_a_hand_worked_table() -> None:
    cells = [
        {"figures": {"accuracy": value, "unseen": None, "late": late}}
        for value, late in ((0.2, None), (0.4, 0.5), (0.9, None))
    ]
    summary = summarised(cells)
    # mean 0.5; squares 0.09 + 0.01 + 0.16 = 0.26, over n - 1 = 2: 0.13
    assert summary["accuracy"]["mean"] == pytest.approx(0.5)
    assert summary["accuracy"]["sd"] == pytest.approx(0.13**0.5)
    assert summary["accuracy"]["n"] == 3
    assert summary["late"] == {"mean": 0.5, "sd": None, "n": 1, "values": [0.5]}
    assert summary["unseen"] == {"mean": None, "sd": None, "n": 0, "values": []}
    assert table({"share-0.01": summary}) == (
        "| sample | accuracy | unseen | late |\n"
        "|---|---|---|---|\n"
        "| share-0.01 | 0.5000 ± 0.3606 (3) | - | 0.5000 (1) |\n"
    )


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 seeds"):
        few_shot(tmp_path, prepare_run(tmp_path), Counting(), seeds=0)
    with pytest.raises(ConfigError, match="unknown evaluation 'sgd'; expected one of multiwoz-dev"):
        evaluation_named("sgd", None)
    assert callable(evaluation_named("banking77-test", None))
    assert set(EVALUATIONS) == {"multiwoz-dev", "multiwoz-test", "banking77-test"}
