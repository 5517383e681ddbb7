"""Dialogue selection: which dialogues of a split are scored.

The benchmarks choose their dialogues with it before they roll them out. Example: ``quick`` keeps
the same 100 dev dialogues on every machine and Python version, whatever the reading order.
"""

import hashlib
from collections.abc import Iterable

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue

QUICK_DIALOGUES = 100
"""Dialogues of ``--quick``."""

TEST_WARNING = (
    "scoring the TEST split: these figures are for a final report only; choosing a checkpoint, "
    "a setting or a rule by them makes them worthless"
)


def select(
    dialogues: Iterable[Dialogue], *, quick: bool = False, limit: int | None = None
) -> list[Dialogue]:
    """Return the dialogues to score, in the order of a hash of their ids.

    Args:
        dialogues: of one split.
        quick: keep the first QUICK_DIALOGUES.
        limit: keep no more than so many, the first of the same order.

    Raises:
        ConfigError: ``limit`` is not positive.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}; expected at least 1 dialogue")
    ordered = sorted(dialogues, key=lambda one: stable_hash(one.dialogue_id))
    kept = ordered[:QUICK_DIALOGUES] if quick else ordered
    return kept if limit is None else kept[:limit]


def stable_hash(dialogue_id: str) -> str:
    """Return a hash of the id that orders dialogues independently of the halves of dev."""
    return hashlib.sha256(f"quick:{dialogue_id}".encode()).hexdigest()


def check_split(split: str, *, allow_test: bool = True) -> None:
    """Refuse every split but dev and test, and test where figures choose something.

    Args:
        split: ``dev`` or ``test``.
        allow_test: False for callers that choose a checkpoint, a setting or a rule.

    Raises:
        ConfigError: the split is not to be scored.
    """
    if split == "dev" or (split == "test" and allow_test):
        return
    if split == "test":
        raise ConfigError("split 'test'; expected dev, since something is chosen by these figures")
    raise ConfigError(f"split {split!r}; expected dev or test; nothing else is held out")
