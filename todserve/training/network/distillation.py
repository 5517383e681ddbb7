"""Distillation: trains on how probable a larger checkpoint finds each token.

The training network adds this to its loss when a teacher is configured. Teacher and student read
the same packed batches, so they need one vocabulary and one form of prompts. The divergence is
Kullback-Leibler's, in nats, of temperatured distributions, times the temperature's square so that
gradients keep their scale (Hinton, Vinyals and Dean, 2015). Example:
``teacher: runs/base/checkpoint`` in a configuration.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer as Vocabulary
from torch import nn
from transformers import T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptFormat
from todserve.training.network.hugging_face import network_of

_FORM = ("context", "prompt_placement", "belief_target", "system_turns")


@dataclass(frozen=True, kw_only=True, slots=True)
class Distillation:
    """How probable a larger checkpoint finds the tokens of one batch.

    Attributes:
        logits: (N, V) the teacher's, one row per written token.
        weight: share of the divergence in the loss; the rest is cross-entropy.
        temperature: divides both sides' logits.
    """

    logits: torch.Tensor
    weight: float
    temperature: float


def divergence(
    teacher: torch.Tensor, student: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """Return KL(teacher || student) of each row, in nats.

    Args:
        teacher: (N, V) logits.
        student: (N, V) logits; differentiable.
        temperature: both are divided by it first.

    Returns:
        (N,) sum over v of p(v) (ln p(v) - ln q(v)); never negative but for rounding.
    """
    p = nn.functional.log_softmax(teacher / temperature, dim=-1)
    q = nn.functional.log_softmax(student / temperature, dim=-1)
    return (p.exp() * (p - q)).sum(-1)


def teacher_vocabulary(folder: Path) -> Vocabulary:
    """Return the teacher's tokenizer, which a student from scratch takes over.

    Raises:
        ConfigError: there is none.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ConfigError(
            f"teacher: no file {file}; expected a T5 folder with config.json, model.safetensors "
            "and tokenizer.json, for example the checkpoint folder of an earlier run"
        )
    return Vocabulary.from_file(str(file))


def load_teacher(
    folder: Path, student: Path, prompt_format: PromptFormat
) -> T5ForConditionalGeneration:
    """Load a T5 folder as a teacher: frozen, without dropout.

    Args:
        folder: config.json, model.safetensors and tokenizer.json; format.json is checked if there.
        student: tokenizer.json of the student.
        prompt_format: of the student's prompts.

    Raises:
        ConfigError: it is no T5, or its vocabulary or its prompts are not the student's.
    """
    theirs = teacher_vocabulary(folder).get_vocab(with_added_tokens=True)
    ours = Vocabulary.from_file(str(student)).get_vocab(with_added_tokens=True)
    if theirs != ours:
        other = sorted(token for token in {*ours, *theirs} if ours.get(token) != theirs.get(token))
        raise ConfigError(
            f"teacher {folder}: {len(other)} of its {len(theirs)} tokens and the student's "
            f"{len(ours)} differ, the first {other[0]!r}; expected one vocabulary; train the "
            "student with the teacher's tokenizer.json (in a new run folder, `initial` empty)"
        )
    if (folder / "format.json").is_file():
        asked = PromptFormat.load(folder / "format.json")
        for key in _FORM:
            if getattr(asked, key) != getattr(prompt_format, key):
                raise ConfigError(
                    f"teacher {folder} was trained with {key} {getattr(asked, key)}, the student "
                    f"has {getattr(prompt_format, key)}; expected the same: it sees the student's "
                    "prompts; change `format`"
                )
    try:
        network, _ = network_of(folder)
    except ConfigError as error:
        raise ConfigError(
            f"teacher {folder} cannot be loaded: {error}; expected a folder with config.json and "
            "weights that fit it"
        ) from error
    rows = int(network.lm_head.weight.shape[0])
    if rows <= max(ours.values()):
        raise ConfigError(
            f"teacher {folder} scores {rows} tokens, its vocabulary has ids up to "
            f"{max(ours.values())}; expected at least as many rows; this is no intact checkpoint"
        )
    network.requires_grad_(False)
    network.eval()
    return network
