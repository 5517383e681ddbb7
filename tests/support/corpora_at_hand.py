"""The publishers' corpora, for the few tests that need the real thing."""

import os
from pathlib import Path

import pytest

from todserve.corpora.registry import TOD_DATA, find


def multiwoz_folder(scratch: Path) -> Path:
    """Return MultiWOZ's database and schema below ``scratch``; skips without ``TOD_DATA``."""
    if not os.environ.get(TOD_DATA):
        pytest.skip(f"{TOD_DATA} is not set")
    source = find("multiwoz21")
    folder = scratch / "multiwoz21"
    for part, suffix in (("db", "_db.json"), ("", "schema.json")):
        for path, content in source.files(part, suffix):
            target = folder / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folder
