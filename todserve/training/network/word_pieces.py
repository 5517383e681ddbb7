"""Word pieces: makes a vocabulary of a BERT's, with a visible space and nothing unused.

A training that starts from a BERT calls it. BERT writes ``train ##ing``, T5 and this project
``▁train ing``; apart from that the pieces are the same, and so is what they meant. Pieces of other
languages than the corpus's own and words nobody says are left out: the output layer is computed for
every piece at every token written.
Example: ``pieces_of(("[PAD]", "the", "##ing"), lines)``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

from todserve.training.network.vocabulary import END, PAD, UNKNOWN

_SPACE = "▁"
_INNER = "##"
_USED = 3  # times in the corpus, from which on a piece is kept
_COMMON = 9000  # BERT's vocabularies are sorted: the first so many are words everybody knows
_BATCH = 20_000
_LATIN = "".join(map(chr, range(0x20, 0x250)))
_LONGEST_WORD = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class WordPieces:
    """BERT's pieces under our names.

    Attributes:
        initial: ``▁`` and a word's beginning -> its row in BERT's table.
        inner: what may follow -> its rows; a letter has one as a word and one within words.
    """

    initial: Mapping[str, int]
    inner: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, vocabulary: Sequence[str], characters: frozenset[str]) -> "WordPieces":
        """Rename the pieces that are written in ``characters`` alone."""
        rows = {piece: row for row, piece in enumerate(vocabulary)}
        written = [
            piece
            for piece in vocabulary
            if characters.issuperset(piece.removeprefix(_INNER))
            and not (piece.startswith("[") and len(piece) > 1)
        ]
        initial = {_SPACE + piece: rows[piece] for piece in written if piece[:2] != _INNER}
        inner: dict[str, tuple[int, ...]] = {
            piece.removeprefix(_INNER): (rows[piece],) for piece in written if piece[:2] == _INNER
        }
        for piece in written:
            # BERT parts words from marks; here a mark or number within a word follows what it
            # follows: as a piece of its own it means the same.
            if piece.isdigit() and len(piece) <= 2 or len(piece) == 1 and not piece.isalnum():
                inner[piece] = (rows[piece],)
            elif len(piece) == 1:
                inner[piece] = (*inner.get(piece, ()), rows[piece])
        return cls(initial=initial, inner=inner)

    def rows(self, piece: str) -> tuple[int, ...]:
        """Return the rows of BERT's table whose mean a piece starts from; none if it is unknown."""
        if piece in self.initial:
            return (self.initial[piece],)
        return self.inner.get(piece, ())


def letters(lines: Sequence[str]) -> frozenset[str]:
    """Return the characters of a corpus, and those of Latin writing."""
    return frozenset(_LATIN).union(*lines)


def word_piece_tokenizer(pieces: WordPieces, lines: Sequence[str]) -> tokenizers.Tokenizer:
    """Return a tokenizer of the pieces that ``lines`` use, and of common words and all characters.

    Args:
        pieces: all there are.
        lines: of the corpus, as training shows them.
    """
    every = _tokenizer([*pieces.initial, *pieces.inner])
    used: Counter[str] = Counter()
    for start in range(0, len(lines), _BATCH):
        for encoding in every.encode_batch(
            list(lines[start : start + _BATCH]), add_special_tokens=False
        ):
            used.update(encoding.tokens)
    kept = [
        piece
        for piece, row in (
            *pieces.initial.items(),
            *((piece, rows[0]) for piece, rows in pieces.inner.items()),
        )
        if used[piece] >= _USED or row < _COMMON or len(piece.lstrip(_SPACE)) == 1
    ]
    return _tokenizer(kept)


def _tokenizer(pieces: Sequence[str]) -> tokenizers.Tokenizer:
    vocabulary = {piece: row for row, piece in enumerate((PAD, END, UNKNOWN, _SPACE, *pieces))}
    tokenizer = tokenizers.Tokenizer(
        models.WordPiece(
            vocabulary,
            unk_token=UNKNOWN,
            continuing_subword_prefix="",
            max_input_chars_per_word=_LONGEST_WORD,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.NFC(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in (PAD, END)])
    return tokenizer
