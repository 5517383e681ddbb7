"""Which code scored: part of every signature.

Example: ``0.1.0+g1a2b3c4d5e6f`` in a checkout, with ``.dirty`` if files were changed, else
``0.1.0``.
"""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def code_version() -> str:
    """Return the package's version and, in a checkout, its commit."""
    try:
        number = version("todserve")
    except PackageNotFoundError:
        number = "0"  # run from a folder that was never installed
    root = Path(__file__).resolve().parents[2]
    commit = _git(root, "rev-parse", "--short=12", "HEAD") if (root / ".git").exists() else ""
    if not commit:
        return number
    dirty = ".dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{number}+g{commit}{dirty}"


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, no commit yet
    return done.stdout.strip()
