"""Corpus parts: which split of which corpus a run trains on, watches, or must never have seen.

The preparation reads the names in a configuration with it and opens the corpora. Where a corpus has
no dev split, a stated share of train is put aside as one. Example: ``banking77/test``;
``multiwoz21`` alone means its train split among ``corpora`` and its dev split as ``dev_corpus``;
``./our-bot`` is a team's own folder.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.registry import CORPORA, find, load
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service
from todserve.training.preparation.fingerprints import words_of

TRAIN, DEV, TEST = "train", "dev", "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One split of one corpus, read as its publisher annotated it.

    Attributes:
        corpus: its name; a folder's own name where it is nobody's published corpus.
        split: as the corpus calls it.
        path: where a team's own corpus is.
    """

    corpus: str
    split: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str, *, split: str | None = None) -> "Part":
        """Read ``corpus/split``, or a corpus or path where ``split`` says what that means.

        Raises:
            ConfigError: no such corpus, split or path.
        """
        corpus, slash, named = text.partition("/")
        if corpus not in CORPORA:
            path = Path(text)
            if not path.exists():
                raise ConfigError(
                    f"unknown corpus {text!r}; expected a folder or file of dialogues, or one of "
                    f"{', '.join(sorted(CORPORA))}"
                )
            name = label(path.resolve().name)
            own = f"own_{name}" if name in CORPORA else name
            return cls(corpus=own, split=split if split is not None else TEST, path=path)
        published = CORPORA[corpus].publisher.splits
        chosen = named if slash else split
        if chosen is None or (slash and chosen not in published):
            expected = ", ".join(f"{corpus}/{one}" for one in published)
            raise ConfigError(f"{text!r} names no split; expected one of {expected}")
        return cls(corpus=corpus, split=chosen)

    @property
    def exists(self) -> bool:
        """False for the dev split of a corpus that has none."""
        if self.path is None:
            return self.split in CORPORA[self.corpus].publisher.splits
        return any(dialogue.split == self.split for dialogue in open_dialogues(self.path)[1])

    @property
    def is_test(self) -> bool:
        """True for a split that nothing may be trained or selected on."""
        return TEST in self.split

    def services(self, root: Path | None) -> tuple[Service, ...]:
        """Return the domains of the corpus.

        Raises:
            CorpusError: the corpus is missing or malformed.
        """
        if self.path is None:
            return CORPORA[self.corpus].services(find(self.corpus, root))
        return open_dialogues(self.path)[0]

    def dialogues(
        self, root: Path | None, *, report: ReadReport | None = None, progress: bool = False
    ) -> Iterator[Dialogue]:
        """Stream the part's dialogues.

        Raises:
            CorpusError: the corpus is missing or malformed.
        """
        if self.path is None:
            yield from load(self.corpus, self.split, root, report=report, progress=progress)
            return
        for dialogue in open_dialogues(self.path, report=report)[1]:
            if dialogue.split == self.split:
                yield replace(dialogue, corpus=self.corpus)

    def __str__(self) -> str:
        """Return ``corpus/split``."""
        return f"{self.corpus}/{self.split}"


def training_parts(names: tuple[str, ...]) -> tuple[Part, ...]:
    """Return the parts to train on.

    Raises:
        ConfigError: unknown, named twice, without dialogues, or a test split.
    """
    parts = tuple(Part.parse(name, split=TRAIN) for name in names)
    for part in parts:
        if part.is_test:
            raise ConfigError(
                f"{part} is a test split; expected train splits in `corpora`; take it out"
            )
        if not part.exists:
            raise ConfigError(f"{part.corpus} has no train split; take it out of `corpora`")
        if sum(str(part) == str(other) for other in parts) > 1:
            raise ConfigError(f"{part} stands twice in `corpora`; name it once")
    return parts


def dev_part(name: str) -> Part:
    """Return the part the loss is watched on; it need not exist, see `is_held_out`.

    Raises:
        ConfigError: unknown, or a test split.
    """
    part = Part.parse(name, split=DEV)
    if part.is_test:
        raise ConfigError(f"dev_corpus {part} is a test split; nothing may be selected on it")
    return part


def is_held_out(dialogue: Dialogue, share: float) -> bool:
    """Say whether a dialogue of train is put aside as dev: a function of its words alone.

    Of its words, not of its id, so that two copies of one utterance stay on the same side.
    """
    return int.from_bytes(words_digest(dialogue)[:8], "big") < share * 2**64


def words_digest(dialogue: Dialogue) -> bytes:
    """Return a hash of what the users of a dialogue say, however it is written."""
    said = "\n".join(" ".join(words_of(turn.user)) for turn in dialogue.turns)
    return hashlib.sha256(f"{dialogue.corpus}\n{said}".encode()).digest()


def held_out_by_intent(dialogues: Iterable[Dialogue], share: float) -> frozenset[bytes]:
    """Return the digests of the dialogues put aside where every intent gives its share.

    Of each intent, a dialogue's first, the lowest hashes: a function of the words alone, too. An
    intent keeps all its examples where the share of them is less than half a one.

    Args:
        dialogues: of one part.
        share: of each intent's, rounded.
    """
    by_intent: dict[str, list[bytes]] = defaultdict(list)
    for digest, intent in _first_intents(dialogues).items():
        by_intent[intent].append(digest)
    return frozenset(
        digest
        for digests in by_intent.values()
        for digest in sorted(digests)[: int(share * len(digests) + 0.5)]
    )


def _first_intents(dialogues: Iterable[Dialogue]) -> dict[bytes, str]:
    """Return the intent each distinct dialogue begins with; "" where none is labelled."""
    found: dict[bytes, str] = {}
    for dialogue in dialogues:
        intent = next((turn.intent for turn in dialogue.turns if turn.intent), "")
        found.setdefault(words_digest(dialogue), intent)
    return found
