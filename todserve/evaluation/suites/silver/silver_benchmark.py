"""``tod evaluate silver``: how good the labels are that MultiWOZ's train split is given.

The annotator is fitted on one half of dev and scored on the other, labelled exactly as train is.
Example: ``run_benchmark("silver").figures["intent_accuracy"]``.
"""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions
from todserve.evaluation.scorecard import Scores
from todserve.runtime.console import tell

_CORPUS = "multiwoz21"


def _run(options: BenchmarkOptions) -> Scores:
    from dataclasses import asdict

    from todserve.corpora.enrichment import enrich
    from todserve.corpora.knowledge_file import write_knowledge
    from todserve.corpora.registry import CORPORA, find
    from todserve.corpora.silver.silver_annotator import DevHalf
    from todserve.corpora.silver.silver_fit import fit_annotator, score_annotator
    from todserve.evaluation.figures import save_figures
    from todserve.evaluation.scorecard import Signature, code_version
    from todserve.runtime.knowledge.delexicalisation import Delexicaliser
    from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
    from todserve.runtime.language.dialogue import Dialogue
    from todserve.runtime.language.schema import Schema

    options.without(
        *("checkpoint", "url", "token_file", "name", "engine", "dtype", "threads"),
        why="the annotator is no checkpoint",
    )
    options.without("limit", why="the annotator is fitted and scored on whole halves of dev")
    source = find(_CORPUS, options.corpora)
    reader = CORPORA[_CORPUS]
    assert reader.entities is not None
    entities = reader.entities(source)
    schema = Schema(services=reader.services(source))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "knowledge.sqlite"
        write_knowledge(
            [one.table for one in entities.values()],
            {domain: one.rows for domain, one in entities.items()},
            file,
        )
        with closing(KnowledgeBase.open(file)) as knowledge:
            delexicaliser = Delexicaliser(knowledge, schema)

            def enriched(dialogue: Dialogue) -> Dialogue:
                return enrich(
                    dialogue, delexicaliser, knowledge, schema, keep_spans=False, keep_domains=False
                )

            scores = score_annotator(fit_annotator(source, enriched), source, enriched)
    signature = Signature(
        corpus=_CORPUS,
        split="dev",
        subset=str(DevHalf.HELD_OUT),
        checkpoint=f"silver-annotator-fitted-on-{DevHalf.ANNOTATOR}",
        code=code_version(),
        protocol="gold-states-and-texts,labelled-as-train-is",
    )
    content = {**asdict(scores), "signature": str(signature)}
    tell(scores)
    tell(signature)
    if options.out is not None:
        save_figures(content, options.out)
        tell(f"written to {options.out}")
    return Scores(
        figures={name: value for name, value in content.items() if isinstance(value, float)},
        signature=str(signature),
        content=content,
    )


BENCHMARK = Benchmark(
    name="silver",
    measures="the annotator that labels MultiWOZ's train split, on the half of dev it has not seen",
    corpora=(_CORPUS,),
    options=BenchmarkOptions,
    run=_run,
)
