"""The benchmark for real, as small as it can be: our archive and the stock handler."""

import json
from pathlib import Path

import pytest

from benchmarks.bench import main, run_bench
from benchmarks.options import BenchOptions
from benchmarks.plan import Plan
from benchmarks.ratios import BARS
from tests.support.served_endpoint import MODEL_CONFIG, ROOT

pytestmark = pytest.mark.e2e

SMALLEST = Plan(
    turns=4,
    turns_a_round=2,
    rounds={1: 1, 16: 1},
    settle=0.2,
    seconds_alone=0.1,
    warm=0.2,
    window=1.0,
    patience=20.0,
    scaling_repeats=1,
    generator_seconds=0.2,
)


# Not the tiny one: random weights write until a cap, and each peer has its own.
CHECKPOINT = ROOT / "checkpoints" / "multiwoz"


def test_ours_and_the_stock_handler_are_measured_and_answer_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "model-config.yaml"
    config.write_text(MODEL_CONFIG)
    missing = tmp_path / "missing.mar"
    missing.write_bytes(b"no archive")
    content = run_bench(
        BenchOptions(
            checkpoint=CHECKPOINT,
            plan=SMALLEST,
            peers=("ours", "ours_broken", "bare", "stock"),
            archives={"ours_broken": missing},
            model_config=config,
            corpora=tmp_path,
        )
    )
    json.dumps(content)  # all of it can be written
    assert set(content["ratios"]) == set(BARS) == set(content["ratio_sources"])
    for name in ("stock_handler_over_ours", "throughput16_ours_over_stock", "turn_over_floor"):
        assert content["ratios"][name] > 0
    assert content["ratios"]["overhead_ms"] is not None
    assert content["ratios"]["worker_memory_ours_over_stock"] > 0
    assert content["ratios"]["cascade_workflow_over_ours"] is None
    measured = {(row["peer"], row["clients"]) for row in content["load"]}
    served = {(peer, clients) for peer in ("ours", "stock") for clients in (1, 16)}
    assert measured == {*served, ("bare", 1)}
    assert [row["errors"] for row in content["load"]] == [0] * 5
    for name in ("ours", "bare", "stock"):
        peer = content["peers"][name]
        assert peer["error"] is None
        assert peer["agreement"]["whole"] == 1.0
        assert peer["size_bytes"] > 0
        assert [one["rss"] > 10_000_000 for one in peer["worker_memory"]] == [True]
    broken = content["peers"]["ours_broken"]
    assert "cannot be unpacked" in broken["error"]
    assert "demo's utterances" in content["turns"]["source"]
    assert "did not start" in capsys.readouterr().out


def test_a_peer_that_does_not_exist_is_a_reported_error(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--checkpoint", str(tiny_checkpoint), "--corpora", str(tmp_path), "--peers", "stok"]
    assert main(words) == 1
    assert "unknown peer 'stok'" in capsys.readouterr().err
