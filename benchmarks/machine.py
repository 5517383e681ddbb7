"""What this machine can do at best: how fast it reads memory and multiplies matrices.

Run as a process of its own, so that no other thread settings interfere:
``python -m benchmarks.machine --bytes 8400000`` prints JSON.

Reading is measured as decoding reads weights: a matrix times a vector, over and over, and as a
plain sum; the faster of the two counts. A working set of the size that a decoder step streams
usually stays in a cache, so its bandwidth is far above the DRAM's, and the floor that follows
from it is the stricter one. Example: ``{"read": {"8400000": 4.1e10, ...}, "gemm_fp32": 9e10}``.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Callable, Sequence

import torch

from todserve.serving.capacity.this_machine import processor, usable_cores

DRAM_BYTES = 512 * 2**20
_WIDTH = 1024  # columns of the matrices that are read
_SIDE = 1024  # of the matrices that are multiplied
_MOMENT = 0.05  # seconds of one try
_TRIES = 4  # and all of it twice: before and after the peers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, nargs="*", default=[], help="working sets to read")
    arguments = parser.parse_args()
    cores = usable_cores()
    counts = sorted({1, cores})
    sizes = sorted({*arguments.bytes, DRAM_BYTES})
    read = {size: max(read_bandwidth(size, threads) for threads in counts) for size in sizes}
    int8, cause = int8_rate(counts)
    found = {
        "threads": counts,
        "read_bytes_per_second": read,
        "dram_bytes": DRAM_BYTES,
        "gemm_fp32_operations_per_second": max(fp32_rate(threads) for threads in counts),
        "gemm_int8_operations_per_second": int8,
        "gemm_int8_not_measured": cause,
    }
    print(json.dumps(found))


def read_bandwidth(size: int, threads: int) -> float:
    """Return the bytes a second that ``threads`` threads read from ``size`` bytes of weights."""
    torch.set_num_threads(threads)
    rows = max(1, math.ceil(size / 4 / _WIDTH))
    matrix, vector = torch.ones(rows, _WIDTH), torch.ones(_WIDTH)
    output = torch.empty(rows)
    seconds = min(
        best_seconds(lambda: torch.mv(matrix, vector, out=output)),
        best_seconds(lambda: matrix.sum()),
    )
    return matrix.nbytes / seconds


def fp32_rate(threads: int) -> float:
    """Return the operations (multiplications and additions) a second of an fp32 product."""
    torch.set_num_threads(threads)
    left, right = torch.ones(_SIDE, _SIDE), torch.ones(_SIDE, _SIDE)
    output = torch.empty(_SIDE, _SIDE)
    return 2 * _SIDE**3 / best_seconds(lambda: torch.mm(left, right, out=output))


def int8_rate(counts: Sequence[int]) -> tuple[float | None, str | None]:
    """Return the same for 8-bit integers, or None and why it cannot be measured here."""
    left = torch.ones(_SIDE, _SIDE, dtype=torch.int8)
    rates = []
    try:
        for threads in counts:
            torch.set_num_threads(threads)
            rates.append(2 * _SIDE**3 / best_seconds(lambda: torch._int_mm(left, left)))
    except (RuntimeError, NotImplementedError) as error:
        return None, str(error).splitlines()[0]
    return max(rates), None


@torch.inference_mode()
def best_seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call of ``work``, the best of several tries."""
    for _ in range(3):
        work()
    best = math.inf
    for _ in range(_TRIES):
        calls, begun = 0, time.perf_counter()
        while (spent := time.perf_counter() - begun) < _MOMENT or not calls:
            work()
            calls += 1
        best = min(best, spent / calls)
    return best


def describe() -> dict[str, object]:
    """Return what this machine is, in words and numbers."""
    import psutil

    return {
        "cpu": processor(),
        "usable_cores": usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


if __name__ == "__main__":
    main()
