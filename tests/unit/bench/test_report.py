"""The report of a made-up run: every figure and every failure is in it."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.floor_run import FP32_RATE, INT8_RATE, better_of, turn_sizes
from benchmarks.options import BenchOptions
from benchmarks.peers.base import PeerError
from benchmarks.plan import QUICK
from benchmarks.plot import draw
from benchmarks.ratios import Evidence, ratios
from benchmarks.report import markdown, ratio_content, row_content, table
from benchmarks.roster import Roster
from tests.unit.bench.test_ratios import ALL, row


@pytest.fixture
def content() -> dict[str, Any]:
    peer = {
        "title": "a server",
        "error": None,
        "startup_seconds": 9.5,
        "size_bytes": 15_000_000,
        "workers": 1,
        "worker_memory": [{"rss": 150_000_000, "pss": 120_000_000, "uss": 100_000_000}],
        "all_rss": 400_000_000,
        "idle_cpu_share": 0.01,
        "agreement": {"turns": 60, "whole": 0.75, "parts": {"intent": 1.0}},
    }
    rates = {
        "milliseconds": 4.0,
        "milliseconds_from_dram": 8.0,
        "bytes": 5e7,
        "operations": 5e8,
        "step_weight_bytes": 2_000_000,
        "step_read_bytes_per_second": 3e10,
        "operations_per_second": 1e11,
    }
    broken = peer | {"error": "PeerError: no Java | anywhere", "agreement": None}
    return {
        "date": "2030-01-02 03:04 UTC",
        "minutes": 7.5,
        "quick": True,
        "machine": {"cpu": "A processor", "usable_cores": 2, "system": "Linux 6"},
        "checkpoint": {"folder": "multiwoz", "checksum": "0123456789ab"},
        "code": "0.1.0+gabc",
        "versions": {"python": "3.11"},
        "turns": {"number": 60, "source": "a corpus", "checksum": "ba9876543210"},
        "peers": {one.peer: peer for one in ALL.rows} | {"flask": broken},
        "load": [row_content(one) for one in ALL.rows],
        "generator": {1: 2000.0, 16: 3000.0},
        "floor": {
            "float32": rates,
            "bfloat16": rates,
            "int8": rates,
            "dtype_of_ours": "int8",
            "tokens": {"context": 55.5, "steps_of_both_phases": 23},
            "machine": {
                "read_bytes_per_second": {"1024": 6.4e9},
                "dram_bytes": 1024,
                "gemm_int8_not_measured": "no kernel",
            },
        },
        "scaling": {"history": {0: {"p50_ms": 9.0, "turns": 12}}, "tasks": {"intent": 5.0}},
        **ratio_content(ratios(ALL)),
    }


def test_the_report_holds_every_ratio_with_its_bar_and_numbers(content: dict[str, Any]) -> None:
    text = markdown(content)
    assert "| 20 | >= 14.73 | yes | cascade_workflow_p50_ms 200, ours_p50_ms 10 |" in text
    assert "| 2.5 | <= 3 | yes | ours_p50_ms 10, floor_ms 4, floor_from_dram_ms 8," in text


def test_the_report_names_checkpoint_code_turns_and_machine(content: dict[str, Any]) -> None:
    text = markdown(content)
    for part in ("0123456789ab", "0.1.0+gabc", "60 turns of a corpus (ba9876543210)", "2 core(s)"):
        assert part in text


def test_a_peer_that_did_not_start_is_a_row_with_its_cause(content: dict[str, Any]) -> None:
    assert "| flask | did not start: PeerError: no Java / anywhere |" in markdown(content)


def test_the_report_says_what_could_not_be_measured(content: dict[str, Any]) -> None:
    assert "int8 products were not measured: no kernel." in markdown(content)


def test_stalls_stand_beside_the_latencies_they_were_taken_from(content: dict[str, Any]) -> None:
    workflow = next(one for one in content["load"] if one["peer"] == "cascade_workflow")
    workflow["latency"] |= {"stalls": 2, "longest_stall": 4100.0}
    assert "| 2 (longest 4.1 s) |" in markdown(content)


def test_the_json_has_the_ratios_by_name_and_their_sources() -> None:
    found = ratio_content(
        ratios(Evidence(rows=[row("ours", 1, 9.0, 9.0)], worker_rss={}, floor_ms=3.0))
    )
    assert found["ratios"]["turn_over_floor"] == pytest.approx(3.0)
    assert found["ratios"]["overhead_ms"] is None
    assert found["ratio_sources"]["turn_over_floor"] == {
        "ours_p50_ms": 9.0,
        "floor_ms": 3.0,
        "floor_from_dram_ms": None,
        "turn_over_floor_from_dram": None,
    }
    assert found["bars"]["turn_over_floor"] == {"bar": "<= 3", "met": True}


def test_a_table_shows_numbers_shortly_and_gaps_as_dashes() -> None:
    assert table(["a", "b"], [["x", 123.456], ["y|z", None], ["t", True]]) == (
        "| a | b |\n|---|---:|\n| x | 123 |\n| y/z | - |\n| t | yes |"
    )


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_is_drawn(content: dict[str, Any], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"picture.{suffix}"
    draw(content, path)
    start = path.read_bytes()[:200]
    assert b"<?xml" in start if suffix == "svg" else start.startswith(b"\x89PNG")


def test_the_better_of_two_measurements_keeps_each_higher_rate() -> None:
    one = {"read_bytes_per_second": {"8": 5.0, "9": 1.0}, FP32_RATE: 2.0, INT8_RATE: None}
    other = {"read_bytes_per_second": {"8": 4.0, "9": 3.0}, FP32_RATE: 7.0, INT8_RATE: 6.0}
    assert better_of(one, other) == {
        "read_bytes_per_second": {"8": 5.0, "9": 3.0},
        FP32_RATE: 7.0,
        INT8_RATE: 6.0,
    }
    assert better_of(one, one)[INT8_RATE] is None


def test_a_turns_rows_are_read_from_the_reference(
    tiny_checkpoint: Path, tiny_pptod_checkpoint: Path
) -> None:
    steps = {"belief_state": 4, "intent": 2, "dialogue_act": 5, "response": 9}
    answers = {0: {"context": 30, "steps": steps}}
    (turn,) = turn_sizes(tiny_checkpoint, answers)
    # The database token is given to the decoder behind the start token.
    assert turn.phases == [[(1, 4), (1, 2)], [(2, 5), (2, 9)]]
    assert (turn.context, turn.steps) == (30, [4, 9])
    (other,) = turn_sizes(tiny_pptod_checkpoint, answers)
    assert other.phases[1] == [(1, 5), (1, 9)]


def test_the_roster_knows_further_archives_and_engines(tmp_path: Path) -> None:
    archive = tmp_path / "other.mar"
    archive.write_bytes(b"")
    options = BenchOptions(archives={"ours_new": archive}, engines=("onnx:float32",))
    names = Roster(options, tmp_path).names
    assert names[:3] == ("ours", "ours_new", "ours_onnx_float32")
    assert "litserve" in names


def test_a_quick_run_leaves_out_only_peers_there_are_and_none_that_a_ratio_is_made_of(
    tmp_path: Path,
) -> None:
    names = Roster(BenchOptions(), tmp_path).names
    assert {*QUICK.left_out, *QUICK.alone} < {*names}
    needed = {"ours", "bare", "stock", "cascade_workflow", "litserve"}
    assert needed <= {*names} - {*QUICK.left_out}


def test_an_unknown_peer_and_an_unfit_name_are_refused(tmp_path: Path) -> None:
    roster = Roster(BenchOptions(), tmp_path)
    with pytest.raises(PeerError, match="unknown peer 'stok'"):
        roster.peers(("stok",))
    with pytest.raises(PeerError, match="cannot name an archive"):
        Roster(BenchOptions(archives={"stock": tmp_path}), tmp_path)
