"""Preparation record: what a prepared folder was made from, so that a run notices another one's.

The preparation writes it and ``tod train`` compares it with its configuration; needs none of the
corpora's packages, since a machine without the corpora trains on prepared folders too.
Example: ``runs/banking77/prepared/preparation.json``.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_limited
from todserve.runtime.whole_files import write_whole

_FILE = "preparation.json"


class LeakAction(StrEnum):
    """What becomes of a training dialogue that leaks."""

    REFUSE = "refuse"
    """An error, after all have been counted; nothing is trained."""
    DROP = "drop"
    """It is left out and counted."""


class Preparation(BaseModel):
    """What a prepared folder holds; kept there, so that a run notices another one's.

    Attributes:
        corpora: the training corpora: a name (its train split) or ``name/split``.
        dev_corpus: where the loss is watched: a name (its dev split) or ``name/split``.
        held_out: share of train put aside as dev when ``dev_corpus`` has no dev split, and of
            the dev split when that is trained on.
        stratified: put the share aside intent by intent, so that each gives its own.
        train_on_held_out: train on that share too: for a last run, its settings chosen.
        deduplicate: leave out examples (context and target) that have been there before.
        leak_check: splits, such as ``multiwoz21/test``, that nothing trained on may stand in.
        leak_action: what becomes of a training dialogue that does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpora: tuple[str, ...] = Field(default=("multiwoz21",), min_length=1)
    dev_corpus: str = "multiwoz21"
    held_out: float = Field(default=0.1, gt=0, lt=1)
    stratified: bool = False
    train_on_held_out: bool = False
    deduplicate: bool = False
    leak_check: tuple[str, ...] = ()
    leak_action: LeakAction = LeakAction.REFUSE

    def save(self, folder: Path, files: Mapping[str, str]) -> None:
        """Write it beside the prepared turns, with the digests of the corpora's files."""
        content = self.model_dump(mode="json", include=set(Preparation.model_fields))
        text = json.dumps(content | {"files": dict(files)}, indent=2)
        write_whole(folder / _FILE, text + "\n")


class _Kept(Preparation):
    files: dict[str, str] = {}


def changed_corpora(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return the corpora whose files are other ones than when the folder was prepared.

    Args:
        folder: prepared, maybe before digests were kept: then nothing is known to have changed.
        files: the digests of what is at hand now.
    """
    file = folder / _FILE
    if not file.is_file():
        return []
    kept = _Kept.model_validate_json(read_limited(file)).files
    return sorted(name for name in files if name in kept and kept[name] != files[name])


def check_prepared(
    folder: Path, wanted: Preparation, files: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Check that a prepared folder was made from what is wanted.

    Folders from before `Preparation` was kept are taken as they are, unless a leak check is
    asked for, which nothing shows to have been made.

    Args:
        folder: prepared.
        wanted: what the configuration asks for.
        files: digests of the corpora that are at hand.

    Raises:
        ConfigError: it was made from something else, or from other files of the same name.
    """
    file = folder / _FILE
    if not file.is_file():
        if wanted.leak_check:
            raise ConfigError(
                f"{folder} was prepared without a leak check, expected one against "
                f"{', '.join(wanted.leak_check)}; delete the folder to prepare anew"
            )
        return
    found = _Kept.model_validate_json(read_limited(file))
    for name in Preparation.model_fields:
        if getattr(found, name) != getattr(wanted, name):
            raise ConfigError(
                f"{folder} was prepared with {name} {getattr(found, name)!r}, expected "
                f"{getattr(wanted, name)!r}; delete the folder or choose another `name`"
            )
    if changed := changed_corpora(folder, files):
        raise ConfigError(
            f"{', '.join(changed)} changed since {folder} was prepared from it, and the run has "
            "been trained on what it was; give the new run a `name` of its own, or delete "
            f"{folder.parent} to begin again"
        )
