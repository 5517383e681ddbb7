"""Several processes of one run, started for real by torchrun, beside the same run in one."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.support.tiny_checkpoint import MARKOV, SCHEMA
from tests.support.tiny_run import prepare_run, train
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.loop.distributed import World, joined
from todserve.training.loop.training_loop import Trainer
from todserve.training.network.training_network import build_network
from todserve.training.training_config import Network, TrainingConfig

# Batches of unlike lengths, three to a step, so that two processes have unlike shares; the last
# step of an epoch has fewer. Dropout shows that random masks do not depend on who draws them.
SHARED = ("batch_tokens=220", "batches_per_step=3", "start=t5")
DROPOUT = "network={d_model: 64, d_kv: 16, d_ff: 128, num_layers: 2, num_decoder_layers: 1, "
DROPOUT += "num_heads: 4, dropout_rate: 0.1}"
LIMIT = 300  # seconds; a safety net, far above what any of these takes


@contextmanager
def torchrun(processes: int, config: Path, *overrides: str) -> Iterator[subprocess.Popen[str]]:
    """Start ``tod train`` in several processes; end them if they outlive the block."""
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    command += ["--standalone", "-m", "todserve", "train", config.name, *overrides]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [*command, "--threads=1"],
        cwd=config.parent,
        env={**environment, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            for child in workers(process):
                child.kill()
            process.kill()


def workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the processes torchrun has started, by rank; not those that they start."""
    try:
        children = psutil.Process(process.pid).children()
        ranked = [(child.environ().get("RANK"), child) for child in children]
    except psutil.NoSuchProcess:
        return []
    return [child for rank, child in sorted((r, c) for r, c in ranked if r is not None)]


def finish(processes: int, config: Path, *overrides: str) -> str:
    """Run to the end and return what was printed."""
    with torchrun(processes, config, *overrides) as process:
        printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, printed
    return printed


def read_until(pattern: str, process: "subprocess.Popen[str]") -> None:
    """Read what is printed, progress bar included, up to a line with ``pattern``."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if re.search(pattern, line):
            return
    pytest.fail("".join(seen))


def weights_of(folder: Path, step: int, name: str = "model") -> dict[str, torch.Tensor]:
    return load_file(folder / f"runs/tiny/step-{step:06d}/{name}.safetensors")


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine steps in one process, never interrupted."""
    folder = tmp_path_factory.mktemp("alone")
    train(folder, prepare_run(folder, steps=9), *SHARED, DROPOUT, "ema=0.9")
    return folder


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path, alone: Path) -> None:
    config = prepare_run(tmp_path, steps=9)
    printed = finish(2, config, *SHARED, DROPOUT, "ema=0.9")
    assert apart(weights_of(tmp_path, 9), weights_of(alone, 9)) <= 1e-5
    assert apart(weights_of(tmp_path, 9, "average"), weights_of(alone, 9, "average")) <= 1e-5
    # One of them speaks, saves and counts for both.
    assert printed.count("checkpoint of step 9") == 1
    assert "2 x cpu" in printed
    progress = [
        json.loads((folder / "runs/tiny/step-000009/progress.json").read_text())["progress"]
        for folder in (tmp_path, alone)
    ]
    for kept in progress:
        del kept["seconds"]
    # Sums in another order: the nats that the trust counts differ in the last digits.
    nats = [kept["trust"].pop("nats") for kept in progress]
    assert nats[0] == pytest.approx(nats[1], rel=1e-5)
    assert progress[0] == progress[1]


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_a_run_resumes_in_another_number_of_processes(
    tmp_path: Path, alone: Path, first: int, second: int
) -> None:
    config = prepare_run(tmp_path, steps=9)
    for processes, more in ((first, ("steps=4",)), (second, ())):
        if processes == 1:
            train(tmp_path, config, *SHARED, DROPOUT, "ema=0.9", *more)
        else:
            finish(processes, config, *SHARED, DROPOUT, "ema=0.9", *more)
    assert apart(weights_of(tmp_path, 9), weights_of(alone, 9)) <= 1e-5
    assert apart(weights_of(tmp_path, 9, "average"), weights_of(alone, 9, "average")) <= 1e-5


def test_a_stopped_run_saves_once_at_a_step_both_processes_agree_on(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=100_000)
    runs = tmp_path / "runs" / "tiny"
    with torchrun(2, config, *SHARED) as process:
        read_until(r"[1-9]\d*/100000", process)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=LIMIT)
    saved = list(runs.glob("step-*"))
    assert len(saved) == 1, printed
    assert printed.count("checkpoint of step") == 1
    assert not list(runs.glob("partial-*"))
    step = int(saved[0].name.removeprefix("step-"))
    assert step > 0
    # What both had done by then is what one process does in as many steps.
    again = tmp_path / "again"
    again.mkdir()
    train(again, prepare_run(again, steps=step), *SHARED)
    assert apart(weights_of(tmp_path, step), weights_of(again, step)) <= 1e-4


def test_a_process_that_dies_ends_the_run_with_a_clear_error(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=100_000)
    with torchrun(2, config, *SHARED) as process:
        read_until(r"[1-9]\d*/100000", process)
        workers(process)[1].kill()
        printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode != 0
    assert "Signal 9 (SIGKILL)" in printed
    assert "process 0 of 2 lost the others" in printed


def test_more_processes_than_batches_in_a_step_are_refused(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    with pytest.raises(ConfigError, match="batches_per_step is 3, shared by 4 processes"):
        Trainer(
            config=TrainingConfig(name="tiny", batches_per_step=3),
            folder=tmp_path,
            network=build_network(Network(d_model=32), tokenizer.size, pad_id=0, end_id=1),
            builder=PromptBuilder(tokenizer, MARKOV, SCHEMA),
            train_turns=TURNS,
            dev_turns=TURNS,
            world=World(rank=0, size=4),
        )


@pytest.mark.parametrize(
    ("count", "size", "shares"),
    [
        (4, 1, [[(0, True), (1, True), (2, True), (3, True)]]),
        (4, 2, [[(0, True), (2, True)], [(1, True), (3, True)]]),
        (3, 2, [[(0, True), (2, True)], [(1, True), (0, False)]]),
        (1, 2, [[(0, True)], [(0, False)]]),
        (1, 4, [[(0, True)], [(0, False)], [(0, False)], [(0, False)]]),
        (5, 3, [[(0, True), (3, True)], [(1, True), (4, True)], [(2, True), (0, False)]]),
        (0, 2, [[], []]),
    ],
)
def test_every_batch_of_a_step_counts_once(
    count: int, size: int, shares: list[list[tuple[int, bool]]]
) -> None:
    found = [World(rank=rank, size=size).share(count) for rank in range(size)]
    assert found == shares
    counted = [place for share in found for place, counts in share if counts]
    assert sorted(counted) == list(range(count))


def test_without_torchrun_a_process_is_alone() -> None:
    with joined({}) as world:
        assert (world.rank, world.size, world.leads) == (0, 1, True)
        assert world.largest((2.0, -1.0)) == [2.0, -1.0]
        module = torch.nn.Linear(1, 1)
        assert world.parallel(module) is module


def test_other_errors_of_a_run_are_not_taken_for_a_lost_process() -> None:
    with pytest.raises(RuntimeError, match="shapes"), joined({"WORLD_SIZE": "1"}):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(ConfigError, match="learning_rate"), joined({}):
        raise ConfigError("lower learning_rate")
