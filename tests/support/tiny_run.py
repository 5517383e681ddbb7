"""A training run small enough for seconds: configuration, prepared turns, and how to start it."""

from pathlib import Path

from tests.support.tiny_checkpoint import MARKOV, write_tiny_checkpoint
from tests.support.tiny_turns import TURNS
from todserve.training.preparation.training_turns import save_turns
from todserve.training.training_run import run_training

SHIPPED_FORM = "{context: markov, prompt_placement: decoder, belief_target: update}"
EXCHANGE_FORM = "{context: exchange, prompt_placement: decoder, belief_target: update}"
PPTOD_FORM = "{context: full, prompt_placement: encoder, belief_target: state}"

CONFIG = """
name: tiny
vocabulary_size: 120
format: {form}
network: {{d_model: 64, d_kv: 16, d_ff: 128, num_layers: 2, num_decoder_layers: 1, num_heads: 4}}
augmentation: {{probability: {augmented}}}
optimizer: adamw
learning_rate: 3.0e-3
batch_tokens: 600
warmup_steps: 5
decay_steps: 0
steps: {steps}
save_minutes: {save_minutes}
dev_minutes: 1000
initial: {initial}
start: {start}
"""


def prepare_run(folder: Path, form: str = SHIPPED_FORM, **settings: object) -> Path:
    """Write a configuration and, beside it, the prepared turns its run will find.

    ``settings`` fill the configuration's gaps; every other key can be overridden in ``train``.
    """
    values = {
        "augmented": 0.5,
        "steps": 8,
        "save_minutes": 1000,
        "initial": "null",
        "start": "copying",
    }
    values |= settings
    folder.mkdir(exist_ok=True)
    config = folder / "tiny.yaml"
    config.write_text(CONFIG.format(form=form, **values))
    prepared = folder / "runs" / "tiny" / "prepared"
    prepared.mkdir(parents=True)
    source = write_tiny_checkpoint(folder / "source", MARKOV)
    for name in ("schema.json", "knowledge.sqlite"):
        (prepared / name).write_bytes((source / name).read_bytes())
    save_turns(TURNS, prepared / "train.jsonl.gz")
    save_turns(TURNS[:4], prepared / "dev.jsonl.gz")
    return config


def train(folder: Path, config: Path, *overrides: str) -> Path:
    """Train in this process and return the checkpoint folder."""
    return run_training(str(config), runs=folder / "runs", overrides=overrides, threads=1)
