r"""Binary tensors: reads and writes texts that stand behind the JSON of a KServe v2 body.

``kserve`` calls it when it reads a body and when it writes an answer. A client that sends numpy
arrays writes the JSON first, says its length in the header ``Inference-Header-Content-Length``, and
puts each text behind it, after its length in four bytes (Triton's binary tensor extension, which
``tritonclient`` and ``kserve`` use unless they are told otherwise). Example: the text ``{}`` is
``b"\x02\0\0\0{}"``.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.key_checks import quote

JSON_LENGTH = "Inference-Header-Content-Length"
SIZE = "binary_data_size"
_LENGTH = struct.Struct("<I")


def parts(body: bytes, length: str) -> tuple[bytes, bytes]:
    """Return the JSON of a body and what stands behind it.

    Raises:
        RequestError: the header is no length within the body.
    """
    if not (
        length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= len(body)
    ):
        raise RequestError(
            f"{JSON_LENGTH}: got {quote(length)}; expected the number of bytes of the JSON, at "
            f"most {len(body)}"
        )
    return body[: int(length)], body[int(length) :]


def with_texts(body: Mapping[object, object], behind: bytes) -> Mapping[object, object]:
    """Return a v2 body with the texts behind its JSON in ``data``, where it says they belong.

    Raises:
        RequestError: sizes that do not fit what is there, or no UTF-8.
    """
    inputs = body.get("inputs")
    if not isinstance(inputs, list):
        return body
    filled: list[object] = []
    for index, tensor in enumerate(inputs):
        size = _size(tensor)
        if size is None:
            filled.append(tensor)
            continue
        what = f"inputs[{index}].parameters.{SIZE}"
        if "data" in tensor:
            raise RequestError(f"{what}: got data as well; send the texts in one of both places")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(behind):
            raise RequestError(
                f"{what}: got {quote(size)}; expected a number of bytes that are there, at most "
                f"{len(behind)}; the header {JSON_LENGTH} says where they begin"
            )
        texts = _texts(what, behind[:size])
        behind = behind[size:]
        filled.append({**tensor, "data": texts})
    if behind:
        raise RequestError(
            f"request: got {len(behind)} bytes behind the JSON that no input's {SIZE} is for"
        )
    return {**body, "inputs": filled}


def _size(tensor: Any) -> object:
    parameters = tensor.get("parameters") if isinstance(tensor, Mapping) else None
    return parameters.get(SIZE) if isinstance(parameters, Mapping) else None


def _texts(what: str, content: bytes) -> list[str]:
    texts, at = [], 0
    while at < len(content):
        end = at + _LENGTH.size
        size = _LENGTH.unpack_from(content, at)[0] if end <= len(content) else len(content)
        if end + size > len(content):
            raise RequestError(
                f"{what}: the text at byte {at} is cut off; expected its length in four bytes, "
                "little-endian, and then the text"
            )
        try:
            texts.append(content[end : end + size].decode("utf-8"))
        except UnicodeDecodeError:
            raise RequestError(f"{what}: the text at byte {at} is not UTF-8") from None
        at = end + size
    return texts


def of_texts(texts: Sequence[str]) -> bytes:
    """Return texts as they stand behind a JSON."""
    pieces = [text.encode("utf-8", errors="replace") for text in texts]
    return b"".join(_LENGTH.pack(len(piece)) + piece for piece in pieces)
