"""Starts from elsewhere, each made here: T5 v1.1 and mT5, sharded, pickled, wrapped; a BERT."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, T5Config, T5ForConditionalGeneration

from tests.support.tiny_checkpoint import SCHEMA
from tests.support.tiny_run import EXCHANGE_FORM, PPTOD_FORM, prepare_run, train
from tests.support.tiny_turns import TURNS
from todserve.runtime.checkpoint import load_network
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.network.embedding_rows import add_rows
from todserve.training.network.hugging_face import network_of, tokenizer_of
from todserve.training.network.origin import origin_of
from todserve.training.network.vocabulary import special_tokens, with_tokens
from todserve.training.training_config import TrainingConfig

WORDS = [*"abcdefghijklmnopqrstuvwxyz0123456789:.,?!'", "train", "find", "restaurant"]
IDS = torch.arange(3, 11)[None]


def plain_tokenizer() -> tokenizers.Tokenizer:
    """Return a vocabulary as T5 has it, of words and letters."""
    pieces = ["<pad>", "</s>", "<unk>", "▁", *(f"▁{word}" for word in WORDS), *WORDS]
    made = tokenizers.Tokenizer(
        tokenizers.models.Unigram([(piece, -float(row)) for row, piece in enumerate(pieces)], 2)
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    made.decoder = tokenizers.decoders.Metaspace(prepend_scheme="first")
    return made


def foreign_t5(folder: Path, **settings: object) -> T5ForConditionalGeneration:
    """Write a T5 v1.1 in Hugging Face's layout: an output matrix of its own, unscaled."""
    folder.mkdir(parents=True)
    tokenizer = plain_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    fields: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size() + 3,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "dropout_rate": 0.0,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
    } | settings
    torch.manual_seed(3)
    network = T5ForConditionalGeneration(T5Config(**fields))
    network.lm_head.weight = torch.nn.Parameter(torch.randn_like(network.shared.weight))
    network.train(mode=False)
    (folder / "config.json").write_text(json.dumps({**fields, "model_type": "t5"}))
    save_file(weights_of(network), folder / "model.safetensors")
    return network


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights as the published files have them, each once."""
    inner = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    state = network.state_dict()
    return {name: value.clone() for name, value in state.items() if name not in inner}


def as_it_is(folder: Path) -> None:
    pass


def sharded(folder: Path) -> None:
    whole = folder / "model.safetensors"
    weights = load_file(whole)
    whole.unlink()
    places = {}
    for number, name in enumerate(sorted(weights)):
        places[name] = f"model-0000{number % 2 + 1}-of-00002.safetensors"
    for file in set(places.values()):
        save_file({n: weights[n] for n in weights if places[n] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def pickled(folder: Path) -> None:
    whole = folder / "model.safetensors"
    torch.save(load_file(whole), folder / "pytorch_model.bin")
    whole.unlink()


def pickled_in_shards(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    places = {}
    for number, name in enumerate(sorted(weights)):
        places[name] = f"pytorch_model-0000{number % 2 + 1}-of-00002.bin"
    for file in set(places.values()):
        torch.save({n: weights[n] for n in weights if places[n] == file}, folder / file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))


def wrapped(folder: Path) -> None:
    whole = folder / "model.safetensors"
    save_file({f"module.{name}": value for name, value in load_file(whole).items()}, whole)


def an_mt5(folder: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"model_type": "mt5"}))


STORED = [as_it_is, sharded, pickled, pickled_in_shards, wrapped, an_mt5]


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: stored.__name__)
def test_an_output_matrix_of_its_own_outlives_new_tokens(
    tmp_path: Path, stored: Callable[[Path], None]
) -> None:
    folder = tmp_path / "v11"
    before = foreign_t5(folder)
    known = plain_tokenizer().get_vocab_size()
    stored(folder)
    config = TrainingConfig(name="x", initial=str(folder))
    run = tmp_path / "run"
    tokenizer, network, notes = origin_of(config, run, TURNS, SCHEMA)
    network.eval()
    assert tokenizer.size > before.shared.weight.shape[0]
    assert network.lm_head.weight is not network.shared.weight
    with torch.no_grad():
        expected, found = (
            net(input_ids=IDS, decoder_input_ids=IDS).logits[..., :known]
            for net in (before, network)
        )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert bool(notes) == (stored is wrapped)


def test_an_output_matrix_of_its_own_is_exported_and_served(tmp_path: Path) -> None:
    foreign_t5(tmp_path / "v11")
    config = prepare_run(tmp_path, PPTOD_FORM, steps=2, initial=str(tmp_path / "v11"))
    served: Any = load_network(train(tmp_path, config), dtype=torch.float32)
    assert not torch.equal(served.lm_head.weight, served.shared.weight)


def test_a_tied_table_stays_tied_when_it_grows(tmp_path: Path) -> None:
    network = foreign_t5(tmp_path / "t5", tie_word_embeddings=True)
    network.lm_head.weight = network.shared.weight
    tokenizer = with_tokens(plain_tokenizer(), special_tokens(TURNS, SCHEMA))
    add_rows(network, Tokenizer(plain_tokenizer()), tokenizer)
    assert network.lm_head.weight is network.shared.weight
    assert network.encoder.embed_tokens.weight is network.shared.weight
    assert network.config.vocab_size == network.shared.weight.shape[0] == tokenizer.size


def test_a_new_label_starts_as_the_mean_of_its_words(tmp_path: Path) -> None:
    network = foreign_t5(tmp_path / "t5")
    before = network.shared.weight.detach().clone()
    old, tokenizer = Tokenizer(plain_tokenizer()), with_tokens(plain_tokenizer(), ["[find_train]"])
    add_rows(network, old, tokenizer)
    words = before[old.encode("find train")].mean(0)
    row = network.shared.weight.detach()[tokenizer.token_id("[find_train]")]
    others = before[old.encode("restaurant")].mean(0)
    assert float((row - words).norm()) < 0.3 * float((row - others).norm())
    assert not torch.equal(row, words)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda weights: weights.pop("encoder.final_layer_norm.weight"), "missing encoder.final"),
        (lambda weights: weights.update(extra=torch.ones(2)), "unexpected extra"),
        (
            lambda weights: weights.update({"lm_head.weight": torch.ones(5, 32)}),
            r"lm_head.weight has shape \[5, 32\]",
        ),
    ],
    ids=["missing", "unexpected", "misshapen"],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object], named: str
) -> None:
    foreign_t5(tmp_path / "t5")
    file = tmp_path / "t5" / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file)
    with pytest.raises(ConfigError, match=f"cannot start from.*{named}"):
        network_of(tmp_path / "t5")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_the_prefix_of_what_wrapped_a_network_is_taken_off(tmp_path: Path, prefix: str) -> None:
    folder = tmp_path / "t5"
    foreign_t5(folder)
    plain, _ = network_of(folder)
    file = folder / "model.safetensors"
    save_file({prefix + name: value for name, value in load_file(file).items()}, file)
    read, notes = network_of(folder)
    assert f"{prefix}NAME" in notes[0]
    assert torch.equal(read.shared.weight, plain.shared.weight)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("model.safetensors", b"<!DOCTYPE html><title>404</title>", "is a web page"),
        ("model.safetensors", b"", "is empty"),
        ("model.safetensors.index.json", b"[]", "is no index"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": 5}}', "is no index"),
    ],
)
def test_a_file_in_the_place_of_weights_is_told_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    folder = tmp_path / "t5"
    foreign_t5(folder)
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        network_of(folder)


def test_a_config_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    folder = tmp_path / "t5"
    foreign_t5(folder)
    config = folder / "config.json"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    assert network_of(folder)[1] == []


def test_a_sentencepiece_model_is_read_where_no_fast_tokenizer_is(tmp_path: Path) -> None:
    folder = tmp_path / "t5"
    foreign_t5(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"neither tokenizer\.json nor spiece\.model"):
        tokenizer_of(folder)
    sentences = [turn.user for turn in TURNS] * 4
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / "spiece"),
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    own = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    read = tokenizer_of(folder)
    for sentence in sentences[:8]:
        assert read.encode(sentence, add_special_tokens=False).ids == own.encode(sentence)
    # T5's hundred sentinels stand behind its pieces, mT5's among them.
    assert read.get_vocab_size() == own.get_piece_size() + 100
    an_mt5(folder)
    assert tokenizer_of(folder).get_vocab_size() == own.get_piece_size()
    (folder / "spiece.model").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"spiece\.model is no readable.*: no SentencePiece"):
        tokenizer_of(folder)


def test_another_origin_in_the_same_run_folder_is_refused(tmp_path: Path) -> None:
    for name, seed in (("one", 0.1), ("two", 0.2)):
        foreign_t5(tmp_path / name, initializer_factor=seed)
    run = tmp_path / "run"
    for name in ("one", "one"):
        origin_of(TrainingConfig(name="x", initial=str(tmp_path / name)), run, TURNS, SCHEMA)
    for initial in (str(tmp_path / "two"), None):
        with pytest.raises(ConfigError, match=r"began with initial .*one.*another `name`"):
            origin_of(TrainingConfig(name="x", initial=initial), run, TURNS, SCHEMA)
    # Not the way to the weights but the weights themselves make the origin.
    (tmp_path / "one").rename(tmp_path / "moved")
    origin_of(TrainingConfig(name="x", initial=str(tmp_path / "moved")), run, TURNS, SCHEMA)


@pytest.mark.parametrize(("projection", "said"), [("gelu", True), ("gated-gelu", False)])
def test_what_no_exporter_has_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], projection: str, said: bool
) -> None:
    foreign_t5(tmp_path / "t5", feed_forward_proj=projection)
    config = prepare_run(tmp_path, PPTOD_FORM, steps=1, initial=str(tmp_path / "t5"))
    train(tmp_path, config)
    assert ("warning: feed_forward_proj is 'gelu'" in capsys.readouterr().out) is said


def small_bert(folder: Path) -> BertModel:
    """Write a BERT of two layers, with the word pieces of the tiny turns."""
    folder.mkdir()
    words = sorted({word for turn in TURNS for word in turn.user.split()})
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789:"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{one}" for one in letters)]
    pieces += [word for word in words if word not in letters]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    sizes: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"intermediate_size": 48, "max_position_embeddings": 128}
    torch.manual_seed(5)
    bert = BertModel(BertConfig(vocab_size=len(pieces), **sizes), add_pooling_layer=False)
    bert.train(mode=False)
    bert.save_pretrained(folder)
    return bert


SIZES = "network={d_kv: 8, d_ff: 64, num_heads: 4, num_decoder_layers: 1}"
SHORT = "{context: exchange, prompt_placement: decoder, belief_target: update, system_turns: plain"
SHORT += ", max_history_tokens: 100}"


def test_a_bert_becomes_the_encoder_and_its_rows_the_table(tmp_path: Path) -> None:
    bert = small_bert(tmp_path / "bert")
    config = TrainingConfig.model_validate(
        {"name": "x", "initial": str(tmp_path / "bert"), "network": {"d_kv": 8, "num_heads": 4}}
    )
    tokenizer, network, _ = origin_of(config, tmp_path / "run", TURNS, SCHEMA)
    network.eval()
    words = ["train", "friday", "please"]
    ours = [tokenizer.token_id(f"▁{word}") for word in words]
    vocabulary = (tmp_path / "bert" / "vocab.txt").read_text().splitlines()
    theirs = [vocabulary.index(word) for word in words]
    assert tokenizer.encode("train friday please") == ours
    with torch.no_grad():
        expected = bert(input_ids=torch.tensor([theirs])).last_hidden_state
        first = bert.embeddings(input_ids=torch.tensor([theirs]))
        found = network.encoder(input_ids=torch.tensor([ours])).last_hidden_state
    # mix is all ones at the start.
    torch.testing.assert_close(found, expected + first, rtol=1e-4, atol=1e-4)


def test_a_run_from_a_bert_learns_and_its_checkpoint_is_a_start_again(tmp_path: Path) -> None:
    small_bert(tmp_path / "bert")
    config = prepare_run(tmp_path, SHORT, steps=60, initial=str(tmp_path / "bert"))
    first = train(tmp_path, config, SIZES, "dropout=0.1", "warmup_steps=5")
    assert "encoder_config" in json.loads((first / "config.json").read_text())
    again = prepare_run(tmp_path / "again", SHORT, steps=2, initial=str(first))
    second = train(tmp_path / "again", again)
    assert (
        load_file(second / "model.safetensors").keys()
        == load_file(first / "model.safetensors").keys()
    )


def test_contexts_longer_than_the_encoder_has_positions_are_refused(tmp_path: Path) -> None:
    small_bert(tmp_path / "bert")
    config = prepare_run(tmp_path, EXCHANGE_FORM, steps=2, initial=str(tmp_path / "bert"))
    with pytest.raises(ConfigError, match=r"128 positions.*lower format\.max_history_tokens"):
        train(tmp_path, config, SIZES)


def test_sizes_that_contradict_the_encoder_are_refused(tmp_path: Path) -> None:
    small_bert(tmp_path / "bert")
    config = prepare_run(tmp_path, SHORT, steps=2, initial=str(tmp_path / "bert"))
    with pytest.raises(ConfigError, match=r"network\.d_model is 64, the encoder .* has 32"):
        train(tmp_path, config)


def test_a_folder_of_another_kind_is_refused_by_its_type(tmp_path: Path) -> None:
    (tmp_path / "gpt").mkdir()
    (tmp_path / "gpt" / "config.json").write_text('{"model_type": "gpt2"}')
    config = TrainingConfig(name="x", initial=str(tmp_path / "gpt"))
    with pytest.raises(ConfigError, match="model_type is 'gpt2'; expected one of t5, mt5, or bert"):
        origin_of(config, tmp_path / "run", TURNS, SCHEMA)
