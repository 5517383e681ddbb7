"""The four prompt forms side by side: context full/markov x prompt in encoder/decoder.

One small network from scratch per form, on the same prepared turns, in the same order, for the same
number of steps with the same number of turns in each; then dev scores, training speed and
latency at turns 1, 5 and 15 of a dialogue, the four forms taking turns. Example:
``python -m benchmarks.prompt_forms --prepared runs/multiwoz/prepared --steps 500 --out FILE``.

A form that encodes a context once per task, or reads the whole history, pays for it with longer
batches, not with fewer turns: scores compare the forms, tokens/s and seconds their cost.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from transformers import T5ForConditionalGeneration

from todserve.corpora.registry import load
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.scorecard import code_version
from todserve.evaluation.suites.multiwoz.multiwoz_run import run_evaluation
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.prompts import Exchange, PromptBuilder, PromptFormat
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest
from todserve.training.batches.batch import collate, plan
from todserve.training.batches.examples import encode_turns
from todserve.training.network.training_network import build_network, loss_of
from todserve.training.network.vocabulary import corpus_lines, special_tokens, train_tokenizer
from todserve.training.preparation.training_turns import TrainingTurn, load_turns
from todserve.training.training_config import TrainingConfig
from todserve.training.training_run import run_training

FORMS = (
    ("markov", "decoder"),
    ("markov", "encoder"),
    ("full", "decoder"),
    ("full", "encoder"),
)
NETWORK = "{d_model: 128, d_kv: 32, d_ff: 512, num_layers: 3, num_decoder_layers: 1, num_heads: 4}"
SCORES = (
    "joint_goal_accuracy",
    "slot_f1",
    "intent_accuracy",
    "dialogue_act_f1",
    "response_bleu_surrogate",
)
LATENCY_TURNS = (1, 5, 15)
_DEV_TURNS = 512
_SPEED_STEPS = 15
_SAMPLE = 2000  # turns whose mean cost sets the size of a batch


def main() -> None:
    """Train, score and time the four forms; write JSON and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="a prepared MultiWOZ folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--turns-per-step", type=int, default=16)
    parser.add_argument("--copy-warmup", type=int, default=3000, help="made-up turns, first epoch")
    parser.add_argument("--dialogues", type=int, default=100, help="dev dialogues scored")
    parser.add_argument("--repeats", type=int, default=10, help="of each latency")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    turns = load_turns(arguments.prepared / "train.jsonl.gz")
    schema = Schema.load(arguments.prepared / "schema.json")
    dev = load_turns(arguments.prepared / "dev.jsonl.gz")
    tokenizer_file = arguments.runs / "forms-tokenizer.json"
    if not tokenizer_file.is_file():
        both = [*turns, *dev]
        train_tokenizer(corpus_lines(both, schema), 4000, special_tokens(both, schema)).save(
            tokenizer_file
        )
    rows: list[dict[str, object]] = []
    builders: list[PromptBuilder] = []
    budgets: list[int] = []
    for context, placement in FORMS:
        name = f"form-{context}-{placement}"
        folder = arguments.runs / name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "prepared").exists():
            (folder / "prepared").symlink_to(arguments.prepared.resolve())
            (folder / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
        prompt_format = PromptFormat(
            context=context,  # type: ignore[arg-type]  # pydantic reads the name
            prompt_placement=placement,  # type: ignore[arg-type]
            belief_target="update",  # type: ignore[arg-type]
            system_turns="plain",  # type: ignore[arg-type]
            max_history_tokens=400,
        )
        builder = PromptBuilder(Tokenizer.load(tokenizer_file), prompt_format, schema)
        cost = tokens_per_turn(turns[:_SAMPLE], builder)
        overrides = (
            f"name={name}",
            f"format={prompt_format.model_dump_json()}",
            f"network={NETWORK}",
            f"batch_tokens={round(cost * arguments.turns_per_step)}",
            f"steps={arguments.steps}",
            f"decay_steps={arguments.steps * 3 // 10}",
            "augmentation={probability: 0.6, copy_turns: 0.1, copy_warmup: "
            f"{arguments.copy_warmup}}}",
            "dtype=bfloat16",
        )
        checkpoint = folder / "checkpoint"
        if not checkpoint.exists():
            run_training("multiwoz-scratch", overrides=overrides, runs=arguments.runs, threads=1)
        builders.append(builder)
        budgets.append(round(cost * arguments.turns_per_step))
        card = run_evaluation(
            AnswererSource(checkpoint=checkpoint),
            limit=arguments.dialogues,
            end_to_end=False,
            progress=False,
        )
        rows.append(
            {
                "context": context,
                "prompt_placement": placement,
                "tokens_per_turn": round(cost, 1),
                **{score: card.value(score) for score in SCORES},
                "dev_nats": dev_nats(checkpoint, dev[:_DEV_TURNS], builder),
                "signature": str(card.figures[0].signature),
            }
        )
        print(json.dumps(rows[-1], indent=2), flush=True)
    checkpoints = [arguments.runs / f"form-{form[0]}-{form[1]}/checkpoint" for form in FORMS]
    for row, latency in zip(rows, latencies(checkpoints, arguments.repeats), strict=True):
        row["latency_ms"] = latency
    config = TrainingConfig.load("multiwoz-scratch", (f"network={NETWORK}",))
    size = Tokenizer.load(tokenizer_file).size
    speeds = training_speeds(config, size, builders, budgets, turns[:_SAMPLE])
    for row, (tokens, per_turn) in zip(rows, speeds, strict=True):
        row["tokens_per_second"], row["turns_per_second"] = tokens, per_turn
    content = {
        "code": code_version(),
        "network": config.network.model_dump(),
        "steps": arguments.steps,
        "turns_per_step": arguments.turns_per_step,
        "copy_warmup": arguments.copy_warmup,
        "forms": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(table(rows))


def tokens_per_turn(turns: list[TrainingTurn], builder: PromptBuilder) -> float:
    """Return the mean encoder and decoder tokens a turn costs in the builder's form."""
    examples = encode_turns(turns, builder)
    return sum(len(one.context) + one.decoder_length for one in examples) / len(turns)


@torch.no_grad()
def dev_nats(checkpoint: Path, turns: list[TrainingTurn], builder: PromptBuilder) -> float:
    """Return the mean cross-entropy, in nats a target token, over all four tasks."""
    network = T5ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    examples = encode_turns(turns, builder)
    nats, tokens = 0.0, 0
    for indices in plan(examples, 4096, seed=0):
        loss = loss_of(network, collate([examples[index] for index in indices], pad_id=0))
        nats += float(loss.nats.sum())
        tokens += int(loss.tokens.sum())
    return nats / tokens


def training_speeds(
    config: TrainingConfig,
    vocabulary_size: int,
    builders: list[PromptBuilder],
    budgets: list[int],
    turns: list[TrainingTurn],
) -> list[tuple[float, float]]:
    """Return the median useful tokens and turns a second of optimiser steps, forms taking turns."""
    forms = []
    for builder, budget in zip(builders, budgets, strict=True):
        network = build_network(config.network, vocabulary_size, pad_id=0, end_id=1)
        network.train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
        examples = encode_turns(turns, builder)
        batches = plan(examples, budget, seed=1)
        forms.append((network, optimizer, examples, batches))
    taken: list[list[tuple[float, float]]] = [[] for _ in forms]
    for number in range(_SPEED_STEPS):
        for place, (network, optimizer, examples, batches) in enumerate(forms):
            batch = collate([examples[index] for index in batches[number]], pad_id=0)
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(network, batch)
            loss.mean.backward()
            optimizer.step()
            optimizer.zero_grad()
            seconds = time.perf_counter() - start
            per_turn = len(examples) / len(turns)
            taken[place].append((batch.tokens / seconds, len(batches[number]) / per_turn / seconds))
    return [
        (
            round(statistics.median(tokens for tokens, _ in one)),
            round(statistics.median(rate for _, rate in one), 1),
        )
        for one in taken
    ]


def latencies(checkpoints: list[Path], repeats: int) -> list[dict[str, float]]:
    """Return, for each checkpoint, the median milliseconds of a whole turn by its number."""
    longest = max(LATENCY_TURNS)
    dialogues = [one for one in load("multiwoz21", "dev") if len(one.turns) >= longest][:5]
    pipelines = [Pipeline.load(one, settings=EngineSettings(threads=1)) for one in checkpoints]
    taken: list[dict[int, list[float]]] = [{n: [] for n in LATENCY_TURNS} for _ in checkpoints]
    for repeat in range(repeats + 1):
        for dialogue in dialogues:
            for number in LATENCY_TURNS:
                request = _request(dialogue, number - 1)
                for place, pipeline in enumerate(pipelines):
                    start = time.perf_counter()
                    pipeline.answer([request])
                    if repeat:  # the first round warms up
                        taken[place][number].append(1e3 * (time.perf_counter() - start))
    return [
        {f"turn_{number}": round(statistics.median(values), 1) for number, values in one.items()}
        for one in taken
    ]


def _request(dialogue: Dialogue, index: int) -> TurnRequest:
    before = dialogue.turns[index - 1].belief_state if index else {}
    return TurnRequest.of_corpus(
        user=dialogue.turns[index].user,
        history=tuple(
            Exchange(user=turn.user, system=turn.system or "") for turn in dialogue.turns[:index]
        ),
        state=before or {},
        domain=dialogue.turns[index - 1].active_domain if index else None,
    )


def table(rows: list[dict[str, object]]) -> str:
    """Return the rows as Markdown."""
    keys = [key for key in rows[0] if key not in ("signature", "latency_ms")]
    lines = ["| " + " | ".join([*keys, *(f"turn {n} ms" for n in LATENCY_TURNS)]) + " |"]
    lines.append("|" + "---|" * (len(keys) + len(LATENCY_TURNS)))
    for row in rows:
        latency = row["latency_ms"]
        assert isinstance(latency, dict)
        cells = [f"{row[key]:.4g}" if isinstance(row[key], float) else row[key] for key in keys]
        cells += [latency[f"turn_{number}"] for number in LATENCY_TURNS]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
