"""ReadReport: counts what a reader of a corpus read, skipped and changed.

Every reader fills one. Nothing is dropped without an entry here. Example line:
``changed  value: first of several kept   258   train.tsv:311 attraction-name 'a|b'``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

Thing = TypeVar("Thing")

MAX_EXAMPLES = 3


class NoteKind(StrEnum):
    """What happened to the thing a note counts."""

    SKIPPED = "skipped"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(kw_only=True, slots=True)
class Note:
    """One reason, how often it applied, and where it first did."""

    kind: NoteKind
    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class ReadReport:
    """Counts of one reading of one split; readers add to it while they stream.

    Attributes:
        corpus: short name of the corpus.
        split: the split read.
        dialogues: dialogues yielded.
        turns: user turns yielded.
        notes: reason -> note, in order of first occurrence.
        kept: how many places of a note are remembered.
    """

    corpus: str = ""
    split: str = ""
    dialogues: int = 0
    turns: int = 0
    notes: dict[str, Note] = field(default_factory=dict)
    kept: int = MAX_EXAMPLES

    def skipped(self, reason: str, where: str) -> None:
        """Count something left out. ``where`` is file:line or a dialogue id."""
        self._note(NoteKind.SKIPPED, reason, where)

    def changed(self, reason: str, where: str) -> None:
        """Count something read differently from how it is written."""
        self._note(NoteKind.CHANGED, reason, where)

    def missing(self, reason: str, where: str) -> None:
        """Count an annotation the corpus should have and has not."""
        self._note(NoteKind.MISSING, reason, where)

    def count(self, reason: str) -> int:
        """Return how often ``reason`` was noted; 0 when never."""
        note = self.notes.get(reason)
        return note.count if note else 0

    def dialogue(self, turns: int) -> None:
        """Count one dialogue of ``turns`` user turns."""
        self.dialogues += 1
        self.turns += turns

    def lines(self, most: int = MAX_EXAMPLES) -> Iterator[str]:
        """Yield the report as plain text, one line a fact, with so many places of each note."""
        name = f"{self.corpus} {self.split}".strip()
        yield f"{name}: {self.dialogues} dialogues, {self.turns} user turns"
        for note in self.notes.values():
            yield f"  {note.kind:<8} {note.count:>7}  {note.reason}"
            for example in note.examples[:most]:
                yield f"  {'':<8} {'':>7}    e.g. {example}"

    def _note(self, kind: NoteKind, reason: str, where: str) -> None:
        note = self.notes.setdefault(reason, Note(kind=kind, reason=reason))
        note.count += 1
        if len(note.examples) < self.kept:
            note.examples.append(where)


def with_progress(
    things: Iterable[Thing], *, progress: bool, label: str, total: int | None = None
) -> Iterator[Thing]:
    """Yield ``things``, behind a progress bar on stderr when ``progress`` is set."""
    if not progress:
        yield from things
        return
    from tqdm import tqdm  # only a person watching needs it

    yield from tqdm(things, desc=label, total=total, unit=" dialogues", dynamic_ncols=True)
