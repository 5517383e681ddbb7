"""Fits the intent model that a checkpoint carries, from a prepared corpus.

``tod fit-intents`` and the end of a training call it, after the network is trained: its vectors are
what the model looks at. Train turns teach it, dev turns say how much it counts beside the network's
own intents, then it is fitted once more on both. Example:
``fit_intents(Path("runs/our-bot/prepared"), Path("runs/our-bot/checkpoint"))`` writes
``runs/our-bot/checkpoint/intent.safetensors``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from todserve.evaluation.suites.intents.intent_model_fit import (
    Heard,
    IntentExample,
    cross_fitted,
    fit_linear,
    linear_accuracy,
    with_factors,
)
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.parsed_generation import read
from todserve.runtime.decoding.questions import Question, Questions
from todserve.runtime.engines.engine import Engine, states_of
from todserve.runtime.engines.engine_choice import open_engine
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.intents.intent_model import INTENT_MODEL, IntentModel
from todserve.runtime.language.prompts import PromptBuilder, PromptInput, SystemTurns
from todserve.runtime.language.tasks import TaskName
from todserve.training.batches.examples import prompt_input
from todserve.training.held_out_errors import HeldOutIntent
from todserve.training.preparation.training_turns import TrainingTurn, is_prepared, load_turns

MOST_TURNS = 20_000
"""Turns it is fitted on; more teach an intent nothing new and cost minutes."""

_BATCH = 64

OnBatch = Callable[[int], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedIntents:
    """A model, and how often it and its two halves were right on dev.

    Attributes:
        model: as it is served.
        judged: of every dev turn, the served intent by factors that were fitted on the other half
            of dev.
        network: share that the network alone got right.
        linear: share that the linear model alone got right.
    """

    model: IntentModel
    judged: tuple[HeldOutIntent, ...]
    network: float
    linear: float

    @property
    def accuracy(self) -> float:
        """Share of dev turns whose served intent is right."""
        return sum(one.label == one.taken_for for one in self.judged) / len(self.judged)


def fit_intents(
    prepared: Path, checkpoint: Path, *, on_batch: OnBatch = lambda turns: None
) -> FittedIntents | None:
    """Fit an intent model and write it into a checkpoint folder.

    Args:
        prepared: a prepared corpus; its train and dev turns are read, never a test split.
        checkpoint: calibrated, if it is to be.
        on_batch: called with the number of turns looked at, for a progress bar.

    Returns:
        None, and no file, where train has fewer than two intents or dev no label.

    Raises:
        ConfigError: no such checkpoint folder.
        CorpusError: no prepared corpus there.
    """
    if not checkpoint.is_dir():
        raise ConfigError(f"no checkpoint folder {checkpoint}; `tod train` writes one")
    if not is_prepared(prepared):
        raise CorpusError(f"no prepared corpus {prepared}; `tod train` prepares one")
    train = _labelled(load_turns(prepared / "train.jsonl.gz"))[:MOST_TURNS]
    dev = _labelled(load_turns(prepared / "dev.jsonl.gz"))[:MOST_TURNS]
    (checkpoint / INTENT_MODEL).unlink(missing_ok=True)
    if len({turn.intent for turn in train}) < 2 or not dev:
        return None
    opened = Checkpoint.open(checkpoint)
    engine = open_engine(checkpoint, EngineSettings())
    try:
        hearing = _Hearing(opened, engine)
        taught = [one for batch in hearing.examples(train, on_batch) for one in batch]
        heard = [one for batch in hearing.heard(dev, on_batch) for one in batch]
    finally:
        engine.close()
        opened.knowledge.close()
    corpora = ", ".join(sorted({turn.corpus or "corpus" for turn in train}))
    note = f"{corpora}: {len(train)} turns, factors on {len(dev)} of dev"
    first = fit_linear(taught, note=note)
    placed = with_factors(first, heard)
    judged = cross_fitted(first, heard)
    whole = fit_linear([*taught, *(one.example for one in heard)], note=note)
    factors = {name: getattr(placed.facts, name) for name in ("linear", "generated", "outside")}
    model = replace(
        whole,
        facts=whole.facts.model_copy(update={**factors, "checkpoint": opened.checksum}),
    )
    model.save(checkpoint / INTENT_MODEL)
    return FittedIntents(
        model=model,
        judged=tuple(
            HeldOutIntent(
                utterance=one.example.utterance,
                label=one.example.intent,
                taken_for=name,
                confidence=confidence,
            )
            for one, (name, confidence) in zip(heard, judged, strict=True)
        ),
        network=sum(one.generated[0] == one.example.intent for one in heard) / len(heard),
        linear=linear_accuracy(first, heard),
    )


def _labelled(turns: Sequence[TrainingTurn]) -> list[TrainingTurn]:
    return [turn for turn in turns if turn.intent is not None and turn.user.strip()]


class _Hearing:
    """A network that listens to training turns."""

    def __init__(self, checkpoint: Checkpoint, engine: Engine) -> None:
        self._checkpoint = checkpoint
        self._engine = engine
        self._builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)

    def examples(
        self, turns: Sequence[TrainingTurn], on_batch: OnBatch
    ) -> Iterator[list[IntentExample]]:
        """Yield batches of examples; turns of similar length go together, in no other order."""
        for batch, sources in self._batches(turns):
            contexts = [self._builder.context(one, TaskName.INTENT) for one in sources]
            states = states_of(self._engine.encode(contexts))
            vectors: list[NDArray[np.float32] | None] = [
                None
                if states is None
                else states[place, self._builder.utterance_places(context)].mean(axis=0)
                for place, context in enumerate(contexts)
            ]
            yield _examples(batch, vectors)
            on_batch(len(batch))

    def heard(self, turns: Sequence[TrainingTurn], on_batch: OnBatch) -> Iterator[list[Heard]]:
        """Yield batches of examples with what the network generates for them."""
        opened = self._checkpoint
        for batch, sources in self._batches(turns):
            questions = Questions(self._engine, self._builder, opened.calibration)
            generations = questions.ask(
                [Question(source=one, task=TaskName.INTENT) for one in sources]
            )
            readings = [
                read(one, TaskName.INTENT, tokenizer=opened.tokenizer, schema=opened.schema)
                for one in generations
            ]
            examples = _examples(batch, questions.utterance_vectors(sources))
            yield [
                Heard(example=one, generated=(reading.parsed.intent, reading.whole_probability))
                for one, reading in zip(examples, readings, strict=True)
            ]
            on_batch(len(batch))

    def _batches(
        self, turns: Sequence[TrainingTurn]
    ) -> Iterator[tuple[list[TrainingTurn], list[PromptInput]]]:
        delexicalised = self._checkpoint.format.system_turns is SystemTurns.DELEXICALISED
        ordered = sorted(turns, key=_length)
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            yield batch, [prompt_input(turn, delexicalised=delexicalised) for turn in batch]


def _length(turn: TrainingTurn) -> int:
    return len(turn.user) + sum(map(len, turn.history[-1])) if turn.history else len(turn.user)


def _examples(
    turns: Sequence[TrainingTurn], vectors: Sequence[NDArray[np.float32] | None]
) -> list[IntentExample]:
    return [
        IntentExample(utterance=turn.user, vector=vector, intent=turn.intent or "")
        for turn, vector in zip(turns, vectors, strict=True)
    ]
