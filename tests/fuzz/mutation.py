"""Mutations: from a seed to something that nobody would write.

Example: ``mutated(b'{"user": "hi"}', random.Random(7), [])`` may be ``b'{"user": "hi"hi"}'``.
"""

import random
from collections.abc import Sequence

_MOST = 1 << 17  # bytes of one case
_TOKENS = (
    *(b"{", b"}", b"[", b"]", b"(", b")", b":", b",", b'"', b"'", b"\\", b"\n", b"- ", b"  "),
    *(b"&a ", b"*a", b"<<: *a", b"!!int ", b"? ", b"|", b">", b"#", b"---", b"%YAML 1.1\n"),
    *(b"null", b"true", b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"9" * 5_000, b"0x", b"1:1:1"),
    *(
        b"..",
        b"../..",
        b"/etc/passwd",
        b"\x00",
        b"\x1b[31m",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(b"\\ud800", b"\\u0000", b"\\x41", "\ufdfa".encode(), "\u202e".encode(), "\u2060".encode()),
    *(b"<eos_b>", b"<sos_u>", "＜eos_b＞".encode(), b"[value_name]", b"__proto__", b"=HYPERLINK("),
    *(b"(a+)+$", b"(?=", b"[x](y)", b'[x]{"entity": "a"}', b"PK\x03\x04", b"PK\x01\x02"),
    *(b"2020-02-31", b"2020-01-01", b"yes", b"~", b"<!--", b"## intent:a", b"* a{", b"- "),
)
_REPEATS = (1, 1, 1, 2, 17, 300, 9_000)


def mutated(seed: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Return a seed with one to six changes.

    Args:
        seed: where it begins.
        chance: decides.
        others: seeds that pieces are taken from.
    """
    content = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        start = chance.randint(0, len(content))
        end = min(len(content), start + chance.choice((0, 1, 2, 8, 40, 1_000)))
        piece = bytes(content[start:end])
        change = chance.randrange(6)
        if change == 0:
            content[start:end] = b""
        elif change == 1:
            content[start:end] = chance.choice(_TOKENS)
        elif change == 2:  # noqa: PLR2004
            content[start:start] = chance.choice(_TOKENS) * chance.choice(_REPEATS)
        elif change == 3:  # noqa: PLR2004
            content[end:end] = piece * chance.choice(_REPEATS)
        elif change == 4 and piece:  # noqa: PLR2004
            content[start] = chance.randrange(256)
        elif others:
            other = chance.choice(others)
            begin = chance.randint(0, len(other))
            content[start:end] = other[begin : begin + chance.choice((4, 40, 4_000))]
        del content[_MOST:]
    return bytes(content)
