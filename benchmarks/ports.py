"""Ports for the servers that are measured: free ones of a fixed range.

Example: ``Ports().take(2)`` is ``(18000, 18001)`` on a machine where nothing listens there.
"""

import socket

from benchmarks.peers.base import PeerError

FIRST, LAST = 18000, 18999


class Ports:
    """Hands out ports of the range, each once."""

    def __init__(self, first: int = FIRST, last: int = LAST) -> None:
        """Take them from ``first`` up to and including ``last``."""
        self._next = first
        self._last = last

    def take(self, count: int) -> tuple[int, ...]:
        """Return ``count`` ports that nothing listens on.

        Raises:
            PeerError: the range is used up.
        """
        found: list[int] = []
        while len(found) < count:
            if self._next > self._last:
                raise PeerError(f"no free port left up to {self._last}; end what listens there")
            if _is_free(self._next):
                found.append(self._next)
            self._next += 1
        return tuple(found)


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
