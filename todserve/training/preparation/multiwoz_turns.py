"""MultiWOZ turns: adds to its dialogues what its files lack, by the rules that serve.

The preparation calls it where a corpus is MultiWOZ's or about its venues. Train texts and states
come from the tsv, whose replies the Delexicaliser delexicalises; intents and acts are annotated
nowhere, so the Annotator, fitted on its half of dev, labels them. Corpora of MultiWOZ's own venues
(CamRest676, WOZ 2.0) get placeholders and matches by the same rules.
Example: ``MultiwozTurns(knowledge, schema).train(find("multiwoz21"), ReadReport())``.
"""

from collections.abc import Iterator
from dataclasses import replace

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.enrichment import enrich
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged, read_tsv
from todserve.corpora.silver.silver_fit import fit_annotator, label
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise


class MultiwozTurns:
    """Reads MultiWOZ's train and dev with domains, placeholders, matches and silver labels."""

    def __init__(self, knowledge: KnowledgeBase, schema: Schema) -> None:
        """Take the venues and the schema that serving will have.

        Args:
            knowledge: MultiWOZ's database.
            schema: of MultiWOZ alone: other corpora's services would blur its domain decisions.
        """
        self._knowledge, self._schema = knowledge, schema
        self._delexicaliser = Delexicaliser(knowledge, schema)

    def train(
        self, source: CorpusSource, report: ReadReport, progress: bool = False
    ) -> Iterator[Dialogue]:
        """Stream train, its intents and acts silver."""
        annotator = fit_annotator(source, self._enriched)
        for dialogue in read_tsv(source, "train", report=report, progress=progress):
            yield label(dialogue, annotator, self._enriched)

    def dev(
        self, source: CorpusSource, report: ReadReport, progress: bool = False
    ) -> Iterator[Dialogue]:
        """Stream dev, its intents and acts as annotated."""
        merged = read_merged(
            source, "dev", replies=ReplySource.TSV, report=report, progress=progress
        )
        return map(self._enriched, merged)

    def completed(self, dialogue: Dialogue) -> Dialogue:
        """Return another corpus's dialogue, completed where it is about MultiWOZ's domains.

        What it annotates stands. A dialogue about other domains comes back as it is.
        """
        if all(turn.active_domain not in self._knowledge.domains for turn in dialogue.turns):
            return dialogue
        # The Delexicaliser reads texts as MultiWOZ's files have them: lower case, clock times.
        plain = tuple(
            turn
            if turn.system is None or turn.delexicalised_response is not None
            else replace(turn, system=normalise(turn.system))
            for turn in dialogue.turns
        )
        return enrich(
            replace(dialogue, turns=plain), self._delexicaliser, self._knowledge, self._schema
        )

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
