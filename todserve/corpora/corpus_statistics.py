"""Corpus statistics: what is in one split, and what its reader skipped or changed.

``tod data stats`` prints them. Example line: ``  intent      7371 turns, 10 different``.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.corpora.registry import CORPORA, load, reader_of
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue

_COMMONEST = 12


@dataclass(kw_only=True, slots=True)
class CorpusStatistics:
    """How many dialogues, turns and labels one split of a corpus has.

    Attributes:
        report: what the reader counted.
        published: whether it is a published corpus, of which more is known.
        annotated: annotation -> turns that have it.
        domains: active domain -> turns.
        intents: intent -> turns.
        acts: ``domain/act`` -> how often.
        slots: ``domain-slot`` -> dialogues whose last state has it.
        user_words: words of user utterances.
        longest: turns of the longest dialogue.
    """

    report: ReadReport = field(default_factory=ReadReport)
    published: bool = True
    annotated: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    slots: Counter[str] = field(default_factory=Counter)
    user_words: int = 0
    longest: int = 0

    def add(self, dialogue: Dialogue) -> None:
        """Count one dialogue."""
        self.longest = max(self.longest, len(dialogue.turns))
        for turn in dialogue.turns:
            self.user_words += len(turn.user.split())
            for name in (
                "belief_state",
                "intent",
                "active_domain",
                "dialogue_acts",
                "system",
                "delexicalised_response",
                "database_matches",
            ):
                self.annotated[name] += getattr(turn, name) is not None
            if turn.active_domain is not None:
                self.domains[turn.active_domain] += 1
            if turn.intent is not None:
                self.intents[turn.intent] += 1
            self.acts.update(f"{act.domain}/{act.act}" for act in turn.dialogue_acts or ())
        states = [turn.belief_state for turn in dialogue.turns if turn.belief_state is not None]
        if states:
            self.slots.update(
                f"{domain}-{slot}" for domain, slots in states[-1].items() for slot in slots
            )

    def figures(self) -> dict[str, Any]:
        """Return the statistics as JSON holds them: every count, not only the commonest."""
        return {
            "corpus": self.report.corpus,
            "split": self.report.split,
            "dialogues": self.report.dialogues,
            "turns": self.report.turns,
            "longest_dialogue": self.longest,
            "user_words": self.user_words,
            "annotated_turns": dict(self.annotated),
            "active_domains": dict(self.domains),
            "intents": dict(self.intents),
            "dialogue_acts": dict(self.acts),
            "slots_by_dialogue": dict(self.slots),
            "notes": [
                {"kind": note.kind, "count": note.count, "reason": note.reason}
                for note in self.report.notes.values()
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield the statistics as plain text."""
        if self.published:
            publisher = reader_of(self.report.corpus).publisher
            yield f"{publisher.title}, licence {publisher.licence}, from {publisher.url}"
            if publisher.caution:
                yield f"note: {publisher.caution}"
        yield from self.report.lines()
        turns = max(self.report.turns, 1)
        yield (
            f"  {turns / max(self.report.dialogues, 1):.2f} turns a dialogue (longest "
            f"{self.longest}), {self.user_words / turns:.2f} words a user turn"
        )
        for name, count in self.annotated.items():
            yield f"  {name:<24} {count:>7} turns ({100 * count / turns:.1f} %)"
        for title, counts in (
            ("active domains", self.domains),
            ("intents", self.intents),
            ("dialogue acts", self.acts),
            ("slots, by dialogue", self.slots),
        ):
            if counts:
                yield f"  {title}: {len(counts)} different, {counts.total()} in all"
                yield from _commonest(counts)


def statistics_of(
    name: str, split: str, root: Path | str | None = None, *, progress: bool = False
) -> CorpusStatistics:
    """Read a split to its end and return what is in it.

    Args:
        name: the corpus, or a folder or file of one's own, which is read whole.
        split: of a published corpus.
        root: see `source.find`; TOD_DATA when None.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: see `registry.load`.
    """
    statistics = CorpusStatistics()
    if name not in CORPORA and Path(name).exists():
        statistics.published = False
        for dialogue in open_dialogues(name, report=statistics.report)[1]:
            statistics.add(dialogue)
        return statistics
    if name not in CORPORA:
        raise CorpusError(
            f"{name!r} is neither a path nor a corpus; expected a folder or file, or one of "
            f"{', '.join(CORPORA)}"
        )
    for dialogue in load(name, split, root, report=statistics.report, progress=progress):
        statistics.add(dialogue)
    return statistics


def _commonest(counts: Counter[str]) -> Iterator[str]:
    for name, count in counts.most_common(_COMMONEST):
        yield f"    {count:>7}  {name}"
    if len(counts) > _COMMONEST:
        rest = counts.total() - sum(count for _, count in counts.most_common(_COMMONEST))
        yield f"    {rest:>7}  in {len(counts) - _COMMONEST} others"
