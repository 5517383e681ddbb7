"""``tod evaluate corpus``: score a checkpoint on a split of any corpus that can be read.

Example: ``run_corpus(AnswererSource(checkpoint=folder), "nlplab", "test")`` prints joint goal
accuracy, slot F1 and BLEU of NLPLAB's test dialogues, as far as the corpus labels them. Benchmarks
with rules of their own (MultiWOZ, SGD, Banking77, CLINC150) have verbs of their own.
"""

from pathlib import Path
from time import perf_counter

from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.registry import CORPORA, load
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.dialogue_selection import TEST_WARNING
from todserve.evaluation.metrics.corpus_scores import score
from todserve.evaluation.rollout import PROTOCOL, roll_out
from todserve.evaluation.scorecard import Scorecard, Signature, code_version
from todserve.runtime.console import tell, warn
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue


def run_corpus(
    source: AnswererSource,
    corpus: str,
    split: str,
    *,
    limit: int | None = None,
    out: Path | None = None,
    root: Path | None = None,
    batch: int = 32,
    progress: bool = True,
) -> Scorecard:
    """Roll the checkpoint out over a split, print the scorecard and return it.

    The corpus's own replies stand in the history; states are the model's own, carried. A figure is
    over the turns that have its label: a corpus without acts has no act figure. The replies it is
    compared with are those the reader delexicalised.

    Args:
        source: who answers.
        corpus: short name of a published corpus, or a folder or file of dialogues.
        split: one of its splits.
        limit: score at most so many dialogues, the first ones.
        out: write the scorecard as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        batch: turns in one pipeline call.
        progress: show a progress bar on stderr.

    Raises:
        ConfigError: a wrong checkpoint, or no such corpus or split.
        CorpusError: the corpus is missing or malformed.
        ServerError: the server is not there.
    """
    from tqdm import tqdm

    if "test" in split:
        warn(TEST_WARNING)
    dialogues = _dialogues(corpus, split, root)[:limit]
    if not dialogues:
        raise ConfigError(f"{corpus} has no dialogue in split {split!r}; expected one that has")
    pipeline = source.open()
    try:
        signature = Signature(
            corpus=Path(corpus).name,
            split=split,
            subset="all" if limit is None else f"first-{limit}",
            checkpoint=source.signed_name(pipeline),
            code=code_version(),
            protocol=PROTOCOL,
        )
        turns = sum(len(one.turns) for one in dialogues)
        start = perf_counter()
        with tqdm(total=turns, unit=" turns", disable=not progress, dynamic_ncols=True) as bar:
            outcomes = list(roll_out(pipeline, dialogues, batch=batch, on_batch=bar.update))
        figures = score(outcomes, pipeline.checkpoint.schema, signature)
        card = Scorecard(
            figures=[one for one in figures if one.figure.of],
            dialogues=len(dialogues),
            turns=turns,
            seconds=perf_counter() - start,
        )
    finally:
        pipeline.close()
    tell(card.table())
    if out is not None:
        card.save(out)
        tell(f"written to {out}")
    return card


def _dialogues(corpus: str, split: str, root: Path | None) -> list[Dialogue]:
    if corpus in CORPORA:
        published = CORPORA[corpus].publisher.splits
        if split not in published:
            raise ConfigError(
                f"{corpus} has no split {split!r}; expected one of {', '.join(published)}"
            )
        return list(load(corpus, split, root))
    if not Path(corpus).exists():
        raise ConfigError(
            f"unknown corpus {corpus!r}; expected a folder or file of dialogues, or one of "
            f"{', '.join(sorted(CORPORA))}"
        )
    return [one for one in open_dialogues(Path(corpus))[1] if one.split == split]
