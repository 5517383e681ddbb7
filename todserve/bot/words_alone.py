"""WordsAlone: reads nothing into a message, for a bot that needs no model.

In the place of a model where bot.yml says ``model: false``: intents come of its own expressions and
buttons, values of its slots' rules. Example: ``WordsAlone().answer([TurnRequest(user="hi")])``.
"""

from collections.abc import Sequence

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import ModelIdentity, TurnResponse


class WordsAlone:
    """Answers every turn with nothing understood."""

    def answer(self, requests: Sequence[TurnRequest], /) -> list[TurnResponse | RequestError]:
        """Return an answer without intent, state, acts and reply for each request."""
        return [TurnResponse(model=NOBODY) for _ in requests]


NOBODY = ModelIdentity(name="none", version="", checkpoint="")
"""What stands where an answer names its model."""
