"""The training loop, to be read top to bottom.

Stands after everything else in training: examples in, checkpoints and curves out.
Example: ``Trainer(config, folder, network, ...).run()`` resumes by itself.
"""

import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.prompts import PromptBuilder
from todserve.training.augmentation import Augmenter
from todserve.training.batching import Batch, collate, plan
from todserve.training.checkpointing import (
    Progress,
    checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from todserve.training.config import TrainingConfig
from todserve.training.copying import CopyTurns
from todserve.training.examples import TASK_ORDER, Example, encode_turn, encode_turns
from todserve.training.network import Loss, loss_of
from todserve.training.report import TaskReport
from todserve.training.schedule import optimizers_for, rate_factor
from todserve.training.turns import TrainingTurn


class Trainer:
    """One run in one process."""

    def __init__(
        self,
        *,
        config: TrainingConfig,
        folder: Path,
        network: T5ForConditionalGeneration,
        builder: PromptBuilder,
        train_turns: Sequence[TrainingTurn],
        dev_turns: Sequence[TrainingTurn],
        device: torch.device,
    ) -> None:
        """Gather what the loop needs; nothing is trained yet."""
        self._config = config
        self._folder = folder
        self._network = network
        nn.Module.to(network, device)
        self._builder = builder
        self._turns = train_turns
        self._dev = encode_turns(dev_turns[: config.dev_turns], builder)
        self._augment = Augmenter(train_turns, config.augmentation)
        self._copy_turns = CopyTurns(builder.schema, self._augment.words)
        self._weights = torch.tensor([getattr(config.weights, name) for name in TASK_ORDER])
        self._device = device
        self._optimizers = optimizers_for(network, config)
        self._pad_id = int(network.config.pad_token_id or 0)
        self._stop = False

    def run(self) -> Progress:
        """Train until ``config.steps``; SIGTERM and SIGINT save first, then stop."""
        progress = self._resume()
        handlers = {s: signal.signal(s, self._ask_to_stop) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            with SummaryWriter(self._folder / "tensorboard") as board:
                return self._train(progress, board)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _train(self, progress: Progress, board: SummaryWriter) -> Progress:
        config = self._config
        saved = looked = time.monotonic()
        report = TaskReport()
        bar = tqdm(total=config.steps, initial=progress.step, unit="step", smoothing=0.05)
        while progress.step < config.steps and not self._stop:
            examples = self._epoch(progress.epoch)
            batches = plan(examples, config.batch_tokens, config.seed + progress.epoch)
            for indices in batches[progress.batch :]:
                started = time.monotonic()
                batch = collate([examples[index] for index in indices], self._pad_id)
                tokens = batch.tokens
                report.add(self._step(batch.to(self._device), progress.step))
                now = time.monotonic()
                progress = Progress(
                    step=progress.step + 1,
                    epoch=progress.epoch,
                    batch=progress.batch + 1,
                    tokens=progress.tokens + tokens,
                    seconds=progress.seconds + now - started,
                )
                bar.update()
                if progress.step % 20 == 0:
                    report.write(board, "train", progress.step)
                    rate = report.tokens_per_second(progress)
                    board.add_scalar("tokens_per_second", rate, progress.step)
                    bar.set_postfix_str(f"{rate:.0f} tokens/s, {report.line()}")
                    report = TaskReport()
                done = progress.step >= config.steps or self._stop
                if done or now - looked > config.dev_minutes * 60:
                    self._look_at_dev(board, progress, bar.write)
                    looked = time.monotonic()
                if done or now - saved > config.save_minutes * 60:
                    save_checkpoint(self._folder, self._network, self._optimizers, progress)
                    saved = time.monotonic()
                if done:
                    break
            else:
                progress = Progress(
                    step=progress.step,
                    epoch=progress.epoch + 1,
                    tokens=progress.tokens,
                    seconds=progress.seconds,
                )
        bar.close()
        return progress

    def _step(self, batch: Batch, step: int) -> Loss:
        config = self._config
        # Dropout, if any, is a function of the step, so that a resumed run repeats itself.
        torch.manual_seed(config.seed * 1_000_003 + step)
        self._network.train()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=config.dtype == "bfloat16"):
            loss = loss_of(
                self._network,
                batch,
                label_smoothing=config.label_smoothing,
                weights=self._weights,
            )
        if not torch.isfinite(loss.mean):
            raise ConfigError(
                f"the loss of step {step} is not finite; expected a number; lower learning_rate "
                f"(now {config.learning_rate:g}) and go on from the last checkpoint"
            )
        loss.mean.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), config.gradient_clip)
        factor = rate_factor(step, config)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("peak_lr", group["lr"]) * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss

    def _epoch(self, epoch: int) -> list[Example]:
        """Return the examples of an epoch: a function of the seed and the epoch alone."""
        examples: list[Example] = []
        if epoch == 0 and self._config.augmentation.copy_warmup:
            for number in range(self._config.augmentation.copy_warmup):
                chance = random.Random(f"{self._config.seed}/copy/{number}")
                examples += encode_turn(self._copy_turns(chance), self._builder)
            return examples
        for number, turn in enumerate(self._turns):
            chance = random.Random(f"{self._config.seed}/{epoch}/{number}")
            shown = chance.random() < self._config.augmentation.delexicalised
            turn = self._augment(turn, chance)
            examples += encode_turn(turn, self._builder, show_placeholders=shown)
            if chance.random() < self._config.augmentation.copy_turns:
                examples += encode_turn(self._copy_turns(chance), self._builder)
        return examples

    @torch.no_grad()
    def _look_at_dev(
        self, board: SummaryWriter, progress: Progress, write: Callable[[str], None]
    ) -> None:
        report = TaskReport()
        self._network.eval()
        for indices in plan(self._dev, self._config.batch_tokens, seed=0):
            batch = collate([self._dev[index] for index in indices], self._pad_id)
            report.add(loss_of(self._network, batch.to(self._device)))
        report.write(board, "dev", progress.step)
        write(f"step {progress.step} epoch {progress.epoch} dev: {report.line(full=True)}")

    def _resume(self) -> Progress:
        complete = checkpoints(self._folder)
        if not complete:
            return Progress()
        return load_checkpoint(complete[-1], self._network, self._optimizers)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
