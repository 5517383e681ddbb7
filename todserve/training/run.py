"""`tod train`: from a configuration to a checkpoint folder.

Ties the rooms of training together. Whatever a run has done already is kept: prepared corpus,
vocabulary, steps. Example: ``run_training("multiwoz", out=Path("checkpoints/multiwoz"))``.
"""

import json
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

import tokenizers
import torch
from safetensors.torch import save_file
from transformers import T5ForConditionalGeneration
from transformers.utils import logging as transformers_logging

from todserve.runtime.errors import ConfigError
from todserve.runtime.prompts import PromptBuilder, PromptFormat
from todserve.runtime.schema import Schema
from todserve.runtime.tokenization import Tokenizer
from todserve.training.budget import with_budget
from todserve.training.checkpointing import Progress, unique_weights
from todserve.training.config import Start, TrainingConfig
from todserve.training.distillation import load_teacher, teacher_vocabulary
from todserve.training.distributed import World, joined
from todserve.training.examples import encode_turns
from todserve.training.initialisation import arrange_for_copying
from todserve.training.lengths import within_length
from todserve.training.loop import Trainer
from todserve.training.mixture import Mixture
from todserve.training.network import build_network
from todserve.training.preflight import (
    check_examples,
    check_network,
    check_prompts,
    check_targets,
)
from todserve.training.preparation import check_prepared
from todserve.training.turns import TrainingTurn, is_prepared, load_turns
from todserve.training.vocabulary import (
    corpus_lines,
    learnt_labels,
    special_tokens,
    train_tokenizer,
    with_tokens,
)

_PREFLIGHT_TURNS = 20_000


def run_training(
    config: str,
    *,
    overrides: tuple[str, ...] = (),
    out: Path | None = None,
    root: Path | None = None,
    runs: Path = Path("runs"),
    threads: int | None = None,
) -> Path:
    """Train, resuming what is there, and write a checkpoint folder.

    Args:
        config: a YAML file or the name of a shipped configuration.
        overrides: ``key=value`` replacements of its top-level keys.
        out: the checkpoint folder; ``runs/NAME/checkpoint`` when None.
        root: where the corpora are; TOD_DATA when None.
        runs: parent of the run's folder.
        threads: CPU threads of each process; PyTorch's choice when None.

    Raises:
        ConfigError: the configuration, or what it starts from, contradicts itself.
        CorpusError: a corpus is missing or malformed.
    """
    settings = TrainingConfig.load(config, overrides)
    if threads:
        torch.set_num_threads(threads)
    folder = runs / settings.name
    with joined(os.environ) as world:
        return _run(settings, folder, out or folder / "checkpoint", root, world)


def _run(
    settings: TrainingConfig, folder: Path, checkpoint: Path, root: Path | None, world: World
) -> Path:
    prepared = folder / "prepared"
    with world.leader_first():
        if not is_prepared(prepared):
            # Reading corpora needs more packages than training on prepared ones.
            from todserve.training.prepare import prepare

            world.say(f"preparing {', '.join(settings.corpora)} in {prepared}")
            world.say("\n".join(prepare(prepared, settings.preparation, root=root)))
    check_prepared(prepared, settings.preparation)
    schema = Schema.load(prepared / "schema.json")
    train = load_turns(prepared / "train.jsonl.gz")
    dev = load_turns(prepared / "dev.jsonl.gz")
    torch.manual_seed(settings.seed)
    with world.leader_first():
        tokenizer, network = _start(settings, folder, [*train, *dev], schema)
    builder = PromptBuilder(tokenizer, settings.format, schema)
    if world.leads:
        # Spread over the corpora, which stand one after the other.
        every = max(1, len(train) // _PREFLIGHT_TURNS)
        preflight(network, tokenizer, builder, train[::every])
    train, lengths = within_length(train, builder, tokenizer, settings.max_length)
    mixture = Mixture(train, settings.mixing, settings.seed)
    settings = with_budget(settings, mixture.epoch(0), builder)
    for line in (*lengths.lines(), *mixture.lines()):
        world.say(line)
    teacher = None
    if settings.teacher is not None:
        teacher = load_teacher(Path(settings.teacher), folder / "tokenizer.json", settings.format)
    trainer = Trainer(
        config=settings,
        folder=folder,
        network=network,
        builder=builder,
        train_turns=train,
        dev_turns=dev,
        world=world,
        teacher=teacher,
    )
    size = sum(weight.numel() for weight in network.parameters())
    world.say(
        f"{len(train)} turns, {tokenizer.size} tokens, {size / 1e6:.1f}M parameters, "
        f"{world.size} x {world.device.type}, {settings.batches_per_step} batches a step"
    )
    progress = trainer.run()
    if world.leads:
        learnt = settings.model_copy(update={"format": _taught(settings.format, train)})
        export_checkpoint(checkpoint, network, tokenizer, learnt, prepared, progress)
        learnt_labels(train).save(checkpoint)
    world.say(f"checkpoint of step {progress.step} in {checkpoint}")
    return checkpoint


def preflight(
    network: T5ForConditionalGeneration,
    tokenizer: Tokenizer,
    builder: PromptBuilder,
    turns: list[TrainingTurn],
) -> None:
    """Run every check that can be made before the first step.

    Raises:
        ConfigError: with the first fault found.
    """
    check_network(network, tokenizer)
    examples = encode_turns(turns, builder)
    check_examples(examples, tokenizer.size)
    check_prompts(examples, builder, tokenizer)
    for warning in check_targets(examples):
        print(f"warning: {warning}")


def export_checkpoint(
    checkpoint: Path,
    network: T5ForConditionalGeneration,
    tokenizer: Tokenizer,
    config: TrainingConfig,
    prepared: Path,
    progress: Progress,
) -> None:
    """Write the folder that `tod archive` packs, weights as float16 (they load as float32)."""
    checkpoint.mkdir(parents=True, exist_ok=True)
    # Fitted on the weights that are about to be replaced; opening would refuse it.
    (checkpoint / "calibration.json").unlink(missing_ok=True)
    network.config.save_pretrained(checkpoint)
    weights = {name: value.half() for name, value in unique_weights(network).items()}
    partial = checkpoint / "model.partial"
    save_file(weights, partial, metadata={"format": "pt"})
    os.replace(partial, checkpoint / "model.safetensors")
    tokenizer.save(checkpoint / "tokenizer.json")
    config.format.save(checkpoint / "format.json")
    for name in ("schema.json", "knowledge.sqlite"):
        shutil.copyfile(prepared / name, checkpoint / name)
    provenance = {
        "config": config.model_dump(mode="json"),
        "step": progress.step,
        "epoch": progress.epoch,
        "useful_tokens": progress.tokens,
        "seconds": round(progress.seconds),
        "torch": torch.__version__,
        "hardware": _hardware(),
    }
    (checkpoint / "training.json").write_text(
        json.dumps(provenance, indent=2) + "\n", encoding="utf-8"
    )


def _taught(form: PromptFormat, turns: Sequence[TrainingTurn]) -> PromptFormat:
    """Return the form with the tasks that some turn has a target for."""
    targets = {task for turn in turns for task in turn.tasks}
    return form.model_copy(update={"tasks": tuple(task for task in form.tasks if task in targets)})


def _start(
    config: TrainingConfig, folder: Path, turns: list[TrainingTurn], schema: Schema
) -> tuple[Tokenizer, T5ForConditionalGeneration]:
    special = special_tokens(turns, schema)
    file = folder / "tokenizer.json"
    if config.initial is None:
        if not file.is_file() and config.teacher is not None:
            with_tokens(teacher_vocabulary(Path(config.teacher)), special).save(file)
        elif not file.is_file():
            lines = corpus_lines(turns, schema)
            train_tokenizer(lines, config.vocabulary_size, special).save(file)
        tokenizer = Tokenizer.load(file)
        network = build_network(config.network, tokenizer.size, pad_id=0, end_id=1)
        if config.start is Start.COPYING:
            arrange_for_copying(network)
        return tokenizer, network
    network, pretrained = _pretrained(config.initial)
    tokenizer = with_tokens(pretrained, special)
    if tokenizer.size > network.get_input_embeddings().weight.shape[0]:
        # Means and covariances of the old rows help words, not control tokens.
        network.resize_token_embeddings(tokenizer.size, mean_resizing=False)
    tokenizer.save(file)
    return tokenizer, network


def _pretrained(initial: str) -> tuple[T5ForConditionalGeneration, tokenizers.Tokenizer]:
    transformers_logging.disable_progress_bar()
    folder = Path(initial)
    try:
        network = T5ForConditionalGeneration.from_pretrained(initial, dtype=torch.float32)
        if folder.is_dir():
            return network, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        return network, tokenizers.Tokenizer.from_pretrained(initial)
    except Exception as error:  # transformers and tokenizers raise many kinds
        raise ConfigError(
            f"cannot start from {initial!r}: {error}; expected a Hugging Face T5 id that is "
            "cached or reachable, or a folder with config.json, model.safetensors, tokenizer.json"
        ) from error


def _hardware() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{os.cpu_count()} CPU cores ({platform.machine()})"
