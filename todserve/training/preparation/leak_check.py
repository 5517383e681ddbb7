"""Leak check: leaves out of training what stands in a chosen test split.

The preparation calls it for each dialogue it has read; on by
``leak_check: [multiwoz21/test, ...]``.
Example: ``camrest676 637 stands in multiwoz21/test as SNG0073 (same utterances)``.

A training dialogue leaks when, by the words alone (case, marks and spelling of numbers aside),

- it has the id of a protected dialogue of the same corpus (dialogues of several turns: the
  records of single-utterance corpora are merely numbered);
- its user utterances are those of a protected dialogue, in order, `ENOUGH_WORDS` words in all;
- at least `MANY` utterances of `ENOUGH_WORDS` words, and half of all it has of that length,
  stand in one protected dialogue: a copy that was cut, extended or retyped in part;
- it is a single utterance of `ENOUGH_WORDS` words, or holds one of `AMID_WORDS` words in any turn,
  that a protected corpus of single utterances holds too.

Shorter utterances prove nothing: people say "yes please" again and again, and "thank you very
much" in every third dialogue. Those that would have matched are counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from todserve.corpora.read_report import MAX_EXAMPLES
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.training.preparation.corpus_parts import Part
from todserve.training.preparation.fingerprints import fingerprint, words_of

ENOUGH_WORDS = 4
"""Words from which on an utterance is taken for somebody's own."""

AMID_WORDS = 6
"""The same for an utterance amid a dialogue, against the records of single-utterance corpora."""

MANY = 3
"""Utterances in common from which on two dialogues are taken for copies of one another."""


class Match(StrEnum):
    """How a training dialogue was recognised."""

    IDENTIFIER = "same id"
    UTTERANCES = "same utterances"
    MANY_UTTERANCES = "many utterances in common"
    UTTERANCE = "same single utterance"
    SHORT_UTTERANCE = "short utterance, let through"


@dataclass(kw_only=True, slots=True)
class LeakReport:
    """What was found, by protected part and kind of match.

    Attributes:
        checked: training dialogues looked at.
        counts: (training corpus, protected part, match) -> dialogues.
        examples: the first few of each, by id.
    """

    checked: int = 0
    counts: Counter[tuple[str, str, Match]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, Match], list[str]] = field(default_factory=dict)

    @property
    def leaks(self) -> int:
        """Training dialogues that leak."""
        return sum(
            count for (_, _, match), count in self.counts.items() if match is not _LET_THROUGH
        )

    def add(self, corpus: str, part: Part, match: Match, example: str) -> None:
        """Count one dialogue."""
        key = (corpus, str(part), match)
        self.counts[key] += 1
        shown = self.examples.setdefault(key, [])
        if len(shown) < MAX_EXAMPLES:
            shown.append(example)

    def lines(self) -> Iterator[str]:
        """Yield the report as plain text; ids only, never what anybody said."""
        yield f"leak check: {self.leaks} of {self.checked} training dialogues leak"
        for key, count in sorted(self.counts.items()):
            corpus, part, match = key
            yield f"  {count:>6}  {corpus} in {part}: {match}, e.g. {', '.join(self.examples[key])}"


_LET_THROUGH = Match.SHORT_UTTERANCE


class LeakCheck:
    """Recognises the dialogues of protected parts, by fingerprints alone."""

    def __init__(self, dialogues: Iterable[tuple[Part, Dialogue]]) -> None:
        """Take in the protected dialogues with the part each stands in."""
        self.report = LeakReport()
        self._ids: dict[tuple[str, str], Part] = {}
        self._places: list[tuple[Part, str]] = []
        self._whole: dict[bytes, int] = {}
        self._utterances: dict[bytes, list[int]] = {}
        self._single: dict[bytes, int] = {}
        for part, dialogue in dialogues:
            self._protect(part, dialogue)

    @classmethod
    def of(cls, parts: Iterable[Part], root: Path | None, *, progress: bool = False) -> "LeakCheck":
        """Read the protected parts.

        Raises:
            CorpusError: a corpus is missing or malformed.
        """
        return cls(
            (part, dialogue)
            for part in parts
            for dialogue in part.dialogues(root, progress=progress)
        )

    def match(self, dialogue: Dialogue) -> tuple[Match, Part, str] | None:
        """Return how, where and as which dialogue ``dialogue`` stands in a protected part."""
        said = [words_of(turn.user) for turn in dialogue.turns]
        if len(said) > 1 and (dialogue.corpus, dialogue.dialogue_id) in self._ids:
            part = self._ids[dialogue.corpus, dialogue.dialogue_id]
            return Match.IDENTIFIER, part, dialogue.dialogue_id
        if sum(map(len, said)) >= ENOUGH_WORDS:
            whole = self._whole.get(fingerprint(map(" ".join, said)))
            if whole is not None:
                return Match.UTTERANCES, *self._places[whole]
        telling = _telling(said)
        enough = ENOUGH_WORDS if len(said) == 1 else AMID_WORDS
        for words in said:
            place = self._single.get(fingerprint(words))
            if place is not None and len(words) >= enough:
                return Match.UTTERANCE, *self._places[place]
        shared = Counter(place for key in telling for place in self._utterances.get(key, ()))
        for likely, count in shared.most_common(1):
            if count >= MANY and 2 * count >= len(telling):
                return Match.MANY_UTTERANCES, *self._places[likely]
        for words in said:
            place = self._single.get(fingerprint(words))
            if place is not None:
                return _LET_THROUGH, *self._places[place]
        return None

    def screen(self, dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        """Yield the dialogues that do not leak, counting the others in ``report``."""
        for dialogue in dialogues:
            self.report.checked += 1
            found = self.match(dialogue)
            if found is not None:
                match, part, other = found
                self.report.add(dialogue.corpus, part, match, f"{dialogue.dialogue_id} = {other}")
            if found is None or found[0] is _LET_THROUGH:
                yield dialogue

    def leaks(self, dialogue: Dialogue) -> bool:
        """Say whether a dialogue would be refused or dropped; counts nothing."""
        found = self.match(dialogue)
        return found is not None and found[0] is not _LET_THROUGH

    def refuse(self) -> None:
        """Raise if anything has leaked.

        Raises:
            CorpusError: with counts and examples by id.
        """
        if self.report.leaks:
            report = "\n".join(self.report.lines())
            raise CorpusError(
                f"{report}\nexpected no training dialogue in a protected split; take it out of "
                "the corpus, or set `leak_action: drop` to train without it"
            )

    def _protect(self, part: Part, dialogue: Dialogue) -> None:
        place = len(self._places)
        self._places.append((part, dialogue.dialogue_id))
        said = [words_of(turn.user) for turn in dialogue.turns]
        if len(said) == 1:
            if said[0]:
                self._single.setdefault(fingerprint(said[0]), place)
            return
        self._ids[dialogue.corpus, dialogue.dialogue_id] = part
        if sum(map(len, said)) >= ENOUGH_WORDS:
            self._whole.setdefault(fingerprint(map(" ".join, said)), place)
        for key in _telling(said):
            self._utterances.setdefault(key, []).append(place)


def _telling(said: Iterable[Sequence[str]]) -> tuple[bytes, ...]:
    """Return the fingerprints of the utterances that are long enough, each once."""
    long = (fingerprint(words) for words in said if len(words) >= ENOUGH_WORDS)
    return tuple(dict.fromkeys(long))
