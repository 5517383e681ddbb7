"""The benchmark: ours against what a user could pick instead, in one run on one machine.

Everything runs the same checkpoint on the same turns; see ``roster`` for the peers, ``comparison``
for how they take turns, ``floor`` for what is possible at all.
Example: ``python -m benchmarks.bench --quick --json runs/bench.json --markdown runs/bench.md``.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison import Comparison, Say
from benchmarks.content import head_content, peer_content
from benchmarks.figures import rows
from benchmarks.floor_run import better_of, floors, measure_machine
from benchmarks.generator import generator_rates
from benchmarks.options import BenchOptions
from benchmarks.peers.base import Peer
from benchmarks.peers.in_process import InProcessPeer
from benchmarks.peers.ours import OurPeer
from benchmarks.peers.process import THREAD_SETTINGS
from benchmarks.plan import Plan
from benchmarks.ratios import Evidence, ratios
from benchmarks.report import markdown, ratio_content, row_content
from benchmarks.roster import Roster
from benchmarks.scaling import by_history, by_tasks
from benchmarks.turns import Turns, load_turns
from todserve.cli.main import main as tod


def main(argv: Sequence[str] | None = None) -> int:
    """Run as the command line says, which is that of ``tod bench``."""
    return tod(["bench", *(sys.argv[1:] if argv is None else argv)])


def run(
    options: BenchOptions, *, json_out: Path | None, markdown_out: Path | None, plot: Path | None
) -> None:
    """Run, print the report, and write what was asked for.

    Raises:
        TodError: see ``run_bench``.
    """
    content = run_bench(options)
    text = markdown(content)
    print(f"\n{text}")
    write(json_out, json.dumps(content, indent=2) + "\n")
    write(markdown_out, text)
    if plot:
        from benchmarks.plot import draw  # matplotlib takes a while, and not everyone wants it

        draw(content, plot)
    print(f"took {content['minutes']:.1f} minutes")


def run_bench(options: BenchOptions) -> dict[str, Any]:
    """Measure everything and return the content of the JSON.

    Raises:
        TodError: the checkpoint cannot be read or a peer's name is unknown. A peer that fails is
            no error: its row says why.
    """
    for name in THREAD_SETTINGS:  # every process runs on its own settings or default
        os.environ.pop(name, None)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {text}", flush=True)

    turns = load_turns(options.checkpoint, options.plan.turns, options.corpora)
    say(f"{len(turns.bodies)} turns: {turns.source}")
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        content = _measure(options, turns, Path(folder), say)
    content["minutes"] = (time.monotonic() - begun) / 60
    return content


def _measure(options: BenchOptions, turns: Turns, folder: Path, say: Say) -> dict[str, Any]:
    head = head_content(options, turns)
    roster = Roster(options, folder)
    usual = [name for name in roster.names if name not in options.plan.left_out]
    peers = roster.peers(options.peers or usual)
    say("asking the reference, fp32 PyTorch in process ...")
    reference = _reference(roster.reference(), turns)
    say("measuring the machine and the load generator ...")
    machine = measure_machine(options.checkpoint)
    generator = generator_rates(
        turns.bodies,
        tuple(options.plan.rounds),
        options.plan.generator_seconds,
        folder,
        roster.ports,
    )
    comparison = Comparison(peers, turns, options.plan, say=say)
    with comparison.started() as running:
        comparison.run(running)
        say("how the cost grows ...")
        scaling = _scaling(running, turns, options.plan)
    say("measuring the machine once more ...")
    # The best of two moments: a floor must not be raised by what else the machine did.
    machine = better_of(machine, measure_machine(options.checkpoint))
    floor = floors(options.checkpoint, machine, reference)
    dtype = _dtype(roster.ours, comparison)
    table = rows(comparison.cells)
    evidence = Evidence(
        rows=table,
        worker_rss={
            name: max(one.rss for one in standing.memory)
            for name, standing in comparison.standings.items()
            if standing.memory
        },
        floor_ms=floor[dtype]["milliseconds"],
        floor_from_dram_ms=floor[dtype]["milliseconds_from_dram"],
    )
    return head | {
        "peers": {peer.name: peer_content(peer, comparison, reference) for peer in peers},
        "load": [row_content(row) for row in table],
        "floor": floor | {"dtype_of_ours": dtype},
        "scaling": scaling,
        "generator": generator,
        **ratio_content(ratios(evidence)),
    }


def write(path: Path | None, text: str) -> None:
    """Write ``text`` where a path was given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _reference(peer: InProcessPeer, turns: Turns) -> dict[int, dict[str, Any]]:
    try:
        peer.start()
        with peer.client() as client:
            return {place: client.ask(body) for place, body in enumerate(turns.bodies)}
    finally:
        peer.stop()


def _scaling(running: Sequence[Peer], turns: Turns, plan: Plan) -> dict[str, Any]:
    ours = next((peer for peer in running if peer.name == "ours"), None)
    if ours is None:
        return {"history": {}, "tasks": {}}
    return {
        "history": by_history(ours, turns, plan.scaling_repeats),
        "tasks": by_tasks(ours, turns, plan.scaling_repeats),
    }


def _dtype(ours: OurPeer, comparison: Comparison) -> str:
    standing = comparison.standings.get("ours")
    return str(ours.dtype) if standing and standing.error is None else "float32"


if __name__ == "__main__":
    sys.exit(main())
