"""The vocabulary: SentencePiece pieces learnt from the corpus, plus the control tokens.

A network trained from scratch gets it before the examples are made; for a Hugging Face T5 the
missing control tokens are added to its own vocabulary instead.
Example: ``17:45`` becomes the pieces of single digits, so that unseen times can be copied.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import GENERAL, OUT_OF_SCOPE, state_update
from todserve.runtime.language.formats import serialize_belief_state
from todserve.runtime.language.label_shares import changed_slots, shares_of
from todserve.runtime.language.learnt_labels import LearntLabels
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import CONTROL_TOKENS, DATABASE_TOKENS
from todserve.runtime.language.text import normalise
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.preparation.training_turns import TrainingTurn

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
MOST_LINES = 500_000
"""Lines a vocabulary is learnt from, spread over all there are; more change no common piece."""


def special_tokens(turns: Iterable[TrainingTurn], schema: Schema) -> list[str]:
    """Return control tokens, then every bracketed label of schema and turns, sorted."""
    labels = {f"[{name}]" for name in (*schema.domains, *schema.intents, GENERAL)}
    for turn in turns:
        for domain, act, _ in turn.acts or ():
            labels |= {f"[{domain}]", f"[{act}]"}
        if turn.intent is not None:
            labels.add(f"[{turn.intent}]")
        labels |= {word for word in _bracketed(turn.response or "") if word.startswith("[value_")}
    return [*CONTROL_TOKENS, *DATABASE_TOKENS, *sorted(labels)]


def _bracketed(text: str) -> list[str]:
    return ["[" + part.split("]", 1)[0] + "]" for part in text.split("[")[1:] if "]" in part]


def learnt_labels(turns: Iterable[TrainingTurn]) -> LearntLabels:
    """Return the acts and placeholders that the turns teach, and how often what is asked for."""
    acts, placeholders = {OUT_OF_SCOPE}, set()
    intents: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    for turn in turns:
        intents.update([turn.intent] if turn.intent is not None else ())
        slots.update(() if turn.state is None else changed_slots(turn.previous_state, turn.state))
        acts |= {act for _, act, _ in turn.acts or ()}
        words = _bracketed(turn.response or "")
        placeholders |= {word[len("[value_") : -1] for word in words if word.startswith("[value_")}
    return LearntLabels(
        acts=tuple(sorted(acts)),
        placeholders=tuple(sorted(placeholders)),
        intents=shares_of(intents),
        slots=shares_of(slots),
    )


def corpus_lines(turns: Sequence[TrainingTurn], schema: Schema) -> list[str]:
    """Return the plain texts a vocabulary is learnt from, without bracketed labels."""
    lines = []
    for turn in turns:
        lines.append(normalise(turn.user))
        if turn.history:
            lines.append(normalise(turn.history[-1][1]))
        lines.append(" ".join(_plain_words(turn.response or "")))
        if turn.state is not None:
            update = state_update(turn.previous_state, turn.state)
            lines.append(" ".join(_plain_words(serialize_belief_state(update, schema))))
        lines.append(" ".join(slot for _, _, slot in turn.acts or ()))
    return [line for line in lines if line]


def _plain_words(text: str) -> list[str]:
    return [word for word in text.replace("[", " [").replace("]", "] ").split() if word[0] != "["]


def train_tokenizer(lines: Sequence[str], size: int, special: Sequence[str]) -> Tokenizer:
    """Learn at most ``size`` SentencePiece unigram pieces and append the special tokens.

    Of more than `MOST_LINES` lines every n-th is read.

    Raises:
        ConfigError: there is no text to learn from, or too few pieces even for its letters.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "pieces"
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines[:: 1 + (len(lines) - 1) // MOST_LINES]),
                model_prefix=str(prefix),
                vocab_size=size,
                hard_vocab_limit=False,  # a small corpus simply yields fewer
                model_type="unigram",
                character_coverage=0.9999,
                split_digits=True,
                byte_fallback=False,
                pad_id=0,
                eos_id=1,
                unk_id=2,
                bos_id=-1,
                num_threads=2,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise ConfigError(
                f"cannot learn {size} pieces from {len(lines)} lines: {error}; "
                "vocabulary_size must exceed the number of different characters"
            ) from error
        learnt = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    pieces = [(learnt.id_to_piece(i), learnt.get_score(i)) for i in range(learnt.get_piece_size())]
    tokenizer = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in (PAD, END)])
    return with_tokens(tokenizer, special)


def with_tokens(tokenizer: tokenizers.Tokenizer, special: Sequence[str]) -> Tokenizer:
    """Return ``tokenizer`` with every special token one atomic id, spaces before it swallowed."""
    tokenizer.add_special_tokens(
        [AddedToken(token, lstrip=True, normalized=False) for token in special]
    )
    return Tokenizer(tokenizer)
