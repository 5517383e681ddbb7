"""Training run: what ``tod train`` does, from a configuration to a checkpoint folder.

It prepares the corpora, makes the tokenizer and the network, trains, and exports the checkpoint.
Whatever a run has done already is kept: prepared corpus, vocabulary, steps. Example:
``run_training("multiwoz", out=Path("checkpoints/multiwoz"))``.
"""

import json
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import T5ForConditionalGeneration

from todserve.runtime.console import tell
from todserve.runtime.intents.intent_model import INTENT_MODEL
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.values.value_reader import check_packages
from todserve.runtime.whole_files import write_whole
from todserve.training.batches.examples import encode_turns
from todserve.training.batches.mixture import Mixture
from todserve.training.batches.step_budget import with_budget
from todserve.training.classifiers.draft_counts import save_counts
from todserve.training.loop.distributed import World, joined
from todserve.training.loop.run_checkpoints import Progress, checkpoints, unique_weights
from todserve.training.loop.schedule import share_done
from todserve.training.loop.training_loop import Trainer
from todserve.training.network.distillation import load_teacher
from todserve.training.network.origin import ORIGIN_FILE, origin_of
from todserve.training.network.vocabulary import learnt_labels
from todserve.training.preflight import (
    check_examples,
    check_network,
    check_positions,
    check_prompts,
    check_targets,
    unexported,
)
from todserve.training.preparation.corpus_digests import digests
from todserve.training.preparation.length_limits import within_length
from todserve.training.preparation.preparation_record import changed_corpora, check_prepared
from todserve.training.preparation.spoken_training import known_values, spoken_sample
from todserve.training.preparation.training_turns import TrainingTurn, is_prepared, load_turns
from todserve.training.training_config import TrainingConfig

_PREFLIGHT_TURNS = 20_000
_ANNOTATED_AS = {
    TaskName.BELIEF_STATE: "belief_state",
    TaskName.INTENT: "intent",
    TaskName.DIALOGUE_ACT: "dialogue_acts",
    TaskName.RESPONSE: "delexicalised_response",
}
"""What the layouts of `tod data` call what each task learns from."""


def run_training(
    config: str | Path,
    *,
    overrides: Sequence[str] = (),
    out: str | Path | None = None,
    root: str | Path | None = None,
    runs: str | Path = "runs",
    threads: int | None = None,
) -> Path:
    """Train, resuming what is there, and write a checkpoint folder.

    Args:
        config: a YAML file, the name of a shipped configuration, or a folder of dialogues.
        overrides: ``key=value`` replacements of its top-level keys.
        out: the checkpoint folder; ``runs/NAME/checkpoint`` when None.
        root: where the corpora are; TOD_DATA when None.
        runs: parent of the run's folder.
        threads: CPU threads of each process; PyTorch's choice when None.

    Raises:
        ConfigError: the configuration, or what it starts from, contradicts itself.
        CorpusError: a corpus is missing or malformed.
    """
    settings = TrainingConfig.load(str(config), tuple(overrides))
    if threads:
        torch.set_num_threads(threads)
    folder = Path(runs) / settings.name
    checkpoint = folder / "checkpoint" if out is None else Path(out)
    with nothing_empty(folder), joined(os.environ) as world:
        return _run(settings, folder, checkpoint, None if root is None else Path(root), world)


@contextmanager
def nothing_empty(folder: Path) -> Iterator[None]:
    """Remove the empty folders that a failure leaves of a run, and its parent's if it was new."""
    before = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        yield
    except BaseException:
        inside = (one for one in folder.rglob("*") if one.is_dir())
        for one in [*sorted(inside, reverse=True), *before]:
            # One that holds anything is kept: the run goes on from it.
            with suppress(OSError):
                one.rmdir()
        raise


def _finish(checkpoint: Path, prepared: Path) -> None:
    # Scoring needs more packages than training on prepared corpora.
    from todserve.training.held_out_scores import finish

    tell(finish(checkpoint, prepared).table())
    tell(f"checkpoint: {checkpoint}\nNow:\n  tod archive {checkpoint}\n  tod start")


def _tell_corrections(corpora: Sequence[str], checkpoint: Path, folder: Path) -> None:
    """Say what became of the turns that people corrected, of every corpus that has some."""
    places = [place for place in map(Path, corpora) if place.is_dir()]
    if not places:
        return
    # Reading corpora and answering need more packages than training on prepared ones.
    from todserve.evaluation.replay.correction_changes import has_answers, report_changes
    from todserve.runtime.pipeline import Pipeline

    places = [place for place in places if has_answers(place)]
    if not places:
        return
    with closing(Pipeline.load(checkpoint, constrained=True)) as model:
        for place in places:
            file = folder / f"changes-{place.resolve().name}.json"
            lines = report_changes(model, place, file)
            tell("\n".join((f"{place}, as people left it; each turn in {file}", *lines)))


def _run(
    settings: TrainingConfig, folder: Path, checkpoint: Path, root: Path | None, world: World
) -> Path:
    prepared = _prepared(settings, folder, root, world)
    schema = Schema.load(prepared / "schema.json")
    if settings.finish:  # what scores it in the end reads the values of typed slots
        check_packages(schema)
    train = load_turns(prepared / "train.jsonl.gz")
    dev = load_turns(prepared / "dev.jsonl.gz")
    torch.manual_seed(settings.seed)
    with world.leader_first():
        known = known_values(prepared / "knowledge.sqlite", schema)
        spoken = spoken_sample(settings, schema, train, known)
        tokenizer, network, notes = origin_of(settings, folder, [*train, *dev, *spoken], schema)
    builder = PromptBuilder(tokenizer, settings.format, schema)
    if world.leads:
        # Spread over the corpora, which stand one after the other.
        every = max(1, len(train) // _PREFLIGHT_TURNS)
        preflight(network, tokenizer, builder, train[::every])
    train, lengths = within_length(train, builder, tokenizer, settings.max_length)
    mixture = Mixture(train, settings.mixing, settings.seed)
    settings = with_budget(settings, mixture.epoch(0), builder)
    for line in (*notes, *lengths.lines(), *mixture.lines(), *_untaught(settings.format, train)):
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
        known=known,
    )
    size = sum(weight.numel() for weight in network.parameters())
    world.say(
        f"{len(train)} turns, a vocabulary of {tokenizer.size}, {size / 1e6:.1f}M parameters, "
        f"{world.size} x {world.device.type}, {settings.batches_per_step} batches a step"
    )
    progress = trainer.run()
    if world.leads:
        learnt = settings.model_copy(update={"format": _taught(settings.format, train)})
        export_checkpoint(checkpoint, network, tokenizer, learnt, prepared, progress)
        learnt_labels(train).save(checkpoint)
        save_counts(train, builder, checkpoint)
    world.say(f"checkpoint of step {progress.step} in {checkpoint}")
    whole = share_done(progress.step, progress.seconds, settings) >= 1
    if settings.finish and world.leads and whole:  # one that was stopped goes on another time
        _finish(checkpoint, prepared)
    if world.leads and whole:
        _tell_corrections(settings.corpora, checkpoint, folder)
    return checkpoint


def _prepared(settings: TrainingConfig, folder: Path, root: Path | None, world: World) -> Path:
    """Return the run's prepared folder, made if it is missing.

    A run without a step begins anew when its corpora have changed; one with steps refuses.
    """
    prepared = folder / "prepared"
    files = digests((*settings.corpora, settings.dev_corpus), root)
    with world.leader_first():
        if not checkpoints(folder) and (changed := changed_corpora(prepared, files)):
            world.say(f"{', '.join(changed)} changed since {prepared} was made: preparing anew")
            shutil.rmtree(prepared)
            for name in ("tokenizer.json", ORIGIN_FILE):
                (folder / name).unlink(missing_ok=True)
        if not is_prepared(prepared):
            # Reading corpora needs more packages than training on prepared ones.
            from todserve.training.preparation.prepared_corpus import prepare

            world.say(f"preparing {', '.join(settings.corpora)} in {prepared}")
            world.say("\n".join(prepare(prepared, settings.preparation, root=root)))
    check_prepared(prepared, settings.preparation, files)
    return prepared


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
    check_positions(network, builder)
    if (warning := unexported(network)) is not None:
        tell(f"warning: {warning}")
    examples = encode_turns(turns, builder)
    check_examples(examples, tokenizer.size)
    check_prompts(examples, builder, tokenizer)
    for warning in check_targets(examples, tokenizer.unknown_id):
        tell(f"warning: {warning}")


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
    for fitted in ("calibration.json", INTENT_MODEL):
        (checkpoint / fitted).unlink(missing_ok=True)
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
    write_whole(checkpoint / "training.json", json.dumps(provenance, indent=2) + "\n")


def _taught(form: PromptFormat, turns: Sequence[TrainingTurn]) -> PromptFormat:
    """Return the form with the tasks that some turn has a target for."""
    targets = {task for turn in turns for task in turn.tasks}
    return form.model_copy(update={"tasks": tuple(task for task in form.tasks if task in targets)})


def _untaught(form: PromptFormat, turns: Sequence[TrainingTurn]) -> tuple[str, ...]:
    """Return the line that says what no turn teaches, where there is such a thing."""
    taught = _taught(form, turns).tasks
    missing = [_ANNOTATED_AS[task] for task in form.tasks if task not in taught]
    if not missing:
        return ()
    return (f"no turn has {' or '.join(missing)}: the model will answer {', '.join(taught)} alone",)


def _hardware() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{os.cpu_count()} CPU cores ({platform.machine()})"
