"""Prepare a corpus for training: read, enrich, annotate, write training turns.

Stands between the corpora and everything else in training; done once per run folder.
Example: ``runs/multiwoz/prepared/{schema.json, knowledge.sqlite, train.jsonl.gz, dev.jsonl.gz}``.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from todserve.corpora.enrich import enrich
from todserve.corpora.knowledge_build import build_multiwoz_knowledge
from todserve.corpora.multiwoz import ReplySource, read_merged, read_tsv
from todserve.corpora.multiwoz_schema import canonical_multiwoz_schema
from todserve.corpora.report import ReadReport
from todserve.corpora.silver import fit_annotator, label
from todserve.corpora.source import CorpusSource, find
from todserve.runtime.delexicalise import Delexicaliser
from todserve.runtime.dialogue import Dialogue
from todserve.runtime.knowledge import KnowledgeBase
from todserve.runtime.schema import Schema
from todserve.runtime.text import normalise
from todserve.training.turns import TrainingTurn, save_turns, turns_of


def prepare_multiwoz(folder: Path, *, root: Path | None, progress: bool = True) -> ReadReport:
    """Write the prepared MultiWOZ 2.1 to ``folder``.

    Train texts and states come from the tsv, whose replies the Delexicaliser delexicalises. Its
    intents and acts are annotated nowhere: the Annotator, fitted on its half of dev, labels them.

    Raises:
        CorpusError: the corpus is missing or malformed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = find("multiwoz21", root)
    schema = _schema(source, folder)
    knowledge = _knowledge(source, folder)
    delexicaliser = Delexicaliser(knowledge, schema)
    report = ReadReport()

    def enriched(dialogue: Dialogue) -> Dialogue:
        # Serving decides domains and finds placeholders by these same rules.
        return enrich(
            dialogue, delexicaliser, knowledge, schema, keep_spans=False, keep_domains=False
        )

    annotator = fit_annotator(source, enriched)
    train = (
        label(dialogue, annotator, enriched)
        for dialogue in read_tsv(source, "train", report=report, progress=progress)
    )
    dev = map(enriched, read_merged(source, "dev", replies=ReplySource.TSV, progress=progress))
    save_turns(_turns(train, knowledge), folder / "train.jsonl.gz")
    save_turns(_turns(dev, knowledge), folder / "dev.jsonl.gz")
    (folder / "report.json").write_text(
        json.dumps({"multiwoz21/train": list(report.lines())}, indent=2), encoding="utf-8"
    )
    knowledge.close()
    return report


def _turns(dialogues: Iterable[Dialogue], knowledge: KnowledgeBase) -> Iterator[TrainingTurn]:
    for dialogue in dialogues:
        for turn in turns_of(dialogue, knowledge, last_exchange_only=False):
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


def _schema(source: CorpusSource, folder: Path) -> Schema:
    with tempfile.TemporaryDirectory() as temporary:
        published = Path(temporary) / "schema.json"
        published.write_text("".join(source.text("schema.json")), encoding="utf-8")
        schema = canonical_multiwoz_schema(published)
    schema.save(folder / "schema.json")
    return schema


def _knowledge(source: CorpusSource, folder: Path) -> KnowledgeBase:
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in source.files("db", ".json"):
            (Path(temporary) / Path(name).name).write_bytes(content)
        build_multiwoz_knowledge(Path(temporary), folder / "knowledge.sqlite")
    return KnowledgeBase.open(folder / "knowledge.sqlite")
