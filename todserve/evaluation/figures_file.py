"""A file of figures: what an evaluation measured, as JSON that is never half written.

Last on the way of an evaluation. Example:
``save_figures({"accuracy": 0.93}, Path("scores.json"))``.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def save_figures(content: Mapping[str, object], path: Path) -> None:
    """Write ``content`` to ``path`` at once, making its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
