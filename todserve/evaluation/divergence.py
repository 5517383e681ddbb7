"""``run_divergence``: how far two checkpoints, or two number formats of one, predict apart.

Stands beside ``run``: what a distilled, quantised or averaged network lost, before any score
shows it. Example: ``run_divergence(folder, folder, second_settings=EngineSettings(dtype=
"bfloat16"))`` is the price of bfloat16 in nats per token.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from todserve.corpora.annotator import DevHalf, dev_half
from todserve.evaluation.calibration_dialogues import CORPUS, SPLIT, dev_dialogues
from todserve.evaluation.code_version import code_version
from todserve.evaluation.figures_file import save_figures
from todserve.evaluation.forcing import Forced
from todserve.evaluation.information import DEFINITIONS, Nats, mean_kl
from todserve.evaluation.references import reference_passages
from todserve.evaluation.scorecard import Signature
from todserve.evaluation.selection import select
from todserve.runtime.checkpoint import Checkpoint, load_network
from todserve.runtime.engines.settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.prompts import PromptBuilder
from todserve.runtime.tasks import TaskName

PROTOCOL = "kl-first-to-second,reference-prefixes"
"""Names the protocol in the signature."""


def run_divergence(
    first: Path,
    second: Path,
    *,
    first_settings: EngineSettings | None = None,
    second_settings: EngineSettings | None = None,
    limit: int | None = None,
    out: Path | None = None,
    root: Path | None = None,
    batch: int = 64,
) -> dict[TaskName, Nats]:
    """Return and print the mean KL(first || second) per task along dev's references.

    Args:
        first: a checkpoint folder; its prompts and its predictions p.
        second: another, with the same tokenizer; its predictions q.
        first_settings: dtype of the first.
        second_settings: dtype of the second.
        limit: use at most so many dialogues of ``dev-held-out``.
        out: write the figures as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        batch: passages in one pass.

    Raises:
        ConfigError: a wrong checkpoint, or two tokenizers: equal ids must mean equal tokens.
        CorpusError: the corpus is missing or malformed.
    """
    pair = (first_settings or EngineSettings(), second_settings or EngineSettings())
    opened, other = Checkpoint.open(first), Checkpoint.open(second)
    try:
        if (first / "tokenizer.json").read_bytes() != (second / "tokenizer.json").read_bytes():
            raise ConfigError(
                f"{first} and {second} have two different files tokenizer.json; expected "
                "checkpoints over the same vocabulary"
            )
        held_out = [
            one
            for one in dev_dialogues(opened, root)
            if dev_half(one.dialogue_id) is DevHalf.HELD_OUT
        ]
        builder = PromptBuilder(opened.tokenizer, opened.format, opened.schema)
        passages = list(
            reference_passages(select(held_out, limit=limit), builder, opened.knowledge)
        )
    finally:
        opened.knowledge.close()
        other.knowledge.close()
    networks = [
        Forced(load_network(folder, dtype=getattr(torch, settings.dtype)))
        for folder, settings in zip((first, second), pair, strict=True)
    ]
    found = mean_kl(networks[0], networks[1], passages, batch=batch)
    signature = Signature(
        corpus=CORPUS,
        split=SPLIT,
        subset=f"all/{DevHalf.HELD_OUT}" + ("" if limit is None else f"-first-{limit}"),
        checkpoint=f"{opened.checksum}({pair[0].dtype})||{other.checksum}({pair[1].dtype})",
        code=code_version(),
        protocol=PROTOCOL,
    )
    print(table(found, signature))
    if out is not None:
        save_figures(
            {
                "kl_divergence": {str(task): asdict(one) for task, one in found.items()},
                "definition": DEFINITIONS["kl_divergence"],
                "signature": str(signature),
            },
            out,
        )
    return found


def table(found: Mapping[TaskName, Nats], signature: Signature) -> str:
    """Return the divergences as aligned text, the signature below."""
    lines = [
        f"  {task:<13} {one.mean:.6f} nats per token, of {one.tokens}"
        for task, one in found.items()
    ]
    return "\n".join(["KL(first || second)", *lines, str(signature)])
