"""Training speed beside the stock Seq2SeqTrainer: one network, one corpus, equal batch tokens.

Both train the shipped network from the same random weights on the same prepared turns; a batch
holds as many padded tokens in one as in the other on average. The stock trainer gets a turn the
usual way, as one example for each task with the prompt before the context, in random order, padded
by DataCollatorForSeq2Seq; a second row lets it group by length. They take turns for several rounds;
medians are printed. Example:
``python -m benchmarks.training_speed --prepared runs/multiwoz/prepared --out FILE``.

Three rates, for one alone can mislead: useful tokens/s (encoder and decoder positions that are no
padding, as each really computes them), turns/s, and target tokens/s, which are the same tokens for
the same turns whoever trains.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedTokenizerFast,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5ForConditionalGeneration,
    TrainerCallback,
)

from todserve.evaluation.scorecard import code_version
from todserve.runtime.language.prompts import PromptBuilder, PromptPlacement
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.batch import collate, plan
from todserve.training.batches.examples import Example, encode_turns
from todserve.training.loop.distributed import World
from todserve.training.loop.training_loop import Trainer
from todserve.training.network.training_network import build_network
from todserve.training.preparation.training_turns import TrainingTurn, load_turns
from todserve.training.training_config import TrainingConfig

_TOKENIZER = Path("checkpoints/multiwoz/tokenizer.json")
_WARM_UP = 3  # steps of the stock trainer before its clock starts


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What one round achieved, per second."""

    useful_tokens: float
    turns: float
    target_tokens: float
    padding: float
    """Share of padded positions, not a rate."""


class Encoded(Dataset[dict[str, list[int]]]):
    """One row per turn and task, as the stock trainer wants it."""

    def __init__(self, examples: list[Example]) -> None:
        self.rows = [
            {"input_ids": list(example.context), "labels": list(example.blocks[0].target)}
            for example in examples
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return self.rows[index]


class Counting:
    """The stock collator, counting what passes through."""

    def __init__(self, tokenizer_file: Path, network: T5ForConditionalGeneration) -> None:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), pad_token="<pad>")
        self._collate = DataCollatorForSeq2Seq(tokenizer, model=network)
        self.batches: list[tuple[int, int, int, int]] = []

    def __call__(self, rows: list[dict[str, list[int]]]) -> Any:
        """Pad ``rows`` to one batch."""
        batch = self._collate(rows)
        given = int((batch["labels"] != -100).sum())
        useful = int(batch["attention_mask"].sum()) + given
        padded = batch["input_ids"].numel() + batch["labels"].numel()
        self.batches.append((useful, padded, len(rows), given))
        return batch


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def main() -> None:
    """Run the rounds, print and write the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="a prepared folder")
    parser.add_argument("--turns", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = TrainingConfig.load(
        "multiwoz-scratch",
        (
            f"steps={arguments.steps}",
            "augmentation={probability: 0, delexicalised: 0}",
            f"dtype={arguments.dtype}",
            "dev_turns=8",
            "start=t5",
        ),
    )
    tokenizer = Tokenizer.load(_TOKENIZER)
    schema = Schema.load(arguments.prepared / "schema.json")
    turns = load_turns(arguments.prepared / "train.jsonl.gz")[: arguments.turns]
    builder = PromptBuilder(tokenizer, config.format, schema)
    stock_format = config.format.model_copy(update={"prompt_placement": PromptPlacement.ENCODER})
    rows = Encoded(encode_turns(turns, PromptBuilder(tokenizer, stock_format, schema)))
    size = _rows_of_equal_tokens(rows, config.batch_tokens)
    results: dict[str, list[Rates]] = {"todserve": [], "stock": [], "stock, grouped by length": []}
    for _ in range(arguments.rounds):
        results["todserve"].append(_ours(config, builder, tokenizer, turns))
        for name, grouped in (("stock", False), ("stock, grouped by length", True)):
            results[name].append(_stock(config, tokenizer, rows, size, grouped=grouped))
    content = {
        "code": code_version(),
        "network": config.network.model_dump(),
        "dtype": arguments.dtype,
        "threads": arguments.threads,
        "batch_tokens": config.batch_tokens,
        "stock_rows_per_batch": size,
        "steps": arguments.steps,
        "rounds": arguments.rounds,
        "medians": {name: _median(rounds) for name, rounds in results.items()},
    }
    ours = content["medians"]["todserve"]  # type: ignore[index]
    content["ratios"] = {
        name: {key: round(ours[key] / values[key], 2) for key in ours if key != "padding"}
        for name, values in content["medians"].items()  # type: ignore[attr-defined]
        if name != "todserve"
    }
    print(json.dumps(content, indent=2))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _rows_of_equal_tokens(rows: Encoded, batch_tokens: int) -> int:
    """Return the rows of a stock batch whose padded tokens are ``batch_tokens`` on average."""
    widths = [(len(row["input_ids"]), len(row["labels"])) for row in rows.rows]
    size = 1
    while True:
        padded = [
            size * (max(w for w, _ in group) + max(d for _, d in group))
            for group in _groups(widths, size + 1)
        ]
        if statistics.mean(padded) > batch_tokens:
            return size
        size += 1


def _groups(widths: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    order = torch.randperm(len(widths), generator=torch.Generator().manual_seed(0)).tolist()
    for start in range(0, len(order) - size, size):
        yield [widths[index] for index in order[start : start + size]]


def _network(config: TrainingConfig, size: int) -> T5ForConditionalGeneration:
    torch.manual_seed(config.seed)
    return build_network(config.network, size, pad_id=0, end_id=1)


def _ours(
    config: TrainingConfig, builder: PromptBuilder, tokenizer: Tokenizer, turns: list[TrainingTurn]
) -> Rates:
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            config=config,
            folder=Path(folder),
            network=_network(config, tokenizer.size),
            builder=builder,
            train_turns=turns,
            dev_turns=turns[:8],
            world=World(device=torch.device("cpu")),
        )
        progress = trainer.run()
    examples = encode_turns(turns, builder)
    batches = plan(examples, config.batch_tokens, config.seed)[: progress.step]
    seen = [collate([examples[index] for index in indices], 0) for indices in batches]
    padded = sum(one.input_ids.numel() + one.decoder_input_ids.numel() for one in seen)
    if progress.tokens != sum(one.tokens for one in seen):
        raise RuntimeError("the trainer did not see the batches that are counted here")
    return Rates(
        useful_tokens=progress.tokens / progress.seconds,
        turns=sum(map(len, batches)) / progress.seconds,
        target_tokens=sum(int((one.labels >= 0).sum()) for one in seen) / progress.seconds,
        padding=1 - progress.tokens / padded,
    )


def _stock(
    config: TrainingConfig, tokenizer: Tokenizer, rows: Encoded, size: int, *, grouped: bool
) -> Rates:
    network = _network(config, tokenizer.size)
    counting, clock = Counting(_TOKENIZER, network), Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(
            model=network,
            args=Seq2SeqTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=size,
                max_steps=config.steps,
                learning_rate=config.learning_rate,
                optim="adamw_torch_fused",
                train_sampling_strategy="group_by_length" if grouped else "random",
                bf16=config.dtype == "bfloat16",
                use_cpu=True,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                seed=config.seed,
            ),
            train_dataset=rows,
            data_collator=counting,
            callbacks=[clock],
        )
        trainer.train()
    seconds = clock.ends[-1] - clock.ends[_WARM_UP - 1]
    counted = counting.batches[_WARM_UP : config.steps]
    useful, padded, number, targets = (sum(column) for column in zip(*counted, strict=True))
    return Rates(
        useful_tokens=useful / seconds,
        turns=number / len(TASKS_A_TURN) / seconds,
        target_tokens=targets / seconds,
        padding=1 - useful / padded,
    )


TASKS_A_TURN = ("belief_state", "intent", "dialogue_act", "response")
"""MultiWOZ annotates all four of nearly every turn: that many stock rows are one turn."""


def _median(rounds: list[Rates]) -> dict[str, float]:
    return {
        key: round(statistics.median(getattr(one, key) for one in rounds), 3)
        for key in Rates.__slots__
    }


if __name__ == "__main__":
    main()
