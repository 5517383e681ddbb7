"""The training loop: every step of training, to be read top to bottom.

``tod train`` runs it when everything is prepared: examples in, checkpoints and curves out. Every
process of a run goes through it in step with the others.
Example: ``Trainer(config, folder, network, ...).run()`` resumes by itself.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import T5ForConditionalGeneration

from todserve.corpora.spoken.spoken_vocabulary import KnownValues
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.batches.batch import collate, plan
from todserve.training.batches.batch_order import Place, Servings
from todserve.training.batches.epochs import Epochs
from todserve.training.batches.examples import encode_turns
from todserve.training.batches.feeder import Feeder
from todserve.training.loop.distributed import World
from todserve.training.loop.recorded_update import RecordedUpdate, can_record
from todserve.training.loop.recovery import GoodCopy
from todserve.training.loop.run_checkpoints import (
    Progress,
    checkpoints,
    load_average,
    load_checkpoint,
    save_checkpoint,
)
from todserve.training.loop.schedule import optimizers_for, rate_factor, share_done
from todserve.training.loop.task_report import TaskReport
from todserve.training.loop.weight_average import WeightAverage
from todserve.training.loop.weight_update import NotFiniteError, Update
from todserve.training.network.training_network import loss_of
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import TrainingConfig


class Trainer:
    """Runs the training loop in one process."""

    def __init__(
        self,
        *,
        config: TrainingConfig,
        folder: Path,
        network: T5ForConditionalGeneration,
        builder: PromptBuilder,
        train_turns: Sequence[TrainingTurn],
        dev_turns: Sequence[TrainingTurn],
        world: World,
        teacher: T5ForConditionalGeneration | None = None,
        known: KnownValues | None = None,
    ) -> None:
        """Gather what the loop needs; nothing is trained yet.

        Raises:
            ConfigError: a step has too few batches for every process to get one.
        """
        if config.batches_per_step < world.size:
            raise ConfigError(
                f"batches_per_step is {config.batches_per_step}, shared by {world.size} processes; "
                f"expected at least one for each; set batches_per_step={world.size}, or start "
                "fewer processes"
            )
        self._config = config
        self._folder = folder
        self._network = network
        nn.Module.to(network, world.device)
        pad_id = int(network.config.pad_token_id or 0)
        recorded = can_record(config, world)
        self._servings = Servings(
            config, Epochs(config, builder, train_turns, known), pad_id, shaped=recorded
        )
        self._dev = encode_turns(dev_turns[: config.dev_turns], builder)
        self._world = world
        graphs = recorded and world.device.type == "cuda"
        self._optimizers = optimizers_for(network, config, graphs=graphs)
        self._average = WeightAverage(network, config.ema) if config.ema is not None else None
        self._update: Update | RecordedUpdate
        if recorded:
            self._update = RecordedUpdate(config, network, self._optimizers[0], world.device)
        else:
            self._update = Update(config, network, self._optimizers, world, teacher)
        self._pad_id = pad_id
        self._stop = False

    def run(self) -> Progress:
        """Train until the budget is used up; SIGTERM and SIGINT save first, then stop.

        Afterwards the network holds the mean of the weights where ``config.ema`` asks for it.
        """
        progress = self._resume()
        handlers = {s: signal.signal(s, self._ask_to_stop) for s in (signal.SIGTERM, signal.SIGINT)}
        curves = self._folder / "tensorboard"
        start = Place(epoch=progress.epoch, part=progress.part, batch=progress.batch)
        processes = feeders(self._config, self._world)
        try:
            # The feeder first: it forks, and the writer of curves has a thread.
            with (
                Feeder(self._servings, start, processes=processes) as feeder,
                SummaryWriter(curves) if self._world.leads else nullcontext() as board,
            ):
                progress = self._train(progress, feeder, board)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if self._average is not None:
            self._average.take_over()
        return progress

    def _train(self, progress: Progress, feeder: Feeder, board: SummaryWriter | None) -> Progress:
        config, world = self._config, self._world
        saved = looked = mark = time.monotonic()
        report = TaskReport()
        good = GoodCopy(
            config.recovery,
            self._network,
            self._optimizers,
            self._average,
            world,
            progress.trust,
        )
        # Steps that were asked for are what the bar counts, though the clock may end them sooner.
        timed = config.minutes is not None and "steps" not in config.model_fields_set
        bar = tqdm(
            total=round(60 * (config.minutes or 0)) if timed else config.steps,
            initial=round(progress.seconds) if timed else progress.step,
            unit="step",
            # By the clock the rate would only say that a second takes a second.
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            if timed
            else None,
            smoothing=0.05,
            disable=not world.leads,
        )
        done = self._done(progress) >= 1
        while not done:
            parcels = feeder.step(config.batches_per_step)
            rate = good.scale * rate_factor(progress.step, config, progress.seconds)
            note: str | None
            try:
                made = self._update(parcels, progress.step, rate)
            except NotFiniteError:
                note = good.go_back(math.nan, progress.step)
            else:
                for loss in made.losses:
                    report.add(loss)
                if self._average is not None:
                    self._average.update(progress.step)
                note = good.add(made.share, progress.step)
            if note is not None and world.leads:
                bar.write(note)
            now, place = time.monotonic(), feeder.place
            if progress.epoch == 0 and place.epoch == 1 and config.augmentation.copy_warmup:
                good.forget()  # made-up turns are over; natural ones have another loss
            progress = Progress(
                step=progress.step + 1,
                epoch=place.epoch,
                part=place.part,
                batch=place.batch,
                tokens=progress.tokens + sum(parcel.tokens for parcel in parcels),
                seconds=progress.seconds + now - mark,
                trust=progress.trust,
            )
            mark = now
            bar.update(round(progress.seconds) - bar.n if timed else 1)
            if progress.step % 20 == 0:
                report.gather(world)
                if board is not None:
                    report.write(board, "train", progress.step)
                    speed = report.tokens_per_second(progress)
                    board.add_scalar("tokens_per_second", speed, progress.step)
                    bar.set_postfix_str(
                        f"step {progress.step}, {speed:.0f} tokens/s, {report.line()}"
                    )
                report = TaskReport()
            # Signals and clocks differ between processes; what is done about them must not.
            stopped, late_save, late_look, seconds = world.largest(
                (
                    float(self._stop),
                    float(now - saved > config.save_minutes * 60),
                    float(now - looked > config.dev_minutes * 60),
                    progress.seconds,
                )
            )
            progress = replace(progress, seconds=seconds)
            finished = self._done(progress) >= 1
            done = finished or bool(stopped)
            if done or late_save:
                progress = replace(progress, trust=good.trust())
                if world.leads:
                    mean = None if self._average is None else self._average.mean
                    save_checkpoint(self._folder, self._network, self._optimizers, progress, mean)
                saved = time.monotonic()
            # Who asks to stop waits for nothing but the checkpoint: torchrun kills after 30 s.
            if finished or (late_look and not stopped):
                self._look_at_dev(board, progress, bar.write)
                looked = time.monotonic()
        bar.close()
        return progress

    def _done(self, progress: Progress) -> float:
        return min(1.0, share_done(progress.step, progress.seconds, self._config))

    @torch.no_grad()
    def _look_at_dev(
        self, board: SummaryWriter | None, progress: Progress, write: Callable[[str], None]
    ) -> None:
        report = TaskReport()
        self._network.eval()
        batches = plan(self._dev, self._config.batch_tokens, seed=0)
        with nullcontext() if self._average is None else self._average.shown():
            for place, counts in self._world.share(len(batches)):
                if counts:
                    batch = collate([self._dev[index] for index in batches[place]], self._pad_id)
                    report.add(loss_of(self._network, batch.to(self._world.device)))
        report.gather(self._world)
        if board is not None:
            report.write(board, "dev", progress.step)
            write(f"step {progress.step} epoch {progress.epoch} dev: {report.line(full=True)}")

    def _resume(self) -> Progress:
        complete = checkpoints(self._folder)
        # Every process reads the run's folder by itself: all must see the same one.
        newest = float(len(complete) and int(complete[-1].name.removeprefix("step-")))
        if self._world.largest((newest, -newest)) != [newest, -newest]:
            raise ConfigError(
                f"process {self._world.rank} finds {newest:.0f} steps done in {self._folder}, "
                "another process other ones; expected one folder that all machines share"
            )
        if not complete:
            return Progress()
        progress = load_checkpoint(complete[-1], self._network, self._optimizers)
        if self._average is not None:
            self._average.restart(load_average(complete[-1]))
        return progress

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True


def feeders(config: TrainingConfig, world: World) -> int:
    """Return how many processes make batches for each one that trains."""
    if config.feeders is not None:
        return config.feeders
    if world.device.type == "cpu":
        return 1
    return max(1, min(15, (os.cpu_count() or 2) // world.size - 1))
