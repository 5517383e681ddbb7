"""The profile of a turn: operators are summed, and those that hold others are not counted twice."""

from benchmarks.turn_profile import lines_of, operators_of


def _event(operator: str, duration: int, kind: str = "kernel_time") -> dict[str, object]:
    return {
        "cat": "Node",
        "name": f"node_{kind}",
        "dur": duration,
        "args": {"op_name": operator},
    }


def test_operators_are_summed_and_the_costliest_comes_first() -> None:
    events = [
        _event("Add", 2),
        _event("MatMul", 5),
        _event("Add", 1),
        _event("Loop", 100),  # holds the others
        _event("MatMul", 7, "fence_before"),
        {"cat": "Session", "name": "model_run", "dur": 9},
    ]
    assert operators_of(events) == [("MatMul", 5, 1), ("Add", 3, 2)]


def test_figures_name_processor_source_and_shares() -> None:
    figures = {
        "turns": 2,
        "source": "the demo",
        "processor": "some processor",
        "cores": 2,
        "stages_ms": {"total": 4.0},
        "operators": {
            "encoder": [
                {"operator": "MatMul", "ms_a_turn": 3.0, "calls": 4},
                {"operator": "Add", "ms_a_turn": 1.0, "calls": 2},
            ]
        },
    }
    text = "\n".join(lines_of(figures, most=1))
    assert "some processor, 2 cores" in text
    assert "75.0%" in text
    assert "Add" not in text
