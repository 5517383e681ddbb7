"""StreamedTurn: what a client has of an answer that comes in two lines.

The client reads a streamed answer with it. Example: ``lines.take(chunk)`` is what was understood as
soon as its line is whole, once; ``lines.rest`` is the last line when everything is there.
"""

import json
from http import HTTPStatus

from pydantic import ValidationError

from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.response import decode
from todserve.runtime.wire.turn_events import IN_LINES, Understood

ACCEPT = {"Accept": f"{IN_LINES}, application/json"}


class StreamedTurn:
    """The lines of one answer so far."""

    def __init__(self) -> None:
        self._first: bytes | None = None
        self.rest = b""

    def take(self, chunk: bytes) -> Understood | None:
        """Take in a chunk; returns what was understood when its line has become whole."""
        self.rest += chunk
        if self._first is not None or b"\n" not in self.rest:
            return None
        self._first, _, self.rest = self.rest.partition(b"\n")
        try:
            return Understood(turn=decode(self._first))
        except ValidationError:
            return None  # what follows is judged as a whole

    @property
    def status(self) -> int:
        """What the last line is answered with.

        The status of the answer went out with the first line; a turn that failed after that says
        so in its body.
        """
        try:
            said = parse_json(self.rest)
        except (DataError, json.JSONDecodeError):
            return HTTPStatus.BAD_GATEWAY
        code = said.get("code") if isinstance(said, dict) else None
        failed = isinstance(code, int) and code >= HTTPStatus.BAD_REQUEST
        return code if failed and isinstance(code, int) else HTTPStatus.OK
