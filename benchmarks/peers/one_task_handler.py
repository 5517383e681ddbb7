"""A cascade's node: a TorchServe handler that answers one task and hands the turn on.

Travels in each of the cascade's four archives, with full weights in each. ``task.json`` beside it
says which task; the node of the belief state also looks the database up.
Example: the second node gets ``{"request": ..., "texts": {"intent": "[find_train]"}}``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ts.torch_handler.base_handler import BaseHandler

from benchmarks.peers.stock_turn import StockTurn, StockTurns
from todserve.runtime.language.tasks import TaskName


class OneTaskHandler(BaseHandler):  # type: ignore[misc]  # ts ships no types
    """preprocess -> inference -> postprocess, for one task."""

    def initialize(self, context: Any) -> None:
        """Load the network and the name of the task from the unpacked archive."""
        folder = Path(context.system_properties["model_dir"])
        self.turns = StockTurns(folder)
        self.task = TaskName(json.loads((folder / "task.json").read_text(encoding="utf-8"))["task"])
        self.initialized = True

    def preprocess(self, data: Sequence[Mapping[str, Any]]) -> list[tuple[object, StockTurn]]:
        """Read a client's request, or what the node before handed over."""
        return [self._read(one.get("body") or one.get("data")) for one in data]

    def inference(
        self, data: list[tuple[object, StockTurn]], *args: object, **kwargs: object
    ) -> list[tuple[object, StockTurn]]:
        """Generate the task for the batch as given."""
        turns = [turn for _, turn in data]
        self.turns.ask(turns, (self.task,))
        if self.task is TaskName.BELIEF_STATE:
            for turn in turns:
                self.turns.look_up(turn)
        return data

    def postprocess(self, data: list[tuple[object, StockTurn]]) -> list[dict[str, object]]:
        """Return what the next node, or in the end the client, reads."""
        return [self.turns.hand_over(body, turn) for body, turn in data]

    def _read(self, body: Any) -> tuple[object, StockTurn]:
        passed = body if isinstance(body, Mapping) else json.loads(body)
        if "texts" in passed:
            return passed["request"], self.turns.resume(passed)
        return passed, self.turns.begin(passed)
