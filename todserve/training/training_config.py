"""TrainingConfig: corpora, format, network, optimiser and budget of a training run.

Read by ``tod train CONFIG`` from a YAML file; unknown keys are refused. For a folder of one's own
dialogues, or a file that names little more than one, `own_corpus` says the rest.
Example: see ``todserve/training/configs/multiwoz.yaml``.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.runtime.errors import ConfigError, DataError, first_problem
from todserve.runtime.language.prompts import PromptFormat
from todserve.runtime.untrusted.problem_words import KINDS
from todserve.runtime.untrusted.yaml_text import parse_yaml, read_yaml
from todserve.training.own_corpus import completed
from todserve.training.preparation.preparation_record import Preparation

CONFIGS = Path(__file__).parent / "configs"
"""The configurations that ship with the package."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OptimizerName(StrEnum):
    """Update rules on offer."""

    MUON = "muon"
    """Orthogonalised momentum for matrices, AdamW for the rest; for GPUs, it works in bfloat16."""
    ADAMW = "adamw"
    ADAFACTOR = "adafactor"
    """PPTOD's fine-tuning choice."""


class Network(_Frozen):
    """A T5 from scratch; the names are those of Hugging Face's T5Config."""

    d_model: int = 256
    d_kv: int = 32
    d_ff: int = 1024
    num_layers: int = 5
    num_decoder_layers: int = 2
    num_heads: int = 8
    feed_forward_proj: str = "relu"
    dropout_rate: float = 0.0


class Start(StrEnum):
    """How a network from scratch begins."""

    T5 = "t5"
    """T5's own random initialisation."""
    COPYING = "copying"
    """The same, with the parts of copying laid down (initialisation.py)."""


class Augmentation(_Frozen):
    """Replacing slot values, so that only copying from the context solves the target.

    Attributes:
        probability: share of turns whose values are replaced in each epoch.
        synthetic_names: share of replaced names that are random words instead of known names.
        delexicalised: share of turns whose system turn is shown with placeholders.
        copy_turns: made-up copy turns added, as a share of the corpus's turns.
        copy_warmup: copy turns of a first epoch that holds nothing else.
    """

    probability: float = Field(default=0.5, ge=0, le=1)
    synthetic_names: float = Field(default=0.5, ge=0, le=1)
    delexicalised: float = Field(default=0.1, ge=0, le=1)
    copy_turns: float = Field(default=0.0, ge=0, le=1)
    copy_warmup: int = Field(default=0, ge=0)


class TaskWeights(_Frozen):
    """Weight of each task's tokens in the loss; the reported nats are never weighted."""

    belief_state: float = Field(default=1.0, ge=0)
    intent: float = Field(default=1.0, ge=0)
    dialogue_act: float = Field(default=1.0, ge=0)
    response: float = Field(default=1.0, ge=0)


class LearningRates(_Frozen):
    """A peak learning rate for each part of a network.

    Attributes:
        encoder: of everything the encoder has for itself.
        embeddings: of the table of tokens, and of an output matrix of its own.
        decoder: of everything else.
    """

    encoder: float = Field(gt=0)
    embeddings: float = Field(gt=0)
    decoder: float = Field(gt=0)


PRETRAINED_RATES = LearningRates(encoder=1e-4, embeddings=2e-4, decoder=3e-4)
"""For pretrained weights: what an encoder learnt from much text must not be overwritten."""


class Recovery(_Frozen):
    """When a run goes back to its last good weights, the learning rate halved (recovery.py).

    Attributes:
        every: steps whose mean loss is judged together.
        rise: a mean above ``rise x best + slack`` is a rise; None judges only whether it is finite.
        slack: in nats.
        returns: as many returns are made; the next one ends the run.
    """

    every: int = Field(default=250, ge=1)
    rise: float | None = Field(default=1.35, gt=1)
    slack: float = Field(default=0.05, ge=0)
    returns: int = Field(default=6, ge=0)


class Mixing(_Frozen):
    """How often each corpus and task is met, as T5 and mT5 mix theirs (mixture.py).

    Attributes:
        temperature: T of p_i = n_i^(1/T) / sum, over pairs of a corpus and a task with n_i
            examples; 1 meets every example once an epoch, a high T meets every pair equally.
        cap: n_i counts as this many at most; None for no limit.
        weights: a corpus -> its share of the turns, in proportion to the others', instead of
            temperature and cap; every corpus must be named, 0 leaves it out.
        epoch_examples: examples in an epoch; as many as there are when None.
    """

    temperature: float = Field(default=1.0, ge=1)
    cap: int | None = Field(default=None, ge=1)
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    epoch_examples: int | None = Field(default=None, ge=1)


class TrainingConfig(Preparation):
    """The settings of one training run; those of its preparation are documented at `Preparation`.

    Attributes:
        name: the run's folder under ``runs/``; does not begin with a dot.
        initial: what to start from (origin.py): a checkpoint folder of ours, a Hugging Face T5
            folder or id, a BERT-like folder for the encoder, or ``minilm``; None trains from
            scratch.
        vocabulary_size: SentencePiece pieces, when from scratch.
        network: its sizes, when from scratch; those of the decoder above a BERT-like encoder.
        start: its first weights, when from scratch.
        format: how prompts and targets look.
        augmentation: how the turns are varied from epoch to epoch.
        spoken: what people really say, made from the turns and added to them.
        mixing: of corpora and tasks in an epoch.
        weights: of the tasks in the loss.
        max_length: encoder or decoder tokens of an example, at most: no history may be allowed
            more, and a longer target is dropped and counted.
        epochs: passes over the training examples; with it, ``steps`` is worked out.
        batch_examples: examples in a batch on average; with it, ``batch_tokens`` is worked out.
        steps: optimiser steps in all.
        minutes: time to train for, by the clock; ``steps`` counts beside it only where it is set.
        decay_steps: the last steps, over which the learning rate falls linearly to zero.
        decay: the same as a share of the budget, whether that is steps or minutes.
        warmup_steps: the first steps, over which it rises from zero.
        batch_tokens: padded encoder + decoder tokens in a batch, at most.
        batches_per_step: batches whose gradients make one optimiser step, shared by the processes
            of a run; a process that gets several accumulates their gradients.
        learning_rate: of AdamW and Adafactor, and of what Muon leaves to AdamW.
        learning_rates: the same for each part of the network. Where neither is given and AdamW
            starts from pretrained weights, `PRETRAINED_RATES`.
        dropout: of every layer that has one; the network's own when None.
        recovery: when a run goes back to its last good weights.
        matrix_learning_rate: of Muon.
        ema: share of the running mean of the weights that stays at each step, for example 0.999;
            the mean is what is exported. None exports the last weights.
        teacher: a T5 folder with the same vocabulary and form of prompts to be distilled; a
            student from scratch takes its tokenizer over. None learns from the targets alone.
        distillation_weight: w of (1 - w) cross-entropy + w T^2 KL(teacher || student).
        distillation_temperature: T, which divides the logits of both sides.
        feeders: processes that make batches, for each one that trains; one on a CPU, as many as
            there are cores beside a GPU when None, none makes them in between.
        cuda_graphs: record the steps of a single GPU and replay them, in batches of fixed shapes;
            where there is one, when None. True on a CPU makes the same steps unrecorded.
        save_minutes: minutes between checkpoints.
        dev_minutes: minutes between looks at the dev loss.
        dev_turns: dev turns looked at.
        finish: calibrate the checkpoint afterwards, fit its intent model and score it on dev.
        dtype: ``float32``, or ``bfloat16`` autocast where the hardware has it.
    """

    name: str = Field(pattern=r"^[\w-][\w.-]*$")
    initial: str | None = None
    vocabulary_size: int = Field(default=4000, ge=64)
    format: PromptFormat = PromptFormat()
    network: Network = Network()
    start: Start = Start.COPYING
    augmentation: Augmentation = Augmentation()
    spoken: Spoken = Spoken()
    mixing: Mixing = Mixing()
    weights: TaskWeights = TaskWeights()
    optimizer: OptimizerName = OptimizerName.ADAMW
    learning_rate: float = Field(default=1e-3, gt=0)
    learning_rates: LearningRates | None = None
    matrix_learning_rate: float = Field(default=1e-2, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    ema: float | None = Field(default=None, gt=0, lt=1)
    teacher: str | None = None
    distillation_weight: float = Field(default=0.5, ge=0, le=1)
    distillation_temperature: float = Field(default=2.0, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    recovery: Recovery = Recovery()
    steps: int = Field(default=4000, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    decay_steps: int = Field(default=1000, ge=0)
    decay: float | None = Field(default=None, ge=0, le=1)
    batch_tokens: int = Field(default=8192, ge=64)
    batches_per_step: int = Field(default=1, ge=1)
    max_length: int = Field(default=1024, ge=64)
    epochs: int | None = Field(default=None, ge=1)
    batch_examples: int | None = Field(default=None, ge=1)
    feeders: int | None = Field(default=None, ge=0)
    cuda_graphs: bool | None = None
    seed: int = 7
    save_minutes: float = Field(default=5, ge=0)
    dev_minutes: float = Field(default=10, ge=0)
    dev_turns: int = Field(default=512, ge=1)
    finish: bool = False
    dtype: str = Field(default="float32", pattern="^(float32|bfloat16)$")

    @property
    def rates(self) -> LearningRates | None:
        """The peak rates of the network's parts; None where one rate serves all."""
        chosen = {"learning_rate", "optimizer"} & self.model_fields_set
        if self.learning_rates is None and self.initial is not None and not chosen:
            return PRETRAINED_RATES
        return self.learning_rates

    @property
    def preparation(self) -> Preparation:
        """What the run is prepared from."""
        return Preparation(**{name: getattr(self, name) for name in Preparation.model_fields})

    @classmethod
    def load(cls, source: str, overrides: tuple[str, ...] = ()) -> "TrainingConfig":
        """Read a YAML file, or a shipped configuration by its name, or take a corpus's folder.

        Args:
            source: a path, the stem of a file in ``CONFIGS``, or a folder of dialogues.
            overrides: ``key=value`` pairs that replace top-level keys, e.g. ``steps=200``.

        Raises:
            ConfigError: missing file, unknown key or impossible value.
            CorpusError: the corpus of one's own that it names cannot be read.
        """
        path = Path(source)
        own = path.is_dir()
        if not own and not path.is_file():
            path = CONFIGS / f"{source}.yaml"
        if not own and not path.is_file():
            shipped = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.yaml")))
            raise ConfigError(
                f"no training configuration {source!r}; expected a YAML file, a folder of "
                f"dialogues, or one of: {shipped}"
            )
        try:
            content: dict[str, object] = {"corpora": [source]}
            if not own:
                content = read_yaml(path) or {}
                if not isinstance(content, dict):
                    kind = KINDS.get(type(content), "something else")
                    raise ConfigError(
                        f"training configuration {path}: got {kind}; expected a mapping such as "
                        "'name: mine'"
                    )
            for override in overrides:
                key, equals, value = override.partition("=")
                if not equals:
                    raise ConfigError(f"override {override!r} is not of the form key=value")
                content[key] = parse_yaml(value)
            return cls.model_validate(completed(content))
        except ValidationError as error:
            wrong = first_problem(error, tuple(cls.model_fields))
            raise ConfigError(f"training configuration {path}: {wrong}") from None
        except (OSError, DataError, TypeError) as error:
            raise ConfigError(f"training configuration {path}: {error}") from error
