"""How many workers and threads: plans fit the cores, are written whole, and chosen by rule."""

from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.torchserve_files import torchserve_file
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.capacity.plan_choice import choose, model_config_of, read_turns
from todserve.serving.capacity.plan_trial import Measured
from todserve.serving.capacity.worker_plan import WorkerPlan, plans_for, write_plan

SHIPPED = torchserve_file("archive", "model-config.yaml")


def _measured(
    workers: int, threads: int, *, alone: float, rate: float, memory: int = 300
) -> Measured:
    return Measured(
        plan=WorkerPlan(workers=workers, threads=threads),
        alone=alone,
        rate=rate,
        slow=3 * alone,
        memory=memory * 1_000_000,
        ready=2.0,
    )


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 16, 64])
def test_no_plan_asks_for_more_threads_than_there_are_cores(cores: int) -> None:
    plans = plans_for(cores)
    assert plans
    assert all(1 <= plan.workers * plan.threads <= cores for plan in plans)
    assert len(set(plans)) == len(plans) <= 8


def test_two_cores_have_three_plans() -> None:
    assert [str(plan) for plan in plans_for(2)] == [
        "1 worker x 1 thread",
        "1 worker x 2 threads",
        "2 workers x 1 thread",
    ]


def test_a_written_plan_keeps_every_other_line(tmp_path: Path) -> None:
    target = tmp_path / "model-config.yaml"
    write_plan(WorkerPlan(workers=6, threads=3), SHIPPED, target)
    written = load_model_config(target)
    assert (written.min_workers, written.max_workers) == (6, 6)
    assert written.handler.engine.threads == 3
    before = SHIPPED.read_text(encoding="utf-8").splitlines()
    after = target.read_text(encoding="utf-8").splitlines()
    changed = [line for line, other in zip(before, after, strict=True) if line != other]
    assert [line.split(":")[0].strip() for line in changed] == [
        "minWorkers",
        "maxWorkers",
        "threads",
    ]


def test_a_file_without_the_line_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source, target = tmp_path / "given.yaml", tmp_path / "out.yaml"
    source.write_text("minWorkers: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="threads"):
        write_plan(WorkerPlan(workers=1, threads=1), source, target)
    assert not target.exists()


def test_a_tenth_more_turns_is_not_worth_twice_the_memory() -> None:
    small = _measured(1, 1, alone=20, rate=80)
    large = _measured(2, 1, alone=21, rate=85, memory=600)
    assert choose([small, large]) is small


def test_of_plans_that_answer_as_many_the_quicker_turn_wins() -> None:
    narrow = _measured(2, 1, alone=30, rate=100, memory=600)
    broad = _measured(1, 2, alone=18, rate=95, memory=310)
    few = _measured(1, 1, alone=10, rate=50)
    assert choose([few, narrow, broad]) is broad


def test_memory_is_a_limit() -> None:
    small = _measured(1, 1, alone=20, rate=40)
    large = _measured(2, 1, alone=20, rate=80, memory=600)
    assert choose([small, large]) is large
    assert choose([small, large], memory=400_000_000) is small
    with pytest.raises(ConfigError, match="300 MB"):
        choose([small, large], memory=100_000_000)


def test_turns_come_from_a_file_of_bodies(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    path.write_text('{"user": "hi"}\n\n{"user": "bye"}\n', encoding="utf-8")
    assert [body["user"] for body in read_turns(path)] == ["hi", "bye"]
    assert len(read_turns(None)) == 5
    path.write_text("[1]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="bodies of turns"):
        read_turns(path)


def test_a_named_file_is_written_in_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    assert model_config_of(mine) == (mine, mine)
    assert model_config_of(None) == (SHIPPED, SHIPPED)
