"""Answers turns line by line on standard input, timing each itself: the network without a server.

A process of its own, as a server's worker is, so that memory and threads compare. Modes:
``pipeline`` (our archive's own pipeline), ``reference`` (the same and the generated texts), and
with stock generate ``cascaded`` (four calls), ``plug_and_play`` (a call a phase) and
``plug_and_play_no_db`` (one call of four tasks, no look-up, no database token).
Example line in: ``{"mode": "cascaded", "request": {"user": "a train to ely"}}``; out:
``{"seconds": 0.04, "answer": {"intent": "[find_train]", ...}}``.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[[str, Any], tuple[float, Any]]
"""(mode, request) -> seconds of the work alone, answer."""


def main() -> None:
    """Load, say so, and answer until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("pipeline", "stock"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--settings", default="{}", help="engine settings as JSON")
    arguments = parser.parse_args()
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    load = _stock if arguments.kind == "stock" else _pipeline
    answer = load(arguments.folder, json.loads(arguments.settings))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            seconds, content = answer(asked["mode"], asked["request"])
        except Exception as error:
            reply: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
        else:
            reply = {"seconds": seconds, "answer": content}
        print(json.dumps(reply), file=answers, flush=True)


def _pipeline(folder: Path, settings: dict[str, Any]) -> Answer:
    from todserve.runtime.engines.engine_settings import EngineSettings
    from todserve.runtime.errors import RequestError
    from todserve.runtime.pipeline import Pipeline
    from todserve.runtime.stopwatch import Stopwatch
    from todserve.runtime.turn_work import TurnWork
    from todserve.runtime.wire.request import parse_request
    from todserve.runtime.wire.response import encode

    pipeline = Pipeline.load(folder, settings=EngineSettings(**settings).of_a_part())

    def answer(mode: str, body: Any) -> tuple[float, Any]:
        request = parse_request(body)
        begun = time.perf_counter()
        outcome = pipeline.answer([request])[0]
        seconds = time.perf_counter() - begun
        if isinstance(outcome, RequestError):
            raise outcome
        content = encode(outcome)
        if mode != "reference":
            return seconds, content
        work = pipeline.work_out([request], Stopwatch())[0]
        assert isinstance(work, TurnWork)
        texts = {str(task): reading.text for task, reading in work.readings.items()}
        # Tokens of each task with its end token, and of the context: what the turn cost.
        steps = {
            str(task): len(reading.generation.ids) + reading.generation.finished
            for task, reading in work.readings.items()
        }
        return seconds, {"turn": content, "texts": texts, "steps": steps, "context": _width(work)}

    def _width(work: TurnWork) -> int:
        return len(pipeline._builder.context(work.source, next(iter(work.readings))))

    return answer


def _stock(folder: Path, settings: dict[str, Any]) -> Answer:
    from benchmarks.peers.stock_turn import REPLYING, UNDERSTANDING, StockTurns

    turns = StockTurns(folder)

    def answer(mode: str, body: Any) -> tuple[float, Any]:
        begun = time.perf_counter()
        turn = turns.begin(body)
        if mode == "cascaded":
            turns.answer_one_by_one(turn)
        elif mode == "plug_and_play":
            turns.answer([turn])
        else:
            turns.ask([turn], (*UNDERSTANDING, *REPLYING))
        return time.perf_counter() - begun, turn.texts

    return answer


if __name__ == "__main__":
    main()
