"""Fingerprints: short digests by which the same words are recognised however they are written.

The leak check and deduplication keep millions of them and no text.
Example: "I'd like to top-up!" and "i would like to top up" have one fingerprint.
"""

import hashlib
import re
from collections.abc import Iterable

from todserve.runtime.language.text import normalise

_WORD = re.compile(r"\w+")


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of ``text`` as training sees them, without any mark between them."""
    return tuple(_WORD.findall(normalise(text)))


def fingerprint(parts: Iterable[str]) -> bytes:
    """Return 16 bytes that no other sequence of strings has, for any practical purpose."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        # The length first: ("ab", "c") must differ from ("a", "bc").
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.digest()
