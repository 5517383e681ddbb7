"""How a turn's cost grows: with the batch, the database's rows and the schema's services.

Example: ``python -m benchmarks.growth --archive archive/store/tod.mar``. The
same turns of MultiWOZ dev as `benchmarks.bench`, warm, in this process; all sizes take turns, so
that none has the quieter moments. Rows are grown by copies of the venues and trains under names of
their own, services by copies of those that are there: the network has not learnt them and writes
none, but whatever is built, held and searched grows with them. What grows with the history and
with the tasks `benchmarks.bench` measures.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from benchmarks.turns import load_turns
from todserve.runtime.errors import RequestError
from todserve.runtime.language.schema import Schema
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.capacity.this_machine import processor, usable_cores

BATCHES = (1, 2, 4, 8, 16, 32)
ROWS = (1, 10, 50)
SERVICES = (1, 2, 4, 8)
_NAMED = {"attraction": "name", "hotel": "name", "restaurant": "name", "train": "id"}
_SCHEMA, _KNOWLEDGE = "schema.json", "knowledge.sqlite"


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--archive", type=Path, required=True, help="a .mar of the onnx engine")
    parser.add_argument("--turns", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tod-growth-") as name:
        figures = growth(arguments, Path(name))
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def growth(arguments: argparse.Namespace, workspace: Path) -> dict[str, Any]:
    """Return median milliseconds a turn for each size, and what opening each one took."""
    folder = unpack(arguments.archive, workspace / "unpacked")
    turns = load_turns(folder, arguments.turns)
    requests = [parse_request(body) for body in turns.bodies]
    grown = {
        **{f"rows x{times}": more_rows(folder, workspace, times) for times in ROWS},
        **{f"services x{times}": more_services(folder, workspace, times) for times in SERVICES},
    }
    opened: dict[str, dict[str, float]] = {}
    pipelines: dict[str, Pipeline] = {}
    process = psutil.Process(os.getpid())
    for name, place in grown.items():
        before, begun = process.memory_info().rss, time.perf_counter()
        pipelines[name] = Pipeline.load(place, constrained=True)
        opened[name] = {
            "open_s": round(time.perf_counter() - begun, 2),
            "memory_mb": round((process.memory_info().rss - before) / 2**20),
        }
    batch: dict[int, list[float]] = {size: [] for size in BATCHES}
    alone: dict[str, list[float]] = {name: [] for name in pipelines}
    first = pipelines["rows x1"]
    for number in range(arguments.rounds + 1):
        for size, found in batch.items():
            found += _batched(first, requests, size) if number else []
        for name, pipeline in pipelines.items():
            taken = _batched(pipeline, requests, 1)  # the first round warms up
            alone[name] += taken if number else []
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "turns": len(requests),
        "source": turns.source,
        "ms_a_turn_by_batch": {size: _median(taken) for size, taken in batch.items()},
        "ms_a_turn": {
            name: {"p50": _median(taken), **opened[name]} for name, taken in alone.items()
        },
    }


def more_rows(folder: Path, workspace: Path, times: int) -> Path:
    """Return a copy of an export whose venues and trains are ``times`` as many."""
    place = _copy(folder, workspace / f"rows{times}", _KNOWLEDGE)
    shutil.copyfile(folder / _KNOWLEDGE, place / _KNOWLEDGE)
    with closing(sqlite3.connect(place / _KNOWLEDGE)) as database, database:
        for domain, named in _NAMED.items():
            table = f"entities_{domain}"
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            kept = ", ".join(f'"{column}"' for column in columns)
            said = ", ".join(
                f'"{column}" || ?' if column in (named, f"key_{named}") else f'"{column}"'
                for column in columns
            )
            rows = database.execute(f'SELECT max(rowid) FROM "{table}"').fetchone()[0]
            marks = 2 if f"key_{named}" in columns else 1
            for number in range(2, times + 1):
                database.execute(
                    f'INSERT INTO "{table}" ({kept}) SELECT {said} FROM "{table}" '
                    f"WHERE rowid <= {rows}",
                    [f" {number}"] * marks,
                )
    return place


def more_services(folder: Path, workspace: Path, times: int) -> Path:
    """Return a copy of an export whose schema has ``times`` as many services and intents."""
    place = _copy(folder, workspace / f"services{times}", _SCHEMA)
    schema = Schema.load(folder / _SCHEMA)
    services = list(schema.services)
    for number in range(2, times + 1):
        services += [
            one.model_copy(
                update={
                    "name": f"{one.name}{number}",
                    "intents": tuple(f"{intent}{number}" for intent in one.intents),
                }
            )
            for one in schema.services
        ]
    schema.model_copy(update={"services": tuple(services)}).save(place / _SCHEMA)
    return place


def _copy(folder: Path, place: Path, left_out: str) -> Path:
    shutil.copytree(
        folder, place, ignore=shutil.ignore_patterns(left_out, "todserve"), copy_function=os.link
    )
    return place


def _batched(pipeline: Pipeline, requests: Sequence[TurnRequest], size: int) -> list[float]:
    """Return the milliseconds a turn of each whole batch."""
    found = []
    for first in range(0, len(requests) - size + 1, size):
        begun = time.perf_counter()
        answers = pipeline.answer(requests[first : first + size])
        found.append(1e3 * (time.perf_counter() - begun) / size)
        for answer in answers:
            if isinstance(answer, RequestError):
                raise answer
    return found


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
