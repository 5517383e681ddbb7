"""Small answers: how a bot calls a service, and reads no more of its answer than it may be long.

Everything that the bot calls over HTTP is called with it. Example: ``with open_session(local=True)
as session: content_of(session.get(url, stream=True), "shop")``.
"""

import errno
import socket
from collections.abc import Iterator

import requests

from todserve.bot.actions import ActionError

_MOST_BYTES = 1_000_000
"""Of an answer; an action says a few lines and sets a few slots."""
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
_PLAIN = {"Accept-Encoding": "identity"}
"""A small answer that is packed may be a large one."""


def open_session(*, local: bool) -> requests.Session:
    """Return a session of its own for one call; ``local`` says that it goes to this machine."""
    session = requests.Session()
    # A proxy of the environment must not be asked for this very machine.
    session.trust_env = not local
    session.headers.update(_PLAIN)
    return session


def content_of(answer: requests.Response, where: str) -> bytes:
    """Return an answer's body, read no further than it may be long.

    Args:
        answer: opened with ``stream=True``.
        where: whose it is, for the message.

    Raises:
        ActionError: it is too long, or packed.
    """
    packed = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
    pieces: list[bytes] = []
    size = 0
    if not packed:
        for piece in answer.iter_content(1 << 16):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_BYTES:
                break
    if packed or size > _MOST_BYTES:
        got = "a packed answer" if packed else "more of an answer"
        raise ActionError(
            f"{where}: got {got}; expected at most {_MOST_BYTES} bytes, not "
            "packed; it may have run, and is not asked again; answer with less"
        )
    return b"".join(pieces)


def refused(error: BaseException) -> bool:
    """Say whether nobody listened: a failure behind which surely nothing ran."""
    return any(isinstance(one, ConnectionRefusedError) for one in _causes(error))


def never_connected(error: BaseException) -> bool:
    """Say whether no connection was made, for whatever reason: nothing ran then, either."""
    return any(
        isinstance(one, ConnectionRefusedError | socket.gaierror | requests.ConnectTimeout)
        or (isinstance(one, OSError) and one.errno in _NO_WAY)
        for one in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        waiting += [inner for inner in one.args if isinstance(inner, BaseException)]
