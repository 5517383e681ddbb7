"""The stock peer's TorchServe handler: a BaseHandler around ``generate``, four texts a turn.

Travels in the stock archive. The requests of a batch are answered together: one ``generate`` for
all belief states and intents, the look-ups, one ``generate`` for all acts and responses.
Example: ``POST /predictions/stock`` with ``{"user": "a train to ely"}``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ts.torch_handler.base_handler import BaseHandler

from benchmarks.peers.stock_turn import StockTurn, StockTurns


class StockHandler(BaseHandler):  # type: ignore[misc]  # ts ships no types
    """preprocess -> inference -> postprocess, as BaseHandler wants them."""

    def initialize(self, context: Any) -> None:
        """Load the network from the unpacked archive."""
        self.turns = StockTurns(Path(context.system_properties["model_dir"]))
        self.initialized = True

    def preprocess(self, data: Sequence[Mapping[str, object]]) -> list[StockTurn]:
        """Read every request of the batch."""
        return [self.turns.begin(one.get("body") or one.get("data")) for one in data]

    def inference(self, data: list[StockTurn], *args: object, **kwargs: object) -> list[StockTurn]:
        """Generate the batch as given."""
        self.turns.answer(data)
        return data

    def postprocess(self, data: list[StockTurn]) -> list[dict[str, str]]:
        """Return the four texts of each turn."""
        return [turn.texts for turn in data]
