"""Silver fit: trains the silver annotator, labels with it, and tells how good the labels are.

Preparing MultiWOZ for training calls it, because the train split has no acts and intents. The
official dev split pays for it: its ``dev-annotator`` half fits the annotator, its ``dev-held-out``
half scores it, and any act or intent score of a dialogue model trained on silver labels belongs on
the held-out half too.
Example: ``annotator = fit_annotator(find("multiwoz21"), enricher)``.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_dev_merged
from todserve.corpora.silver.silver_annotator import Annotator, DevHalf, dev_half
from todserve.runtime.language.dialogue import Dialogue

Enricher = Callable[[Dialogue], Dialogue]
"""`enrich.enrich` with everything but the dialogue bound, ``keep_spans`` and ``keep_domains``
False: dev must be delexicalised and given domains as train will be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotatorScores:
    """How silver labels compare with gold on ``dev-held-out``.

    Attributes:
        dialogues: scored.
        intents: user turns with a gold intent.
        intent_accuracy: share of them labelled so.
        replies: system turns with gold acts.
        act_micro_f1: over (domain, act, slot).
        act_precision: of the silver acts.
        act_recall: of the gold acts.
        act_exact: share of replies with exactly the gold acts.
        domain_accuracy: of the active domain decided with silver intents.
    """

    dialogues: int
    intents: int
    intent_accuracy: float
    replies: int
    act_micro_f1: float
    act_precision: float
    act_recall: float
    act_exact: float
    domain_accuracy: float

    def __str__(self) -> str:
        """Return the scores in one line, with what they were measured on."""
        return (
            f"silver annotator on multiwoz21 {DevHalf.HELD_OUT} ({self.dialogues} dialogues): "
            f"intent accuracy {self.intent_accuracy:.4f} of {self.intents}, "
            f"act micro-F1 {self.act_micro_f1:.4f} "
            f"(precision {self.act_precision:.4f}, recall {self.act_recall:.4f}, "
            f"exact {self.act_exact:.4f}) of {self.replies}, "
            f"active domain {self.domain_accuracy:.4f}"
        )


def fit_annotator(
    source: CorpusSource, enricher: Enricher, *, report: ReadReport | None = None
) -> Annotator:
    """Fit on the ``dev-annotator`` half of MultiWOZ's dev split."""
    return Annotator.fit(
        enricher(dialogue)
        for dialogue in read_dev_merged(source, replies=ReplySource.TSV, report=report)
        if dev_half(dialogue.dialogue_id) is DevHalf.ANNOTATOR
    )


def label(dialogue: Dialogue, annotator: Annotator, enricher: Enricher) -> Dialogue:
    """Return a tsv dialogue enriched and with silver intents and acts.

    Twice over: intents first, for they help to decide the active domain; acts after the replies
    are delexicalised.
    """
    return annotator.annotate(enricher(annotator.annotate(dialogue)))


def score_annotator(
    annotator: Annotator, source: CorpusSource, enricher: Enricher
) -> AnnotatorScores:
    """Score on the ``dev-held-out`` half, labelled exactly as train is."""
    seen: Counter[str] = Counter()
    for gold in read_dev_merged(source, replies=ReplySource.TSV):
        if dev_half(gold.dialogue_id) is not DevHalf.HELD_OUT:
            continue
        seen["dialogues"] += 1
        silver = label(unlabelled(gold), annotator, enricher)
        for wanted, given in zip(gold.turns, silver.turns, strict=True):
            if wanted.intent is not None:
                seen["intents"] += 1
                seen["same intent"] += wanted.intent == given.intent
            if wanted.active_domain is not None:
                seen["domains"] += 1
                seen["same domain"] += wanted.active_domain == given.active_domain
            if wanted.dialogue_acts is not None and given.dialogue_acts is not None:
                expected, found = set(wanted.dialogue_acts), set(given.dialogue_acts)
                seen["replies"] += 1
                seen["same acts"] += expected == found
                seen["expected"] += len(expected)
                seen["found"] += len(found)
                seen["right"] += len(expected & found)
    return AnnotatorScores(
        dialogues=seen["dialogues"],
        intents=seen["intents"],
        intent_accuracy=_share(seen["same intent"], seen["intents"]),
        replies=seen["replies"],
        act_micro_f1=_share(2 * seen["right"], seen["expected"] + seen["found"]),
        act_precision=_share(seen["right"], seen["found"]),
        act_recall=_share(seen["right"], seen["expected"]),
        act_exact=_share(seen["same acts"], seen["replies"]),
        domain_accuracy=_share(seen["same domain"], seen["domains"]),
    )


def unlabelled(dialogue: Dialogue) -> Dialogue:
    """Return the dialogue as if only its texts and states were annotated, as train's are."""
    return replace(
        dialogue,
        turns=tuple(
            replace(
                turn,
                intent=None,
                dialogue_acts=None,
                active_domain=None,
                delexicalised_response=None,
                placeholders=(),
            )
            for turn in dialogue.turns
        ),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
