"""Archive trial: one turn through an unpacked archive, in a clean process, before a server sees it.

``tod archive`` publishes nothing that has not answered here.
Example: ``answer = try_archive(Path("/tmp/x/unpacked"), Parts.shipped())``.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from todserve.runtime.errors import ArchiveError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.untrusted.packed_files import unpack_zip
from todserve.serving.archive.archive_packing import Parts
from todserve.serving.server.worker_log import first_cause

_DEADLINE = 300.0  # seconds; a cold disk and a slow core need most of a minute


def unpack(archive: Path, into: Path) -> Path:
    """Unpack the archive into the folder ``into``, made if needed, and return that folder.

    Raises:
        ArchiveError: not an archive, one that unpacks to more than an archive may, or an entry
            that would land outside ``into``.
    """
    unpack_zip(archive, into, error=ArchiveError)
    return into


def try_archive(unpacked: Path, parts: Parts) -> dict[str, object]:
    """Return the archive's own answer to the canary request.

    The process sees neither this checkout nor PYTHONPATH: what it imports is what TorchServe's
    worker will import.

    Raises:
        ArchiveError: with the real traceback when the archive cannot load or answer.
    """
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    with tempfile.TemporaryDirectory(prefix="tod-trial-") as folder:
        result = Path(folder) / "answer.json"
        # -I: no PYTHONPATH, no user site, no current folder.
        command = [sys.executable, "-I", "-B", str(parts.canary.resolve())]
        command += [str(unpacked), str(parts.metrics.resolve()), str(result)]
        try:
            done = subprocess.run(
                command,
                cwd=unpacked,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ArchiveError(f"the archive did not answer within {_DEADLINE:g} s") from None
        if done.returncode != 0:
            cause = first_cause(done.stderr.splitlines()) or done.stderr.strip()
            raise ArchiveError(f"the archive cannot answer a request:\n{cause}")
        answer: dict[str, object] = read_json(result)
        return answer
