"""``tod evaluate corpus NAME``: any corpus that can be read, by the labels that it has.

Example: ``run_benchmark("corpus", corpus="nlplab", split="test").figures``.
"""

from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class CorpusOptions(BenchmarkOptions):
    """The common options, and which corpus."""

    corpus: Annotated[
        str,
        Typed("a published corpus, or a folder or file of dialogues", "CORPUS", positional=True),
    ]
    split: Annotated[str, Typed("as the corpus calls it", "NAME")] = "dev"


def _run(options: CorpusOptions) -> Scores:
    from todserve.evaluation.suites.corpus.corpus_run import run_corpus

    card = run_corpus(
        options.answerer(),
        options.corpus,
        options.split,
        limit=options.limit,
        out=options.out,
        root=options.corpora,
        progress=options.progress,
    )
    return card.scores()


BENCHMARK = Benchmark(
    name="corpus",
    measures="any corpus or your own dialogues: states, intents, acts and replies, as labelled",
    splits=None,
    options=CorpusOptions,
    run=_run,
)
