"""Exchanges: pairs each utterance of the user with the reply to it.

The readers whose files list utterances one by one call it before they make turns.
Example: user, user, system is the pairs (user, none) and (user, system).
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from todserve.corpora.read_report import ReadReport

One = TypeVar("One")


def exchanges(
    utterances: Iterable[tuple[bool, One]], dialogue_id: str, report: ReadReport
) -> Iterator[tuple[One, One | None]]:
    """Pair each user utterance with the system utterance after it; None when there is none.

    Args:
        utterances: (is the user's, the utterance), in order.
        dialogue_id: for the report.
        report: counts user utterances without a reply, and system utterances without a user's
            before them, which are skipped.
    """
    pending: One | None = None
    for is_user, one in utterances:
        if is_user:
            if pending is not None:
                report.changed("turn: user turn without a reply", dialogue_id)
                yield pending, None
            pending = one
        elif pending is None:
            report.skipped("turn: system turn without a user turn before it", dialogue_id)
        else:
            yield pending, one
            pending = None
    if pending is not None:
        report.changed("turn: user turn without a reply", dialogue_id)
        yield pending, None
