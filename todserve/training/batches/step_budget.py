"""Step budget: turns epochs, and examples in a batch, into steps and tokens.

``tod train`` calls it before the loop, which counts optimiser steps and fills batches by tokens.
Example: ``epochs: 10`` and ``batch_examples: 128`` of 30,000 examples are about 2,344 steps, of
batches that hold 128 examples on average: fewer long ones, more short ones.
"""

from collections.abc import Sequence

from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.batches.batch import plan
from todserve.training.batches.examples import Example, encode_turns
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import TrainingConfig

_SAMPLE = 8192
_ROUNDS = 3


def with_budget(
    config: TrainingConfig, epoch: Sequence[TrainingTurn], builder: PromptBuilder
) -> TrainingConfig:
    """Return ``config`` with ``steps`` and ``batch_tokens`` worked out where it asks for it.

    An example is one task's context and target, whether or not tasks share an encoding. Both
    figures come from planning batches of turns spread over the epoch, padding included, so that
    the same corpus gives the same run.

    Args:
        config: with ``epochs``, ``batch_examples``, both or neither.
        epoch: the turns of one epoch.
        builder: of the run's format.
    """
    if config.epochs is None and config.batch_examples is None:
        return config
    every = max(1, len(epoch) // _SAMPLE)
    sample = encode_turns(epoch[::every], builder)
    tokens = config.batch_tokens
    if config.batch_examples is not None:
        wanted = config.batch_examples / config.batches_per_step
        tokens = round(wanted * sum(map(_cost, sample)) / max(1, _targets(sample)))
        for _ in range(_ROUNDS):  # padding takes its share, which depends on the size of a batch
            held = _targets(sample) / len(plan(sample, max(1, tokens), config.seed))
            # A sample smaller than a batch cannot say how much a batch would hold.
            if held >= min(wanted, _targets(sample)):
                break
            tokens = round(tokens * wanted / held)
        tokens = max(64, tokens)
    steps = config.steps
    if config.epochs is not None:
        share = sum(len(turn.tasks) for turn in epoch) / max(1, _targets(sample))
        batches = share * len(plan(sample, tokens, config.seed))
        steps = max(1, round(config.epochs * batches / config.batches_per_step))
    return config.model_copy(update={"steps": steps, "batch_tokens": tokens})


def _cost(example: Example) -> int:
    return len(example.context) + example.decoder_length


def _targets(examples: Sequence[Example]) -> int:
    return sum(len(example.blocks) for example in examples)
