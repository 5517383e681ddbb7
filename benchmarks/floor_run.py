"""The floor of the measured turns on this machine, from the reference's own token counts.

Example: ``floors(checkpoint, measure_machine(checkpoint), answers)["int8"]["milliseconds"]``.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.floor import Floor, NetworkSize, Rates, TurnSize
from benchmarks.peers.base import PeerError
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import clean_environment
from todserve.runtime.language.prompts import PromptFormat, PromptPlacement

WEIGHT_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "int8": 1}
FP32_RATE, INT8_RATE = "gemm_fp32_operations_per_second", "gemm_int8_operations_per_second"
_PHASES = (("belief_state", "intent"), ("dialogue_act", "response"))


def measure_machine(checkpoint: Path) -> dict[str, Any]:
    """Return what ``benchmarks.machine`` measures, for the working sets of the network.

    Raises:
        PeerError: it failed.
    """
    sizes = [size for pair in _working_sets(NetworkSize.load(checkpoint)) for size in pair]
    command = [sys.executable, "-m", "benchmarks.machine", "--bytes", *map(str, sizes)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment(Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise PeerError(f"the machine could not be measured:\n{done.stderr.strip()[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def better_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the higher rates of two measurements of one machine."""
    best = dict(one)
    best["read_bytes_per_second"] = {
        size: max(rate, other["read_bytes_per_second"][size])
        for size, rate in one["read_bytes_per_second"].items()
    }
    for key in (FP32_RATE, INT8_RATE):
        best[key] = max(filter(None, (one[key], other[key])), default=None)
    return best


def floors(
    checkpoint: Path, machine: Mapping[str, Any], answers: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return for each number format of the weights the median turn's floor and its rates.

    The floor reads each step's weights as fast as a working set of their size can be read, which
    is from a cache where they fit; beside it stands what reading them from DRAM would need.

    A checkpoint with its prompt in the encoder encodes once a task, not once a turn; its floor is
    higher than what is said here.

    Args:
        checkpoint: for the network's sizes.
        machine: from ``measure_machine``.
        answers: the reference's, with ``steps`` and ``context``.
    """
    network = NetworkSize.load(checkpoint)
    turns = turn_sizes(checkpoint, answers)
    read, fp32 = machine["read_bytes_per_second"], machine[FP32_RATE]
    operations = {"int8": max(fp32, machine[INT8_RATE] or 0.0)}
    found: dict[str, Any] = {
        "machine": machine,
        "tokens": {
            "context": statistics.median(turn.context for turn in turns),
            "steps_of_both_phases": statistics.median(sum(turn.steps) for turn in turns),
        },
    }
    sets = zip(WEIGHT_BYTES.items(), _working_sets(network), strict=True)
    for (name, bytes_each), (encoder_bytes, step_bytes) in sets:
        rates = Rates(
            encoder_bytes=read[str(encoder_bytes)],
            step_bytes=read[str(step_bytes)],
            operations=operations.get(name, fp32),
        )
        dram = read[str(machine["dram_bytes"])]
        far = Rates(encoder_bytes=dram, step_bytes=dram, operations=rates.operations)
        each = [Floor.of(network, turn, rates, weight_bytes=bytes_each) for turn in turns]
        from_dram = [Floor.of(network, turn, far, weight_bytes=bytes_each) for turn in turns]
        found[name] = {
            "milliseconds": statistics.median(one.milliseconds for one in each),
            "milliseconds_from_dram": statistics.median(one.milliseconds for one in from_dram),
            "bytes": statistics.median(one.bytes for one in each),
            "operations": statistics.median(one.operations for one in each),
            "encoder_weight_bytes": encoder_bytes,
            "step_weight_bytes": step_bytes,
            "encoder_read_bytes_per_second": rates.encoder_bytes,
            "step_read_bytes_per_second": rates.step_bytes,
            "operations_per_second": rates.operations,
        }
    return found


def turn_sizes(checkpoint: Path, answers: Mapping[int, Mapping[str, Any]]) -> list[TurnSize]:
    """Return the tokens of each turn, by the reference's generations."""
    placement = PromptFormat.load(checkpoint / "format.json").prompt_placement
    given = (1, 2 if placement is PromptPlacement.DECODER else 1)
    return [
        TurnSize(
            context=answer["context"],
            phases=[
                [(known, answer["steps"][task]) for task in tasks]
                for known, tasks in zip(given, _PHASES, strict=True)
            ],
        )
        for answer in answers.values()
    ]


def _working_sets(network: NetworkSize) -> list[tuple[int, int]]:
    """Return for each number format the bytes of the encoder's and of a step's weights."""
    return [
        (network.encoder * bytes_each, network.step * bytes_each)
        for bytes_each in WEIGHT_BYTES.values()
    ]
