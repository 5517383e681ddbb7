"""Worker log: finds the traceback that tells why a worker cannot load.

``tod archive`` and ``tod start`` show what it finds: TorchServe hides a handler's ImportError
behind "No module named 'ts.torch_handler.tod_handler'"; the real one stands above it in the log.
Example: ``load_failure(Path("logs/worker.log"))`` is None while nothing has failed.
"""

import re
from pathlib import Path

_PREFIX = re.compile(r"^\S+ \[\w+ *\] \S+ - ")  # the line pattern of archive/log4j2.xml
_TRACEBACK = "Traceback (most recent call last):"
_MASK = "ModuleNotFoundError: No module named 'ts.torch_handler."
_CHAIN = "During handling of the above exception, another exception occurred:"
_DIED = ("Backend worker process died.", "Failed to load model")


def load_failure(log: Path) -> str | None:
    """Return the traceback of the first failed load in the log, None when there is none yet."""
    if not log.is_file():
        return None
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    plain = [_PREFIX.sub("", line) for line in lines]
    for index, line in enumerate(plain):
        if line.startswith(_DIED):
            # The rest of a traceback may not have been written yet.
            return first_cause(plain[index + 1 :])
    return None


def first_cause(lines: list[str]) -> str | None:
    """Return the first complete traceback of ``lines`` with what it was the cause of.

    TorchServe's mask over an ImportError is left out.
    """
    blocks = _tracebacks(lines)
    if not blocks:
        return None
    while len(blocks) > 1 and blocks[-1][-1].startswith(_MASK):
        blocks.pop()
    return f"\n\n{_CHAIN}\n\n".join("\n".join(block) for block in blocks)


def _tracebacks(lines: list[str]) -> list[list[str]]:
    """Return the tracebacks of the first chain, the last line of each being its exception."""
    blocks: list[list[str]] = []
    position = 0
    while position < len(lines):
        if lines[position] != _TRACEBACK:
            position += 1
            continue
        end = position + 1
        while end < len(lines) and (lines[end].startswith(" ") or not lines[end]):
            end += 1
        if end == len(lines):
            break  # still being written
        blocks.append(lines[position : end + 1])
        position = end + 1
        following = [line for line in lines[position : position + 3] if line]
        if not following or following[0] != _CHAIN:
            break
    return blocks
