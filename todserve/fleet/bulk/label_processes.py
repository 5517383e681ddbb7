"""Label processes: one for each core, each with a network of its own, fed one piece after another.

``tod label`` hands them the pieces of its corpus. A process that loses its parent ends when it has
finished its piece; one that dies is replaced, and its piece is tried once more.
Example: ``for done in labelled(pieces, plan, processes=2): ...``.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt

from todserve.fleet.bulk.corpus_rows import Piece
from todserve.fleet.bulk.row_labels import RowLabeller
from todserve.fleet.bulk.shard_files import ShardCounts, label_piece
from todserve.fleet.opened_archive import open_unpacked
from todserve.runtime.errors import ServerError, TodError

_TRIES = 2


class LabelPlan(BaseModel):
    """What every process must know.

    Attributes:
        model: the folder that the archive was unpacked into.
        out: where shards go.
        text: see ``RowLabeller``.
        tasks: see ``RowLabeller``.
        batch: turns in one call of the network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    out: Path
    text: str | None = None
    tasks: tuple[str, ...] = ()
    batch: PositiveInt = 32


class _Hand:
    """One process and the pipe to it."""

    def __init__(self, plan: LabelPlan) -> None:
        # spawn: a network's threads do not survive a fork, and nobody inherits this pipe's end.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, plan), daemon=True)
        self.process.start()
        theirs.close()
        self.piece: Piece | None = None
        self.tries = 0

    def give(self, piece: Piece, tries: int = 1) -> None:
        self.piece, self.tries = piece, tries
        self.pipe.send(piece)

    def end(self) -> None:
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def labelled(
    pieces: Iterator[Piece], plan: LabelPlan, *, processes: int
) -> Iterator[tuple[Piece, ShardCounts]]:
    """Yield what became of every piece, as each is done.

    Raises:
        TodError: the model cannot be loaded, or a process died twice of one piece.
    """
    hands: list[_Hand] = []
    try:
        for piece in pieces:
            if len(hands) < processes:
                hands.append(_Hand(plan))
                hands[-1].give(piece)
                continue
            hand, done = _next_done(hands, plan)
            hand.give(piece)
            yield done
        while any(hand.piece for hand in hands):
            yield _next_done(hands, plan)[1]
    finally:
        for hand in hands:
            hand.end()


def _next_done(hands: list[_Hand], plan: LabelPlan) -> tuple[_Hand, tuple[Piece, ShardCounts]]:
    """Wait until a piece is done, and return its hand, which is free."""
    while True:
        busy = {hand.pipe: hand for hand in hands if hand.piece is not None}
        for pipe in wait(list(busy)):
            if not isinstance(pipe, Connection):
                continue
            hand = busy[pipe]
            piece = hand.piece
            assert piece is not None  # noqa: S101 (busy)
            try:
                told: ShardCounts | TodError = pipe.recv()
            except (EOFError, ConnectionError):
                hands[hands.index(hand)] = _replaced(hand, piece, plan)
                continue
            if isinstance(told, TodError):
                raise told
            hand.piece = None
            return hand, (piece, told)


def _replaced(hand: _Hand, piece: Piece, plan: LabelPlan) -> _Hand:
    hand.end()
    if hand.tries == _TRIES:
        raise ServerError(
            f"a process died {_TRIES} times of rows {piece.first} to "
            f"{piece.first + len(piece) - 1} of {piece.file} (exit status "
            f"{hand.process.exitcode}); memory may be short: try fewer --workers"
        )
    other = _Hand(plan)
    other.give(piece, hand.tries + 1)
    return other


def _work(pipe: Connection, plan: LabelPlan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends this one
    try:
        opened = open_unpacked(plan.model)
        labeller = RowLabeller(opened.worker, text=plan.text, tasks=plan.tasks, batch=plan.batch)
        while True:
            pipe.send(label_piece(pipe.recv(), labeller, plan.out))
    except TodError as error:
        pipe.send(error)
    except (EOFError, ConnectionError):
        return  # the parent has all it wants, or is gone
