"""How a turn's cost grows: with the batch, the history, the database's rows and the services.

Example: ``python -m benchmarks.growth --archive archive/store/tod.mar --plot runs/growth.svg``. The
same turns of MultiWOZ dev as `benchmarks.bench`, warm, in this process; all sizes take turns, so
that none has the quieter moments. Rows are grown by copies of the venues and trains under names of
their own, services by copies of those that are there: the network has not learnt them and writes
none, but whatever is built, held and searched grows with them. How long each takes to its first
answer, and with how much memory, is seen in a process of its own. What grows with the clients and
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
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

from benchmarks.growth_report import draw, tables
from benchmarks.turns import Turns, load_turns
from todserve.runtime.errors import RequestError
from todserve.runtime.language.schema import Schema
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.capacity.this_machine import processor, usable_cores

BATCHES = (1, 2, 4, 8, 16, 32)
EXCHANGES = (0, 1, 2, 4, 6, 8, 10)
ROWS = (1, 10, 100)
SERVICES = (1, 2, 4, 8)
_NAMED = {"attraction": "name", "hotel": "name", "restaurant": "name", "train": "id"}
_SOME = 12  # turns of each length of a history
_SCHEMA, _KNOWLEDGE = "schema.json", "knowledge.sqlite"


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--archive", type=Path, required=True, help="a .mar of the onnx engine")
    parser.add_argument("--turns", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--plot", type=Path, help="draw the curves there (.svg, .png, .pdf)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tod-growth-") as name:
        figures = growth(arguments.archive, arguments.turns, arguments.rounds, Path(name))
    print(tables(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        draw(figures, arguments.plot)


def growth(archive: Path, number: int, rounds: int, workspace: Path) -> dict[str, Any]:
    """Return four curves: median milliseconds a turn for each size, and what opening it took.

    Args:
        archive: of the onnx engine.
        number: of turns.
        rounds: how often each size takes its turn.
        workspace: an empty folder.
    """
    folder = unpack(archive, workspace / "unpacked")
    turns = load_turns(folder, number)
    requests = [parse_request(body) for body in turns.bodies]
    rows = {entities(place): place for place in (more_rows(folder, workspace, x) for x in ROWS)}
    services = {
        len(Schema.load(place / _SCHEMA).services): place
        for place in (more_services(folder, workspace, times) for times in SERVICES)
    }
    places = {("rows", size): place for size, place in rows.items()}
    places |= {("services", size): place for size, place in services.items()}
    opened = {key: _opened_apart(place, turns.bodies[0]) for key, place in places.items()}
    pipelines = {key: Pipeline.load(place, constrained=True) for key, place in places.items()}
    first = next(iter(pipelines.values()))
    work = {("batch", size): (first, requests, size) for size in BATCHES if size <= number}
    work |= {("history", size): (first, some, 1) for size, some in _by_history(turns).items()}
    work |= {key: (pipeline, requests, 1) for key, pipeline in pipelines.items()}
    taken: dict[tuple[str, int], list[float]] = {key: [] for key in work}
    for turn in range(rounds + 1):
        for key, (pipeline, some, size) in work.items():
            found = _batched(pipeline, some, size)
            taken[key] += found if turn else []  # the first round warms up
    curves: dict[str, list[dict[str, float]]] = {}
    for (kind, size), milliseconds in taken.items():
        median = round(statistics.median(milliseconds), 2)
        point = {"size": size, "ms_a_turn": median, **opened.get((kind, size), {})}
        curves.setdefault(kind, []).append(point)
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "turns": len(requests),
        "source": turns.source,
        "curves": curves,
    }


def entities(folder: Path) -> int:
    """Return how many entities an export's database has."""
    with closing(sqlite3.connect(folder / _KNOWLEDGE)) as database:
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'entities_%'"
        ).fetchall()
        return sum(
            int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for (name,) in names
        )


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


def _opened_apart(folder: Path, body: bytes) -> Mapping[str, float]:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as alone:
        return alone.submit(opened, folder, body).result()


def opened(folder: Path, body: bytes) -> Mapping[str, float]:
    """Open an export and answer a turn; return the seconds, and the memory beyond what code takes.

    Meant for a process that has opened nothing yet.
    """
    process = psutil.Process(os.getpid())
    before, begun = process.memory_info().rss, time.perf_counter()
    pipeline = Pipeline.load(folder, constrained=True)
    pipeline.answer([parse_request(body)])
    return {
        "first_answer_s": round(time.perf_counter() - begun, 2),
        "memory_mb": round((process.memory_info().rss - before) / 2**20),
    }


def _by_history(turns: Turns) -> dict[int, list[TurnRequest]]:
    found: dict[int, list[TurnRequest]] = {size: [] for size in EXCHANGES}
    for body in (body for dialogue in turns.dialogues for body in dialogue):
        request = parse_request(body)
        if len(request.history) in found and len(found[len(request.history)]) < _SOME:
            found[len(request.history)].append(request)
    return {size: some for size, some in found.items() if some}


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


if __name__ == "__main__":
    main()
