"""Label names: a publisher's names, spelled so that prompts and parsers can hold them.

In a prompt a domain, act or intent is one bracketed token and a slot one word, so neither may hold
a space or a mark; readers spell them so before a schema is made. Example: ``price range`` is
``price_range``, ``reverted_card_payment?`` is ``reverted_card_payment``.
"""

import re
import unicodedata
from pathlib import Path

from todserve.corpora.read_report import ReadReport

_NOT_IN_A_LABEL = re.compile(r"\W+")

_NOT_IN_A_FOLDER = re.compile(r"[^\w.-]+")

RENAMED = "name: spaces and marks replaced, which a label cannot hold"
"""The reason under which a `ReadReport` counts a name that `label` had to change."""


def label(name: str) -> str:
    """Return ``name`` with every run of spaces and marks as one underscore, none at the ends.

    Case is kept, as the Schema-Guided names keep theirs. A name of marks alone, an emoji, is what
    Unicode calls them: ``thumbs_up_sign``.
    """
    found = _NOT_IN_A_LABEL.sub("_", name).strip("_")
    if found or not name.strip():
        return found
    called = dict.fromkeys(unicodedata.name(mark, "").lower() for mark in name)
    return _NOT_IN_A_LABEL.sub("_", "_".join(called)).strip("_")


def run_name(path: Path) -> str:
    """Return what a run that learns from a folder is called: its name, as a folder may be called.

    Example: ``our-bot`` stays, and so trains into ``runs/our-bot``; ``our bot`` is ``our_bot``.
    """
    return _NOT_IN_A_FOLDER.sub("_", path.resolve().name).strip("_.") or "corpus"


def counted_label(name: str, where: str, report: ReadReport) -> str:
    """Return `label` of ``name``; a name that changes is counted in ``report`` at ``where``."""
    changed = label(name)
    if changed != name:
        report.changed(RENAMED, f"{where} {name!r}")
    return changed
