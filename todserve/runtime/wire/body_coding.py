"""Body coding: unpacks a body and checks its character set, or refuses it by the coding's name.

The worker and the gateway call it, since they know a request's headers. A body may be packed with
gzip or deflate; its text is UTF-8, and another character set is named when refused. Example:
``unpacked(body, "gzip", 1 << 20)`` is the JSON that was packed.
"""

import codecs
import zlib
from email.message import Message

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.key_checks import quote

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_PLAIN = frozenset({"", "identity"})


def unpacked(body: bytes, coding: str, most: int) -> bytes:
    """Return a body as it was before it was packed.

    Args:
        body: as it came.
        coding: the header Content-Encoding; "" for none.
        most: bytes that it may have once it is unpacked.

    Raises:
        RequestError: packed in another way, broken, or too large.
    """
    name = coding.strip().lower()
    if name in _PLAIN:
        return body
    if name not in _PACKED:
        raise RequestError(
            f"Content-Encoding: got {quote(name)}; expected gzip, deflate or none; send the body "
            "as it is"
        )
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = stream.decompress(body, most + 1)
    except zlib.error:
        raise RequestError(
            f"Content-Encoding: the body is no {name}; leave the header out"
        ) from None
    if len(plain) > most:
        raise RequestError(
            f"request: got more than {most} bytes once unpacked; expected at most so many"
        )
    if not stream.eof:
        raise RequestError(f"Content-Encoding: the {name} body is cut off; send all of it")
    return plain


def check_charset(body: bytes, content_type: str) -> None:
    """Refuse a body that says it is written in another character set than UTF-8.

    Raises:
        RequestError: which; what has ASCII letters alone is the same in all that are usual.
    """
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_content_charset() or "utf-8"
    try:
        known = codecs.lookup(charset).name
    except LookupError:
        known = ""
    if known in ("utf-8", "utf-8-sig") or (known and body.isascii() and b"\0" not in body):
        return
    raise RequestError(
        f"Content-Type: got charset {quote(charset)}; expected utf-8; write the body in UTF-8"
    )


def looks_like(body: bytes | bytearray) -> str:
    """Return what a body that is no UTF-8 looks like, to end a message with; "" where unknown."""
    if body.startswith(b"\x1f\x8b"):
        return "; it looks like gzip: say so with Content-Encoding: gzip"
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "; it looks like UTF-16"
    if body.startswith(b"\x28\xb5\x2f\xfd"):
        return "; it looks like zstd: send it as it is, or as gzip"
    return ""
