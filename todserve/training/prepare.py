"""Prepare corpora for training: read, enrich, annotate, write training turns.

Stands between the corpora and everything else in training; done once per run folder.
Example: ``runs/multiwoz/prepared/{schema.json, knowledge.sqlite, train.jsonl.gz, dev.jsonl.gz}``.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from todserve.corpora.enrich import enrich
from todserve.corpora.knowledge_build import build_multiwoz_knowledge, write_knowledge
from todserve.corpora.multiwoz import ReplySource, read_merged, read_tsv
from todserve.corpora.multiwoz_schema import canonical_multiwoz_schema
from todserve.corpora.report import ReadReport
from todserve.corpora.sgd import read_sgd, sgd_schema
from todserve.corpora.silver import fit_annotator, label
from todserve.corpora.source import CorpusSource, find
from todserve.runtime.delexicalise import Delexicaliser
from todserve.runtime.dialogue import Dialogue
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge import KnowledgeBase
from todserve.runtime.schema import Schema, Service
from todserve.runtime.text import normalise
from todserve.training.turns import TrainingTurn, save_turns, turns_of

MULTIWOZ, SGD = "multiwoz21", "sgd"


def prepare(
    folder: Path,
    *,
    corpora: Sequence[str],
    dev_corpus: str,
    root: Path | None,
    progress: bool = True,
) -> list[ReadReport]:
    """Write the prepared corpora to ``folder`` and return what was read, skipped and changed.

    MultiWOZ's train texts and states come from the tsv, whose replies the Delexicaliser
    delexicalises. Its intents and acts are annotated nowhere: the Annotator, fitted on its half
    of dev, labels them. SGD brings its own of everything, but no database.

    Raises:
        ConfigError: a corpus that training cannot use.
        CorpusError: a corpus is missing or malformed.
    """
    for name in (*corpora, dev_corpus):
        if name not in (MULTIWOZ, SGD):
            raise ConfigError(f"cannot train on corpus {name!r}; expected {MULTIWOZ} or {SGD}")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict.fromkeys((*corpora, dev_corpus))
    sources = {name: find(name, root) for name in wanted}
    schema = Schema(
        services=tuple(
            service for name, source in sources.items() for service in _services(name, source)
        )
    )
    schema.save(folder / "schema.json")
    knowledge = _knowledge(sources.get(MULTIWOZ), folder / "knowledge.sqlite")
    reports = [ReadReport() for _ in corpora]
    multiwoz = _Multiwoz(knowledge, schema)

    def dialogues(name: str, split: str, report: ReadReport) -> Iterator[Dialogue]:
        if name == SGD:
            return read_sgd(sources[name], split, report=report, progress=progress)
        read = multiwoz.train if split == "train" else multiwoz.dev
        return read(sources[name], report, progress)

    train = chain.from_iterable(
        dialogues(name, "train", report) for name, report in zip(corpora, reports, strict=True)
    )
    save_turns(_turns(train, knowledge), folder / "train.jsonl.gz")
    dev = dialogues(dev_corpus, "dev", ReadReport())
    save_turns(_turns(dev, knowledge), folder / "dev.jsonl.gz")
    content = {name: list(report.lines()) for name, report in zip(corpora, reports, strict=True)}
    (folder / "report.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    knowledge.close()
    return reports


class _Multiwoz:
    """MultiWOZ's dialogues with what its files lack."""

    def __init__(self, knowledge: KnowledgeBase, schema: Schema) -> None:
        self._knowledge, self._schema = knowledge, schema
        self._delexicaliser = Delexicaliser(knowledge, schema)

    def train(self, source: CorpusSource, report: ReadReport, progress: bool) -> Iterator[Dialogue]:
        annotator = fit_annotator(source, self._enriched)
        for dialogue in read_tsv(source, "train", report=report, progress=progress):
            yield label(dialogue, annotator, self._enriched)

    def dev(self, source: CorpusSource, report: ReadReport, progress: bool) -> Iterator[Dialogue]:
        merged = read_merged(
            source, "dev", replies=ReplySource.TSV, report=report, progress=progress
        )
        return map(self._enriched, merged)

    def _enriched(self, dialogue: Dialogue) -> Dialogue:
        # Serving decides domains and finds placeholders by these same rules.
        return enrich(
            dialogue,
            self._delexicaliser,
            self._knowledge,
            self._schema,
            keep_spans=False,
            keep_domains=False,
        )


def _turns(dialogues: Iterable[Dialogue], knowledge: KnowledgeBase) -> Iterator[TrainingTurn]:
    for dialogue in dialogues:
        for turn in turns_of(dialogue, knowledge):
            yield turn.model_copy(
                update={
                    "user": normalise(turn.user),
                    "history": tuple(
                        (normalise(user), normalise(plain), normalise(placeholder))
                        for user, plain, placeholder in turn.history
                    ),
                    "response": normalise(turn.response) if turn.response else None,
                }
            )


def _services(name: str, source: CorpusSource) -> Iterator[Service]:
    if name == SGD:
        services = {
            service.name: service
            for split in ("train", "dev")
            for service in sgd_schema(source, split).services
        }
        yield from services.values()
        return
    with tempfile.TemporaryDirectory() as temporary:
        published = Path(temporary) / "schema.json"
        published.write_text("".join(source.text("schema.json")), encoding="utf-8")
        yield from canonical_multiwoz_schema(published).services


def _knowledge(multiwoz: CorpusSource | None, out: Path) -> KnowledgeBase:
    if multiwoz is None:
        write_knowledge((), {}, out)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in multiwoz.files("db", ".json"):
                (Path(temporary) / Path(name).name).write_bytes(content)
            build_multiwoz_knowledge(Path(temporary), out)
    return KnowledgeBase.open(out)
