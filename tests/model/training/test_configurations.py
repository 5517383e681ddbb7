"""Every shipped configuration really trains: some steps of it, with a tiny network and corpus."""

import json
from pathlib import Path

import pytest
import tokenizers
from transformers import T5Config, T5ForConditionalGeneration

from tests.support.tiny_checkpoint import MARKOV, write_tiny_checkpoint
from tests.support.tiny_turns import TURNS
from todserve.training.preparation.training_turns import save_turns
from todserve.training.training_config import CONFIGS, TrainingConfig
from todserve.training.training_run import run_training

SHIPPED = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
SCRATCH = "{d_model: 64, d_kv: 16, d_ff: 64, num_layers: 1, num_decoder_layers: 1, num_heads: 4}"


@pytest.fixture(scope="module")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 as its publishers lay it out: none of our tokens, and spare rows in the embedding."""
    folder = tmp_path_factory.mktemp("t5")
    learnt = tokenizers.Tokenizer(tokenizers.models.Unigram())
    learnt.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    learnt.decoder = tokenizers.decoders.Metaspace()
    learnt.train_from_iterator(
        ["translate dialogue to belief state system response user intent action", "0123456789"],
        tokenizers.trainers.UnigramTrainer(
            vocab_size=60,
            special_tokens=["<pad>", "</s>", "<unk>"],
            unk_token="<unk>",  # noqa: S106
            initial_alphabet=sorted("abcdefghijklmnopqrstuvwxyz,.?:_-'[]()"),
            show_progress=False,
        ),
    )
    learnt.save(str(folder / "tokenizer.json"))
    config = T5Config(
        vocab_size=learnt.get_vocab_size() + 8, d_model=16, d_kv=8, d_ff=16, num_layers=1
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_configuration_trains(name: str, tmp_path: Path, tiny_t5: Path) -> None:
    config = TrainingConfig.load(name)
    # As shipped but for size: sixty-four turns need no warm-up of 20,000.
    augmentation = config.augmentation.model_copy(update={"copy_warmup": 4})
    mixing = config.mixing.model_copy(update={"epoch_examples": None})
    if mixing.weights:
        mixing = mixing.model_copy(update={"weights": {config.corpora[0]: 3.0, "other": 1.0}})
    overrides = [
        "dev_minutes=1000",
        f"augmentation={augmentation.model_dump_json()}",
        f"mixing={mixing.model_dump_json()}",
    ]
    if config.initial is not None:
        overrides.append(f"initial={tiny_t5}")
    else:
        overrides += [f"network={SCRATCH}", "vocabulary_size=120"]
    if config.dtype == "bfloat16":
        overrides.append("dtype=float32")  # processors without bfloat16 take minutes
    if config.epochs is None:
        overrides += ["steps=3", "decay_steps=1"]
    else:
        overrides += ["epochs=2", "batch_examples=40"]
    _prepare(tmp_path / "runs" / name / "prepared", config)
    checkpoint = run_training(name, overrides=tuple(overrides), runs=tmp_path / "runs", threads=1)
    written = json.loads((checkpoint / "training.json").read_text())
    assert written["config"]["corpora"] == list(config.corpora)
    if config.epochs is None:
        assert written["step"] == 3
    else:
        # 160 examples, forty at a time, twice; the last batch of an epoch may be a small one.
        assert 8 <= written["step"] == written["config"]["steps"] <= 10


def _prepare(prepared: Path, config: TrainingConfig) -> None:
    source = write_tiny_checkpoint(prepared / "source", MARKOV)
    for file in ("schema.json", "knowledge.sqlite"):
        (prepared / file).write_bytes((source / file).read_bytes())
    config.preparation.save(prepared, {})
    # One corpus annotates everything, another intents alone.
    turns = [turn.model_copy(update={"corpus": config.corpora[0]}) for turn in TURNS]
    intents = [turn.only({turn.tasks[1]}).model_copy(update={"corpus": "other"}) for turn in TURNS]
    save_turns([*turns, *intents], prepared / "train.jsonl.gz")
    save_turns(turns[:4], prepared / "dev.jsonl.gz")


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_paper_configurations_hold_the_published_settings(size: str) -> None:
    first, second = (TrainingConfig.load(f"{stage}-{size}") for stage in ("pretrain", "finetune"))
    assert first.initial == f"google-t5/t5-{size}"
    assert (first.optimizer, first.learning_rate, first.weight_decay) == ("adamw", 5e-5, 0)
    assert (first.epochs, first.batch_examples, first.max_length) == (10, 128, 1024)
    assert (second.optimizer, second.learning_rate) == ("adafactor", 1e-3)
    assert (second.epochs, second.batch_examples) == (60, 128)
    assert second.initial == f"runs/pretrain-{size}/checkpoint"
    for config in (first, second):
        assert (config.warmup_steps, config.decay_steps) == (0, 0)
        assert config.label_smoothing == 0
        assert config.mixing.temperature == 1
        assert "multiwoz21/test" in config.leak_check
        assert config.format.model_dump(exclude={"max_history_tokens"}) == (
            TrainingConfig.load("pptod").format.model_dump(exclude={"max_history_tokens"})
        )
