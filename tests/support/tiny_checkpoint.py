"""A whole checkpoint folder in a second: random weights, a real vocabulary, schema and database."""

import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors.torch import save_file
from transformers import BertConfig, T5Config

from model_defs.bert_encoder_t5 import BertEncoderT5
from model_defs.plug_and_play_t5 import PlugAndPlayT5
from todserve.corpora.knowledge_file import write_knowledge
from todserve.runtime.knowledge.knowledge_base import Comparison, DomainTable
from todserve.runtime.language.prompts import (
    BeliefTarget,
    ContextForm,
    PromptFormat,
    PromptPlacement,
    SystemTurns,
)
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.language.tasks import CONTROL_TOKENS, DATABASE_TOKENS, TASKS

MARKOV = PromptFormat(
    context=ContextForm.MARKOV,
    prompt_placement=PromptPlacement.DECODER,
    belief_target=BeliefTarget.UPDATE,
    system_turns=SystemTurns.PLAIN,
)
"""The shortest form: state, last reply, utterance."""

EXCHANGE = MARKOV.model_copy(update={"context": ContextForm.EXCHANGE, "max_history_tokens": 400})
"""The shipped checkpoint's form: MARKOV with the user's words before the last reply."""

PPTOD = PromptFormat()
"""Su et al.'s own form: full history, prompt in the encoder, whole state, delexicalised."""

AREAS = ("north", "south", "east", "west", "centre")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

SCHEMA = Schema(
    services=(
        Service(
            name="restaurant",
            slots=(
                Slot(name="area", categorical=True, values=AREAS),
                Slot(name="food"),
                Slot(name="name"),
                Slot(name="people", categorical=True, values=tuple(map(str, range(1, 9)))),
                Slot(
                    name="pricerange", categorical=True, values=("cheap", "moderate", "expensive")
                ),
            ),
            intents=("find_restaurant", "book_restaurant"),
        ),
        Service(
            name="train",
            slots=(
                Slot(name="departure"),
                Slot(name="destination"),
                Slot(name="day", categorical=True, values=DAYS),
                Slot(name="leave"),
                Slot(name="arrive"),
            ),
            intents=("find_train", "book_train"),
        ),
        # A domain without a database.
        Service(name="taxi", slots=(Slot(name="leave"),), intents=("book_taxi",)),
    )
)

TABLES = (
    DomainTable(
        domain="restaurant",
        columns=("name", "food", "area", "pricerange", "address", "phone"),
        comparisons={
            "name": Comparison.NAME,
            "food": Comparison.EQUAL,
            "area": Comparison.EQUAL,
            "pricerange": Comparison.EQUAL,
        },
    ),
    DomainTable(
        domain="train",
        columns=("id", "departure", "destination", "day", "leave", "arrive"),
        comparisons={
            "departure": Comparison.EQUAL,
            "destination": Comparison.EQUAL,
            "day": Comparison.EQUAL,
            "leave": Comparison.AT_OR_AFTER,
            "arrive": Comparison.AT_OR_BEFORE,
        },
        order=("leave", "id"),
        buckets=(0, 5, 10),
    ),
)

ENTITIES = {
    "restaurant": [
        dict(zip(TABLES[0].columns, row, strict=True))
        for row in (
            ("pizza palace", "italian", "centre", "cheap", "1 market street", "01223111111"),
            ("la casa", "spanish", "centre", "expensive", "2 mill lane", "01223222222"),
            ("curry garden", "indian", "north", "cheap", "3 station road", "01223333333"),
        )
    ],
    "train": [
        dict(zip(TABLES[1].columns, row, strict=True))
        for row in (
            ("tr0001", "cambridge", "ely", "friday", "09:35", "09:52"),
            ("tr0002", "cambridge", "ely", "friday", "11:35", "11:52"),
            ("tr0003", "ely", "cambridge", "friday", "10:00", "10:17"),
        )
    ],
}

_TEXTS = (
    "i would like a cheap italian restaurant in the centre of town please",
    "what is the phone number and the address of pizza palace",
    "a train from cambridge to ely on friday leaving after 09:30 for 2 people",
    "[restaurant] area centre food italian pricerange cheap name none people 4",
    "[train] departure cambridge destination ely day friday leave 09:30 arrive dontcare",
    "[inform] choice address phone [request] leave [offerbook] [reqmore] [general] [bye]",
    "[value_name] is at [value_address] and its phone is [value_phone]. anything else?",
    "[find_restaurant] [book_train] the quick brown fox jumps over a lazy dog 0123456789 ,.?!'",
    *(task.prefix for task in TASKS.values()),
)


def write_tiny_checkpoint(folder: Path, prompt_format: PromptFormat, *, seed: int = 7) -> Path:
    """Write every file of a checkpoint folder; the same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(folder / "tokenizer.json")
    size = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    _write_network(folder, size, seed)
    prompt_format.save(folder / "format.json")
    SCHEMA.save(folder / "schema.json")
    write_knowledge(TABLES, ENTITIES, folder / "knowledge.sqlite")
    (folder / "training.json").write_text(json.dumps({"steps": 0, "seed": seed}) + "\n")
    (folder / "scores.json").write_text("{}\n")
    (folder / "README.md").write_text("Random weights, for tests.\n")
    return folder


def write_tiny_bert_checkpoint(folder: Path, *, seed: int = 7) -> Path:
    """Write a checkpoint whose encoder is a BERT, in the form EXCHANGE."""
    write_tiny_checkpoint(folder, EXCHANGE, seed=seed)
    size = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    encoder = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=450,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    sizes: dict[str, Any] = {
        "vocab_size": size,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "scale_decoder_outputs": False,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "encoder_config": encoder.to_diff_dict(),
    }
    config = T5Config(**sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BertEncoderT5(config)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if "relative_attention_bias" in name:
                tensor.mul_(60)
            elif name.startswith("decoder.") and "layer_norm" not in name:
                tensor.mul_(2)
            elif name == "shared.weight":
                tensor.mul_(0.3)  # nothing scales the tied output down here
    config.save_pretrained(folder)
    save_file(
        {name: tensor.half().contiguous() for name, tensor in network.named_parameters()},
        folder / "model.safetensors",
    )
    return folder


def _write_tokenizer(path: Path) -> None:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    characters = sorted(set("".join(_TEXTS)) - {" "}) + ["▁", "_", "-", ":", "[", "]", "(", ")"]
    tokenizer.train_from_iterator(
        _TEXTS,
        tokenizers.trainers.UnigramTrainer(
            vocab_size=300,
            special_tokens=["<pad>", "</s>", "<unk>"],
            unk_token="<unk>",  # noqa: S106
            initial_alphabet=characters,
            show_progress=False,
        ),
    )
    tokenizer.add_special_tokens([*CONTROL_TOKENS, *DATABASE_TOKENS])
    tokenizer.save(str(path))


def _write_network(folder: Path, vocabulary_size: int, seed: int) -> None:
    config = T5Config(
        vocab_size=vocabulary_size,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_decoder_layers=1,
        num_heads=4,
        pad_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PlugAndPlayT5(config)
    with torch.no_grad():
        # As initialised, a tied network repeats its last token for ever; this one wanders.
        for name, tensor in network.named_parameters():
            if "relative_attention_bias" in name:
                tensor.mul_(60)
            elif "layer_norm" not in name and name != "shared.weight":
                tensor.mul_(4)
    config.save_pretrained(folder)
    aliases = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    weights = {
        name: tensor.half().contiguous()
        for name, tensor in network.state_dict().items()
        if name not in aliases
    }
    save_file(weights, folder / "model.safetensors")
