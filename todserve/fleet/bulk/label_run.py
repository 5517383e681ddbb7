"""Label run: ``tod label`` from a corpus to a folder of shards, going on where it was stopped.

``tod label`` calls it; it reads the corpus, has processes label it, and writes the shards.
``run.json`` says what the folder is of, so that another corpus or model does not go on in it;
pieces whose shard is there are done. Several machines may share a folder, each with a ``part`` of
its pieces.
Example: ``run_label(LabelSettings(source=Path("said.jsonl"), out=Path("runs/said")))``.
"""

import fcntl
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from todserve.fleet.bulk.corpus_rows import (
    Piece,
    corpus_files,
    count_rows,
    fingerprint,
    pieces,
)
from todserve.fleet.bulk.label_processes import LabelPlan, labelled
from todserve.fleet.bulk.shard_files import ShardCounts, shard_path
from todserve.fleet.opened_archive import unpack_verified
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole
from todserve.serving.archive.checksums import sha256
from todserve.serving.capacity.this_machine import usable_cores
from todserve.serving.terminal.painted_lines import say

_RUN = "run.json"
_MOST_ROWS = 2000  # of a shard: what a kill can cost each process
_LEAST_ROWS = 50
_SHARDS_EACH = 8  # at least so many for each process, so that none waits long for the last
_SECONDS_BETWEEN = 10.0


class LabelSettings(BaseModel):
    """What to label, and how; unknown keys are rejected.

    Attributes:
        source: a ``.jsonl`` or ``.parquet`` file, or a folder of such.
        out: a folder; one that was begun is gone on with.
        archive: of ``tod archive``.
        text: the key of the utterance, where rows are not requests of ours.
        tasks: what to answer; empty for everything.
        workers: processes; None for one a core.
        batch: turns in one call of the network.
        part: of the pieces, (which, of how many), counted from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Path
    out: Path
    archive: Path
    text: str | None = None
    tasks: tuple[TaskName, ...] = ()
    workers: PositiveInt | None = None
    batch: PositiveInt = 32
    part: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 1)

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.part[0] > self.part[1]:
            raise ValueError(f"part {self.part[0]} of {self.part[1]} is none")
        return self


class _Run(BaseModel):
    """What a folder was begun with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    files: dict[str, str]
    rows: int
    rows_of_a_shard: PositiveInt
    text: str | None
    tasks: tuple[str, ...]


def run_label(settings: LabelSettings) -> ShardCounts:
    """Label what is not labelled yet, and return the counts of this run.

    Raises:
        CorpusError: there is no corpus.
        ConfigError: the folder was begun with another corpus, model or options.
        ArchiveError: the archive is missing or altered.
        ServerError: the processes die.
    """
    processes = settings.workers or usable_cores()
    files = corpus_files(settings.source)
    settings.out.mkdir(parents=True, exist_ok=True)
    which, of = settings.part
    with _alone(settings.out / f".lock-{which}-of-{of}"):
        with (settings.out / ".lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # of several machines one begins
            run = _begun(settings, files, processes)
        model = settings.out / f".model-{which}-of-{of}"
        shutil.rmtree(model, ignore_errors=True)  # of a run that was killed
        try:
            unpack_verified(settings.archive, model)
            plan = LabelPlan(
                model=model,
                out=settings.out,
                text=settings.text,
                tasks=settings.tasks,
                batch=settings.batch,
            )
            return _labelled(settings, run, files, plan, processes)
        finally:
            shutil.rmtree(model, ignore_errors=True)


def _labelled(
    settings: LabelSettings, run: _Run, files: list[Path], plan: LabelPlan, processes: int
) -> ShardCounts:
    suffix, (which, of) = files[0].suffix, settings.part
    told, counts, started = (
        _Progress(run.rows if of == 1 else None),
        ShardCounts(),
        time.monotonic(),
    )

    def missing() -> Iterator[Piece]:
        for piece in pieces(files, rows=run.rows_of_a_shard):
            if piece.number % of != which - 1:
                continue
            if shard_path(settings.out, piece.number, suffix=suffix).is_file():
                told.skip(len(piece))
            else:
                yield piece

    for piece, done in labelled(missing(), plan, processes=processes):
        counts += done
        told.add(len(piece))
    told.end()
    seconds = max(time.monotonic() - started, 1e-9)
    before = f" ({told.skipped:,} were there before)" if told.skipped else ""
    say(
        f"{counts.rows:,} rows{before}, {counts.turns:,} turns in {seconds:,.1f} s: "
        f"{counts.turns / seconds:,.1f} turns a second by {processes} processes"
    )
    if counts.refused:
        say(f"{counts.refused:,} rows were refused: {settings.out}/refused-*.jsonl says why")
    return counts


def _begun(settings: LabelSettings, files: list[Path], processes: int) -> _Run:
    """Return what the folder was begun with, or begin it."""
    path = settings.out / _RUN
    rows = count_rows(files)
    fitting = rows // (processes * settings.part[1] * _SHARDS_EACH)
    now = _Run(
        archive=sha256(settings.archive),
        files={one.name: fingerprint(one) for one in files},
        rows=rows,
        rows_of_a_shard=min(_MOST_ROWS, max(_LEAST_ROWS, fitting)),
        text=settings.text,
        tasks=settings.tasks,
    )
    if not path.is_file():
        write_whole(path, now.model_dump_json(indent=2) + "\n")
        return now
    before = _Run.model_validate(read_json(path))
    same = now.model_copy(update={"rows_of_a_shard": before.rows_of_a_shard})
    if before != same:
        differing = [key for key in _Run.model_fields if getattr(before, key) != getattr(same, key)]
        raise ConfigError(
            f"{settings.out} was begun with another {', '.join(differing)}; expected the same to "
            "go on; name another folder, or delete this one"
        )
    return before


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{lock.parent}: another `tod label` works there now") from None
        yield


class _Progress:
    """Tells how far a run is: a bar in a terminal, else a line now and then."""

    def __init__(self, rows: int | None) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=rows,
            unit=" rows",
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
            smoothing=0.05,
        )
        self._rows = rows
        self._done = self._measured = 0
        self._began = self._told = time.monotonic()
        self.skipped = 0

    def skip(self, rows: int) -> None:
        self.skipped += rows
        if not self._bar.disable:
            self._bar.initial += rows
            self._bar.n += rows

    def add(self, rows: int) -> None:
        now = time.monotonic()
        if self._done:
            self._measured += rows
        else:  # the first piece waited for the networks to be loaded
            self._began = now
        self._done += rows
        self._bar.update(rows)
        if self._bar.disable and self._measured and now - self._told > _SECONDS_BETWEEN:
            self._told = now
            say(self._line(self._measured / (now - self._began)))

    def end(self) -> None:
        self._bar.close()

    def _line(self, rate: float) -> str:
        so_far = f"{self.skipped + self._done:,}"
        if self._rows is None:
            return f"{so_far} rows, {rate:,.1f} a second"
        left = (self._rows - self.skipped - self._done) / rate
        lasts = f"{left:.0f} s" if left < 120 else f"{left / 60:,.0f} min"
        return f"{so_far} of {self._rows:,} rows, {rate:,.1f} a second, {lasts} left"
