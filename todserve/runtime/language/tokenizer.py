"""Tokenizer: turns text into token ids and back, with the place of every token in the text.

Prompts are encoded with it for the engine, and what the engine returns is decoded for the parsers.
Reads the ``tokenizer.json`` of a checkpoint with the `tokenizers` package alone, so that a worker
needs no transformers for it. Example: ``decode([...])`` is ``"[train] day wednesday"``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import tokenizers

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.json_text import parse_json, read_limited

_SPACE = "▁"
"""SentencePiece's visible space."""

_MOST_TOKENS = 1 << 22
_TEXTS_REMEMBERED = 256
"""A turn asks for its utterance twice, and the next one for it again."""

UNKNOWN = "<unk>"
"""The token that stands for what a vocabulary cannot say."""


def read_tokenizer(path: Path) -> tokenizers.Tokenizer:
    """Return what a ``tokenizer.json`` describes, which may be a stranger's.

    Its regular expressions run on every text in an engine that gives up, and the worker with it,
    where one takes too long. So those whose time may grow fast are refused.

    Raises:
        OSError: the file cannot be read.
        DataError: it is too large, no JSON, or has such an expression; also a ``ValueError``.
        Exception: it is JSON and no tokenizer; the package has no narrower error.
    """
    text = read_limited(path)
    for pattern in _patterns(parse_json(text)):
        check_pattern(pattern)
    return tokenizers.Tokenizer.from_str(text)


def _patterns(described: object) -> Iterator[str]:
    if isinstance(described, list):
        for one in described:
            yield from _patterns(one)
    elif isinstance(described, Mapping):
        for key, value in described.items():
            if key == "Regex" and isinstance(value, str):
                yield value
            elif isinstance(value, list | dict):
                yield from _patterns(value)


class Tokenizer:
    """A SentencePiece unigram vocabulary with PPTOD's control tokens.

    Attributes:
        size: one more than the highest token id; an embedding needs at least so many rows.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        """Wrap a loaded tokenizer; use ``load`` to read one from a file."""
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab(with_added_tokens=True)
        self.size = 1 + max(vocabulary.values())
        if self.size > _MOST_TOKENS:
            raise ConfigError(f"token {self.size - 1} is beyond the {_MOST_TOKENS} that are read")
        self._ids = vocabulary
        self._encoded = lru_cache(maxsize=_TEXTS_REMEMBERED)(self._encode)
        added = tokenizer.get_added_tokens_decoder()
        self._surface: list[str] = [""] * self.size
        self._fresh = [False] * self.size
        for token, token_id in vocabulary.items():
            is_added = token_id in added
            # A control token stands as a word of its own; a piece says itself where a word begins.
            self._fresh[token_id] = is_added or token.startswith(_SPACE)
            self._surface[token_id] = token if is_added else token.replace(_SPACE, " ").strip(" ")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read ``tokenizer.json``.

        Raises:
            ConfigError: the file is missing or no tokenizer.
        """
        try:
            return cls(read_tokenizer(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ConfigError(
                f"cannot read tokenizer {path}: {error}; expected the tokenizer.json of a "
                "checkpoint made by `tod train`, or of a fast Hugging Face T5 tokenizer"
            ) from error

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json``."""
        self._tokenizer.save(str(path))

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without end-of-sentence token."""
        return list(self._encoded(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids``."""
        return self.decode_with_offsets(ids)[0]

    def decode_with_offsets(self, ids: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
        """Return the text of ``ids`` and, for every id, the characters it produced.

        Offsets leave out the space before a word; an id beyond the vocabulary yields nothing.
        """
        parts: list[str] = []
        offsets: list[tuple[int, int]] = []
        length = 0
        for token_id in ids:
            known = 0 <= token_id < self.size
            surface = self._surface[token_id] if known else ""
            if known and self._fresh[token_id] and length and not parts[-1].endswith(" "):
                parts.append(" ")
                length += 1
            offsets.append((length, length + len(surface)))
            if surface:
                parts.append(surface)
                length += len(surface)
        return "".join(parts), offsets

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Every token and its id."""
        return self._ids

    @property
    def label_ids(self) -> Collection[int]:
        """The ids of control tokens and bracketed labels: whatever is no piece of text."""
        return self._tokenizer.get_added_tokens_decoder().keys()

    def token_id(self, token: str) -> int:
        """Return the id of a control token.

        Raises:
            ConfigError: the vocabulary lacks it.
        """
        token_id = self._ids.get(token)
        if token_id is None:
            raise ConfigError(
                f"the tokenizer has no token {token!r}; expected every control token of PPTOD's "
                "format; use the checkpoint's own tokenizer.json, or add the tokens by `tod train`"
            )
        return token_id

    @property
    def unknown_id(self) -> int | None:
        """The id of what the vocabulary cannot say; None where it can say everything."""
        return self._ids.get(UNKNOWN)

    def words(self) -> Iterator[str]:
        """Yield the pieces that begin with a word, without the space before it."""
        for token in self._ids:
            if token.startswith(_SPACE) and len(token) > 1:
                yield token[1:].lower()

    def has(self, token: str) -> bool:
        """Return whether ``token`` stands in the vocabulary as it is."""
        return token in self._ids
