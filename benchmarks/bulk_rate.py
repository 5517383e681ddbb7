"""What ``tod label`` costs on top of the engine: both on the same utterances, in one run.

Example: ``python -m benchmarks.bulk_rate archive/store/tod.mar --json runs/bulk.json``.

The engine's own rate is that of ``Pipeline.answer``: as many processes, each with its share of the
requests in memory and parsed, in batches of the same size, the answers thrown away. ``tod label``
reads JSON lines, checks every row and writes shards. The two take turns, so that what else the
machine does hits both; of each the time to load the network is left out, and of ``tod label`` the
first piece of each process with it.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.scripted_users import load_scripts
from todserve.evaluation.scorecard import code_version
from todserve.fleet.bulk.corpus_rows import pieces
from todserve.fleet.bulk.label_processes import LabelPlan, labelled
from todserve.fleet.opened_archive import unpack_verified
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest
from todserve.serving.archive.model_config import load_model_config


def main() -> None:
    """Measure, print, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("archive", type=Path, help="of `tod archive`")
    parser.add_argument("--utterances", type=int, default=1600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    scripts, source = load_scripts()
    said = [text for script in scripts for text in script]
    texts = list(islice(cycle(said), arguments.utterances))
    with tempfile.TemporaryDirectory(prefix="tod-bulk-") as folder:
        model = Path(folder) / "model"
        unpack_verified(arguments.archive, model)
        rounds = [
            {
                "engine": engine_rate(texts, model, arguments.workers, arguments.batch),
                "label": label_rate(texts, model, arguments.workers, arguments.batch),
            }
            for _ in range(arguments.rounds)
        ]
    shares = [one["label"] / one["engine"] for one in rounds]
    found = {
        "source": source,
        "code": code_version(),
        "machine": describe(),
        "processes": arguments.workers,
        "batch": arguments.batch,
        "utterances": len(texts),
        "engine_turns_per_second": statistics.median(one["engine"] for one in rounds),
        "label_turns_per_second": statistics.median(one["label"] for one in rounds),
        "share_of_the_engines": statistics.median(shares),
        "rounds": rounds,
    }
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def engine_rate(texts: Sequence[str], model: Path, processes: int, batch: int) -> float:
    """Return the turns a second of bare pipelines that start at once."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    hands = []
    for place in range(processes):
        ours, theirs = context.Pipe()
        hands.append(
            context.Process(
                target=_answer_all, args=(theirs, texts[place::processes], model, batch)
            )
        )
        hands[-1].start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()  # loaded
    started = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    for pipe in pipes:
        pipe.recv()
    seconds = time.perf_counter() - started
    for hand in hands:
        hand.join()
    return len(texts) / seconds


def _answer_all(pipe: Connection, texts: Sequence[str], model: Path, batch: int) -> None:
    handler = load_model_config(model / "model-config.yaml").handler
    settings: Any = handler.engine.model_dump(mode="json")
    requests = [TurnRequest(user=text) for text in texts]
    with Pipeline.load(
        model,
        settings=EngineSettings(**settings),
        constrained=handler.decoding.constrained,
        spelling=handler.reading.spelling,
    ) as pipeline:
        pipeline.answer(requests[:batch])
        pipe.send("ready")
        pipe.recv()
        for start in range(0, len(requests), batch):
            pipeline.answer(requests[start : start + batch])
        pipe.send("done")


def label_rate(texts: Sequence[str], model: Path, processes: int, batch: int) -> float:
    """Return the turns a second of ``tod label``'s processes, once each has done a piece."""
    with tempfile.TemporaryDirectory(prefix="tod-bulk-") as folder:
        source, out = Path(folder) / "said.jsonl", Path(folder) / "out"
        out.mkdir()
        rows = "".join(json.dumps({"user": text}) + "\n" for text in texts)
        source.write_text(rows, encoding="utf-8")
        plan = LabelPlan(model=model, out=out, batch=batch)
        cut = pieces([source], rows=max(batch, len(texts) // (processes * 12)))
        ends = [
            (time.perf_counter(), counts.turns)
            for _, counts in labelled(cut, plan, processes=processes)
        ]
    before, measured = ends[processes - 1], ends[processes:]
    return sum(turns for _, turns in measured) / (measured[-1][0] - before[0])


if __name__ == "__main__":
    main()
