"""Batches part by part, and the processes that make them."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.source_tree import ROOT
from tests.support.tiny_checkpoint import MARKOV, SCHEMA
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.errors import ConfigError, TrainingError
from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.batches.batch import Parcel, Shape, pack, shaped_plan, unpack
from todserve.training.batches.batch_order import Place, Servings
from todserve.training.batches.epochs import Epochs
from todserve.training.batches.examples import Block, Example
from todserve.training.batches.feeder import Feeder
from todserve.training.training_config import TrainingConfig

# 32 turns, 25 times over: three parts.
CONFIG = TrainingConfig(name="x", batch_tokens=150, augmentation={"probability": 0.5})


def servings(*, shaped: bool = False) -> Servings:
    builder = PromptBuilder(tiny_tokenizer(), MARKOV, SCHEMA)
    return Servings(CONFIG, Epochs(CONFIG, builder, TURNS * 25), 0, shaped=shaped)


def read(parcels: Iterable[Parcel]) -> list[tuple[Shape, list[int]]]:
    return [(parcel.shape, parcel.numbers.tolist()) for parcel in parcels]


def taken(processes: int, start: Place, steps: int, size: int = 1) -> list[list[Parcel]]:
    with Feeder(servings(), start, processes=processes) as feeder:
        return [feeder.step(size) for _ in range(steps)]


class Deaf(Servings):
    """Servings whose process is as one that still has the loop's own handler of SIGTERM."""

    def __call__(self, epoch: int, part: int) -> list[Parcel]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(30)
        return super().__call__(epoch, part)


def test_a_process_that_does_not_hear_sigterm_holds_nobody_up() -> None:
    builder = PromptBuilder(tiny_tokenizer(), MARKOV, SCHEMA)
    deaf = Deaf(CONFIG, Epochs(CONFIG, builder, TURNS), 0)
    with Feeder(deaf, Place(), processes=1) as feeder:
        time.sleep(0.5)  # it has been told to ignore the signal by then
    assert [process.exitcode for process in feeder._processes] == [-signal.SIGKILL]


def test_the_parts_of_an_epoch_hold_each_turn_once() -> None:
    made = servings()
    assert made.parts(0) == 3
    tokens = [sum(parcel.tokens for parcel in made(0, part)) for part in range(3)]
    builder = PromptBuilder(tiny_tokenizer(), MARKOV, SCHEMA)
    examples = Epochs(CONFIG, builder, TURNS * 25)(0)
    assert sum(tokens) == sum(len(one.context) + one.decoder_length for one in examples)
    assert max(tokens) < 1.1 * min(tokens)


def test_a_part_is_a_function_of_epoch_and_number() -> None:
    assert read(servings()(1, 2)) == read(servings()(1, 2))
    assert read(servings()(1, 2)) != read(servings()(2, 2))
    assert read(servings()(1, 2)) != read(servings()(1, 1))


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_hand_over_what_would_have_been_made_without_them(processes: int) -> None:
    start = Place(epoch=1, part=1, batch=2)
    expected = [read(group) for group in taken(0, start, 120)]
    assert [read(group) for group in taken(processes, start, 120)] == expected


def test_a_feeder_goes_on_from_any_place_of_another() -> None:
    with Feeder(servings(), Place(), processes=1) as feeder:
        for _ in range(37):
            feeder.step(1)
        place = feeder.place
        rest = [read(feeder.step(1)) for _ in range(30)]
    assert place != Place()
    assert [read(group) for group in taken(2, place, 30)] == rest


def test_a_step_does_not_reach_into_the_next_epoch() -> None:
    with Feeder(servings(), Place(), processes=0) as feeder:
        whole = len(feeder.step(10_000))
        assert feeder.place == Place(epoch=1)
    made = servings()
    assert whole == sum(len(made(0, part)) for part in range(made.parts(0)))


def test_a_place_behind_its_part_leads_to_the_next_part() -> None:
    behind = Place(epoch=0, part=0, batch=1000)
    for processes in (0, 2):
        (group,) = taken(processes, behind, 1)
        assert read(group) == read(servings()(0, 1)[:1])


def test_nothing_is_left_in_memory_and_no_process_behind() -> None:
    with Feeder(servings(), Place(), processes=2) as feeder:
        feeder.step(1)
        folder, processes = feeder._folder, feeder._processes
        assert folder is not None
        assert folder.is_dir()
    assert not folder.exists()
    assert not any(process.is_alive() for process in processes)


def test_a_process_that_is_killed_is_missed() -> None:
    with Feeder(servings(), Place(), processes=1) as feeder:
        feeder.step(1)
        process = feeder._processes[0]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        # What it had made before is taken first; an epoch holds more than it could be ahead.
        with pytest.raises(TrainingError, match=r"ended with code -9.*feeders=1"):
            feeder.step(10_000)


KILLED = """
import os, signal
from tests.unit.training.test_servings import servings
from todserve.training.batches.feeder import Feeder
from todserve.training.batches.batch_order import Place
with Feeder(servings(), Place(), processes=2) as feeder:
    feeder.step(1)
    print(feeder._folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_of_a_killed_run_end_and_clear_up_after_themselves() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert killed.returncode == -signal.SIGKILL
    # Whoever holds its end of the pipe is gone as well: else the line above would still wait.
    assert killed.stdout.strip()
    assert not Path(killed.stdout.strip()).exists()


def test_a_fault_in_a_process_is_the_runs_fault() -> None:
    class Faulty(Servings):
        def __call__(self, epoch: int, part: int) -> list[Parcel]:
            raise ConfigError("no example in this part")

    builder = PromptBuilder(tiny_tokenizer(), MARKOV, SCHEMA)
    faulty = Faulty(CONFIG, Epochs(CONFIG, builder, TURNS), 0)
    with (
        Feeder(faulty, Place(), processes=1) as feeder,
        pytest.raises(ConfigError, match="no example in this part"),
    ):
        feeder.step(1)


def examples(count: int) -> list[Example]:
    chance = random.Random(5)
    return [
        Example(
            context=tuple(range(3, 3 + chance.randint(2, 150))),
            blocks=(Block(task=0, prefix=(7,), target=tuple(range(9, 9 + chance.randint(1, 60)))),),
        )
        for _ in range(count)
    ]


def test_shaped_batches_hold_every_example_once_within_few_shapes() -> None:
    made = examples(4000)
    batches = shaped_plan(made, 4000, seed=1)
    assert sorted(index for _, chosen in batches for index in chosen) == list(range(4000))
    assert len({shape for shape, _ in batches}) <= 30
    for shape, chosen in batches:
        assert len(chosen) <= shape.rows
        assert all(len(made[index].context) <= shape.width for index in chosen)
        assert all(made[index].decoder_length <= shape.depth for index in chosen)
    rows = sum(shape.rows for shape, _ in batches)
    assert 4000 / rows > 0.97, "rows stay empty"
    assert batches == shaped_plan(made, 4000, seed=1)
    assert batches != shaped_plan(made, 4000, seed=2)


def test_an_example_beyond_every_shape_gets_one() -> None:
    long = Example(
        context=tuple(range(700)), blocks=(Block(task=0, prefix=(7,), target=(1,) * 300),)
    )
    ((shape, chosen),) = shaped_plan([long], 4000, seed=1)
    assert (shape.width, shape.depth, chosen) == (768, 384, [0])


def test_a_packed_batch_is_the_batch_again_also_with_large_ids() -> None:
    small, large = examples(5), [Example(context=(40_000, 3), blocks=examples(1)[0].blocks)]
    for made, kind in ((small, np.int16), (large, np.int32)):
        parcel = pack(made, pad_id=0)
        assert parcel.numbers.dtype == kind
        assert parcel.numbers.size == parcel.shape.size
        batch = unpack(torch.from_numpy(parcel.numbers), parcel.shape)
        assert batch.tokens == parcel.tokens
        for row, example in enumerate(made):
            width = len(example.context)
            assert tuple(batch.input_ids[row, :width].tolist()) == example.context
            assert batch.attention_mask[row].sum() == width
        written = int((batch.labels >= 0).sum())
        assert written == sum(parcel.targets) == sum(len(e.blocks[0].target) for e in made)


def test_empty_rows_of_a_shape_are_no_turns() -> None:
    made = examples(3)
    parcel = pack(made, pad_id=0, shape=Shape(rows=8, width=160, depth=64))
    batch = unpack(torch.from_numpy(parcel.numbers), parcel.shape)
    assert batch.input_ids.shape == (8, 160)
    assert parcel.tokens == pack(made, pad_id=0).tokens
    assert (batch.labels[3:] < 0).all()


def test_parts_are_ordered_without_end() -> None:
    places = list(islice(servings().order(Place(epoch=3, part=2)), 5))
    assert [(place.epoch, place.part) for place in places] == [
        (3, 2),
        *((4, part) for part in range(3)),
        (5, 0),
    ]
    assert math.isclose(servings().parts(3), 3)


def test_the_folder_of_a_feeder_is_in_memory_where_there_is_some() -> None:
    with Feeder(servings(), Place(), processes=1) as feeder:
        folder = feeder._folder
        feeder.step(1)
    assert folder is not None
    if Path("/dev/shm").is_dir():  # noqa: S108
        assert folder.parent == Path("/dev/shm")  # noqa: S108
