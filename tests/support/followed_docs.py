"""A docs page followed to the letter, in a copy of the sources."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.source_tree import ROOT

_FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def followed(page: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Write every file that a page shows into a copy of the package, then run its commands.

    Args:
        page: of ``docs/``.
        folder: where the copy is made.
        environment: variables for the commands.
    """
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shutil.copytree(
        ROOT / "todserve", folder / "todserve", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "model_defs").symlink_to(ROOT / "model_defs")
    for path, content in _FILE.findall(text):
        file = folder / path
        assert not file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    commands = "\n".join(_COMMANDS.findall(text))
    tod = f'tod() {{ "{sys.executable}" -m todserve.cli.main "$@"; }}\n'
    return subprocess.run(
        ["bash", "-euc", tod + commands],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
