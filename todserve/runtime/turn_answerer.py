"""Answerer: anything that answers dialogue turns, wherever its model runs.

A pipeline in this process is one, a client of a running server is another: whoever scores, replays
or holds a conversation asks for no more than this. Example:
``answerer.answer([TurnRequest(user="a train to ely")])[0].response.text``.
"""

from collections.abc import Sequence
from typing import Protocol

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse


class Answerer(Protocol):
    """Answers batches of turns."""

    def answer(self, requests: Sequence[TurnRequest], /) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ServerError: it asks a server, and that gives no answer.
        """
