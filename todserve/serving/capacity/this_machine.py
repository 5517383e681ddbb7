"""This machine: its processor's name and the cores that this process may run on.

``tod tune``, the benchmarks and others state it with every figure they measure. Example:
``f"{processor()}, {usable_cores()} cores"``.
"""

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return the processor's name, as the kernel knows it where it says so."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def usable_cores() -> int:
    """Return the cores that this process may run on."""
    return len(os.sched_getaffinity(0))
