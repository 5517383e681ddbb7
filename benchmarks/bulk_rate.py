"""What ``tod label`` costs on top of the engine: both on the same utterances, in one run.

Example: ``python -m benchmarks.bulk_rate archive/store/tod.mar --json runs/bulk.json``.

The engine's own rate is that of ``Pipeline.answer`` on requests that are parsed already, in batches
of the same size, the answers thrown away. ``tod label``'s is that of one of its processes: it reads
JSON lines, checks every row, answers it and writes a shard. Both run in one process and take turns,
piece by piece, so that what else the machine does hits both; the share is of the time of all
pieces, and again of processor time alone.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.scripted_users import load_scripts
from todserve.evaluation.scorecard import code_version
from todserve.fleet.bulk.corpus_rows import pieces
from todserve.fleet.bulk.row_labels import RowLabeller
from todserve.fleet.bulk.shard_files import label_piece
from todserve.fleet.opened_archive import unpack_verified
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.worker.turn_worker import TurnWorker
from todserve.serving.archive.model_config import load_model_config


def main() -> None:
    """Measure, print, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("archive", type=Path, help="of `tod archive`")
    parser.add_argument("--utterances", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--piece", type=int, default=128, help="rows of one shard")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    scripts, source = load_scripts()
    said = [text for script in scripts for text in script]
    texts = list(islice(cycle(said), arguments.utterances))
    with tempfile.TemporaryDirectory(prefix="tod-bulk-") as folder:
        engine, label = measured(
            texts, arguments.archive, Path(folder), batch=arguments.batch, rows=arguments.piece
        )
    found = {
        "source": source,
        "code": code_version(),
        "machine": describe(),
        "processes": 1,
        "batch": arguments.batch,
        "utterances": len(texts),
        "engine_turns_per_second": len(texts) / engine.seconds,
        "label_turns_per_second": len(texts) / label.seconds,
        "share_of_the_engines": engine.seconds / label.seconds,
        "share_of_the_engines_by_processor_time": engine.busy / label.busy,
    }
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@dataclass
class Spent:
    """Time that one side has taken: by the clock, and of the processor."""

    seconds: float = 0.0
    busy: float = 0.0

    def of(self, work: Callable[[], object]) -> None:
        """Add what a piece of work takes."""
        seconds, busy = time.perf_counter(), time.process_time()
        work()
        self.seconds += time.perf_counter() - seconds
        self.busy += time.process_time() - busy


def measured(
    texts: Sequence[str], archive: Path, folder: Path, *, batch: int, rows: int
) -> tuple[Spent, Spent]:
    """Return what the engine took, and what ``tod label`` did."""
    unpack_verified(archive, folder / "model")
    handler = load_model_config(folder / "model" / "model-config.yaml").handler
    source, out = folder / "said.jsonl", folder / "out"
    out.mkdir()
    lines = "".join(json.dumps({"user": text}) + "\n" for text in texts)
    source.write_text(lines, encoding="utf-8")
    engine, label = Spent(), Spent()
    with Pipeline.load(
        folder / "model",
        settings=handler.engine,
        constrained=handler.decoding.constrained,
        spelling=handler.reading.spelling,
    ) as pipeline:
        labeller = RowLabeller(TurnWorker(pipeline, limits=handler.limits), batch=batch)
        cut = pieces([source], rows=rows)
        _answer(pipeline, [TurnRequest(user=text) for text in texts[:batch]], batch)
        for start in range(0, len(texts), rows):
            requests = [TurnRequest(user=text) for text in texts[start : start + rows]]
            both = [
                partial(engine.of, partial(_answer, pipeline, requests, batch)),
                partial(label.of, partial(label_piece, next(cut), labeller, out)),
            ]
            # Whoever comes second finds its words in the speller's memory.
            for one in both if start // rows % 2 else reversed(both):
                one()
    return engine, label


def _answer(pipeline: Pipeline, requests: Sequence[TurnRequest], batch: int) -> None:
    for start in range(0, len(requests), batch):
        pipeline.answer(requests[start : start + batch])


if __name__ == "__main__":
    main()
