"""Request bodies: turns bytes, text or a mapping into the mapping that a request is read from.

Servers call it before ``request`` checks the keys; the mapping that it returns has a bounded depth.
Example: ``read_body(b'{"user": "hello"}', limits)`` is ``{"user": "hello"}``.
"""

import json
import re
from collections.abc import Mapping

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.body_coding import looks_like
from todserve.runtime.wire.key_checks import quote, wrong
from todserve.runtime.wire.limits import RequestLimits, most_bytes

_FIX = 'send {"user": "..."}'
_MISTAKEN = tuple(
    (re.compile(pattern, re.ASCII), told)
    for pattern, told in (
        (r"\s*--\S+\r?\n", "the parts of a form: send the JSON alone"),
        (r"\s*(?:\w+=|%7[Bb])", "a form: send the JSON alone"),
        (r"\s*@\S+\s*\Z", "the name of a file: curl reads it with -d @NAME"),
        (r"\s*\{\s*'", "names in single quotes: JSON has double ones"),
        (r"\s*\{\s*[\u201c\u201d\u201e]", "curled quotes: JSON has straight ones"),
        (r"\s*\{[^\n]*\}\s*\{", "several objects: send each as a request of its own"),
        (r"\s*<", "XML or a page"),
    )
)
"""How a body begins that is no JSON, and what it is then."""


def read_body(body: object, limits: RequestLimits) -> Mapping[object, object]:
    """Return the JSON object that ``body`` is or holds.

    Raises:
        RequestError: empty, not UTF-8, malformed JSON, no object, too large or too deep.
    """
    request = _read_json(body, limits)
    if not isinstance(request, Mapping):
        raise wrong("request", request, "an object", _FIX)
    _check_depth(request, limits.max_depth)
    return request


def _read_json(body: object, limits: RequestLimits) -> object:
    if body is None:
        raise RequestError(f"request: the body is empty; {_FIX}")
    if not isinstance(body, bytes | bytearray | str):
        return body
    text = read_text(body, limits)
    if not text.strip():
        raise RequestError(f"request: the body is empty; {_FIX}")
    try:
        return json.loads(text, object_pairs_hook=_each_key_once)
    except _RepeatedKeyError as found:
        told = f"request: key {quote(found.key)} is there twice; send it once"
        raise RequestError(told) from None
    except json.JSONDecodeError as error:
        raise RequestError(
            f"request: malformed JSON at line {error.lineno} column {error.colno} "
            f"(character {error.pos}): {error.msg}{_mistaken_for(text)}; expected one JSON object; "
            f"{_FIX}"
        ) from None
    except RecursionError:
        raise _too_deep(limits.max_depth) from None
    except ValueError as error:  # an integer of thousands of digits
        raise RequestError(f"request: malformed JSON: {error}") from None


def _mistaken_for(text: str) -> str:
    """Return what a body that is no JSON was perhaps meant as; "" where unknown."""
    found = next((told for pattern, told in _MISTAKEN if pattern.match(text)), None)
    return "" if found is None else f"; it looks like {found}"


def repeated_key(content: bytes) -> str | None:
    """Return a key that stands twice in an object of a JSON text; None where none does.

    Which of two would count differs between readers of JSON. What is no JSON is none's business
    here: whoever reads it says so.
    """
    try:
        json.loads(content, object_pairs_hook=_each_key_once)
    except _RepeatedKeyError as found:
        return found.key
    except (ValueError, RecursionError):
        return None
    return None


class _RepeatedKeyError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in found if names.count(name) > 1))
    return found


def read_text(body: bytes | bytearray | str, limits: RequestLimits) -> str:
    """Return ``body`` as text, without a byte order mark.

    Raises:
        RequestError: not UTF-8, or larger than any request within the limits.
    """
    most = most_bytes(limits)
    if len(body) > most:
        unit = "characters" if isinstance(body, str) else "bytes"
        raise RequestError(f"request: got {len(body)} {unit}; expected at most {most}")
    if isinstance(body, str):
        return body.removeprefix("\ufeff")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"request: byte {error.start} (0x{body[error.start]:02x}) is not UTF-8; "
            f"encode the body as UTF-8{looks_like(body)}"
        ) from None


def _check_depth(request: object, most: int) -> None:
    # Level by level, not recursively: a deep request must not exhaust the stack.
    level: list[object] = [request]
    for _ in range(most):
        below: list[object] = []
        for container in level:
            inside = container.values() if isinstance(container, Mapping) else container
            below += [part for part in inside if isinstance(part, Mapping | list | tuple)]  # type: ignore[attr-defined]
        if not below:
            return
        level = below
    raise _too_deep(most)


def _too_deep(most: int) -> RequestError:
    return RequestError(f"request: nested too deeply; expected at most {most} levels")
