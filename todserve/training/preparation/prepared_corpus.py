"""Prepared corpus: reads, screens, enriches and annotates corpora, and writes training turns.

``tod train`` calls it first, once per run folder.
Example: ``runs/multiwoz/prepared/{schema.json, knowledge.sqlite, train.jsonl.gz, dev.jsonl.gz}``,
with ``preparation.json`` (what it was made from) and ``report.json`` (what was left out and why).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from todserve.corpora.knowledge_file import write_knowledge
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Entities
from todserve.corpora.registry import CORPORA, find
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise
from todserve.runtime.whole_files import write_whole
from todserve.training.preparation.corpus_digests import digests
from todserve.training.preparation.corpus_parts import (
    TRAIN,
    Part,
    dev_part,
    held_out_by_intent,
    is_held_out,
    training_parts,
    words_digest,
)
from todserve.training.preparation.deduplication import Deduplicator
from todserve.training.preparation.joint_schema import join, with_names
from todserve.training.preparation.leak_check import LeakCheck
from todserve.training.preparation.multiwoz_turns import MultiwozTurns
from todserve.training.preparation.preparation_record import LeakAction, Preparation
from todserve.training.preparation.training_turns import TrainingTurn, save_turns, turns_of

MULTIWOZ = "multiwoz21"


def prepare(
    folder: Path, preparation: Preparation, *, root: Path | None, progress: bool = True
) -> list[str]:
    """Write the prepared corpora to ``folder``; return what was read, skipped and changed.

    A corpus that annotates only some tasks gives only those targets. What MultiWOZ's files lack
    is completed by the rules that serve (`MultiwozTurns`), and so are the replies of corpora about
    its venues when it is among the corpora; all others stay as annotated.

    Raises:
        ConfigError: a part that cannot be trained on, watched or protected.
        CorpusError: a corpus is missing or malformed, or a training dialogue leaks.
    """
    parts = training_parts(preparation.corpora)
    dev = dev_part(preparation.dev_corpus)
    protected = tuple(Part.parse(name) for name in preparation.leak_check)
    for part in protected:
        if part in parts:
            raise ConfigError(f"{part} is trained on and in `leak_check`; expected one of the two")
        if not part.exists:
            raise ConfigError(f"{part} in `leak_check` holds no dialogue; expected a test split")
    folder.mkdir(parents=True, exist_ok=True)
    files = digests((*preparation.corpora, preparation.dev_corpus), root)
    lines: list[str] = []
    with _Reading(folder, parts, dev, preparation, root, progress) as reading:
        lines += reading.notes
        leaks = LeakCheck.of(protected, root)
        seen = Deduplicator()
        reports = [ReadReport() for _ in parts]
        turns = (
            turn
            for part, report in zip(parts, reports, strict=True)
            for turn in reading.turns(leaks.screen(reading.train(part, report)))
        )
        partial = folder / "train.unchecked.jsonl.gz"
        save_turns(seen(turns) if preparation.deduplicate else turns, partial)
        lines += [line for report in reports for line in report.lines()]
        if protected:
            lines += leaks.report.lines()
        if preparation.deduplicate:
            lines += seen.lines()
        write_whole(folder / "report.json", json.dumps(lines, indent=2) + "\n")
        if preparation.leak_action is LeakAction.REFUSE:
            leaks.refuse()
        partial.replace(folder / "train.jsonl.gz")
        preparation.save(folder, files)
        watched = reading.dev(dev)
        if reading.shares_dev:
            # A share of what is trained on may hold what leaks; a dev split stays as it is.
            watched = (dialogue for dialogue in watched if not leaks.leaks(dialogue))
        save_turns(reading.turns(watched), folder / "dev.jsonl.gz")
    return lines


class _Reading:
    """The corpora of one preparation, opened."""

    def __init__(
        self,
        folder: Path,
        parts: tuple[Part, ...],
        dev: Part,
        preparation: Preparation,
        root: Path | None,
        progress: bool,
    ) -> None:
        self._root, self._progress, self._preparation = root, progress, preparation
        corpora: dict[str, Part] = {}
        for part in parts:
            corpora.setdefault(part.corpus, part)
        # The part of which a share is put aside as dev: where the corpus has no dev split, or
        # where that split is itself trained on.
        trained_on = dev if dev in parts else None
        self._aside: frozenset[bytes] | None = None
        self._shared = trained_on if dev.exists else replace(dev, split=TRAIN)
        services = {name: part.services(root) for name, part in corpora.items()}
        joint = join(services)
        joint.schema.save(folder / "schema.json")
        self.notes, self._names = joint.notes, joint.names
        self._source = find(MULTIWOZ, root) if MULTIWOZ in services else None
        self._knowledge = _knowledge(services, root, folder / "knowledge.sqlite")
        self._multiwoz = MultiwozTurns(self._knowledge, Schema(services=services.get(MULTIWOZ, ())))

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._knowledge.close()

    @property
    def shares_dev(self) -> bool:
        """Whether dev is a share of what is trained on."""
        return self._shared is not None

    def train(self, part: Part, report: ReadReport) -> Iterator[Dialogue]:
        """Stream a training part, without what is put aside as dev."""
        put_aside = part == self._shared and not self._preparation.train_on_held_out
        for dialogue in self._dialogues(part, report):
            if put_aside and self._is_held_out(dialogue):
                report.skipped("dialogue: put aside as dev", dialogue.dialogue_id)
            else:
                yield dialogue

    def dev(self, part: Part) -> Iterator[Dialogue]:
        """Stream the dev part."""
        if self._shared is None:
            yield from self._dialogues(part, ReadReport())
            return
        for dialogue in self._dialogues(self._shared, ReadReport()):
            if self._is_held_out(dialogue):
                yield dialogue

    def turns(self, dialogues: Iterable[Dialogue]) -> Iterator[TrainingTurn]:
        """Yield training turns under the joint schema's names, their texts normalised."""
        for dialogue in dialogues:
            named = with_names(dialogue, self._names.get(dialogue.corpus, {}))
            if dialogue.corpus != MULTIWOZ:
                named = self._multiwoz.completed(named)
            for turn in turns_of(named, self._knowledge):
                yield _normalised(turn)

    def _is_held_out(self, dialogue: Dialogue) -> bool:
        """Say whether a dialogue of the shared part is put aside."""
        share = self._preparation.held_out
        if not self._preparation.stratified or self._shared is None:
            return is_held_out(dialogue, share)
        if self._aside is None:
            self._aside = held_out_by_intent(self._dialogues(self._shared, ReadReport()), share)
        return words_digest(dialogue) in self._aside

    def _dialogues(self, part: Part, report: ReadReport) -> Iterator[Dialogue]:
        if part.corpus == MULTIWOZ and self._source is not None:
            read = self._multiwoz.train if part.split == TRAIN else self._multiwoz.dev
            return read(self._source, report, self._progress)
        return part.dialogues(self._root, report=report, progress=self._progress)


def _normalised(turn: TrainingTurn) -> TrainingTurn:
    return turn.model_copy(
        update={
            "user": normalise(turn.user),
            "history": tuple(
                (normalise(user), normalise(plain), normalise(placeholder))
                for user, plain, placeholder in turn.history
            ),
            "response": normalise(turn.response) if turn.response else None,
        }
    )


def _knowledge(corpora: Iterable[str], root: Path | None, out: Path) -> KnowledgeBase:
    entities: dict[str, Entities] = {}
    for corpus in corpora:
        read = CORPORA[corpus].entities if corpus in CORPORA else None
        if read is not None:
            entities.update(read(find(corpus, root)))
    tables = [one.table for one in entities.values()]
    write_knowledge(tables, {domain: one.rows for domain, one in entities.items()}, out)
    return KnowledgeBase.open(out)
