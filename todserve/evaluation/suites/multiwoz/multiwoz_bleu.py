"""BLEU of the standardised MultiWOZ evaluation, as near as the corpus at hand allows.

`multiwoz_scores` calls it with the replies of a set of predictions. The standard's references are
MultiWOZ 2.2's replies with its character spans; ours are MultiWOZ 2.1's with ``span_info``, so the
figure is a named surrogate: PPTOD's published predictions score 18.03 here and 18.2 there.
Example: ``"your taxi is a [value_car] ."`` against ``"Your taxi is a [car]."`` scores 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from todserve.corpora.readers.detokenisation import detokenise
from todserve.evaluation.suites.multiwoz.multiwoz_replies import counted_reply

SURROGATE = (
    "surrogate: references delexicalised from MultiWOZ 2.1's span_info; the published figures' "
    "are MultiWOZ 2.2's (PPTOD: 18.03 here, 18.2 published)"
)
"""Said with every such BLEU, for it is a surrogate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bleu:
    """Corpus BLEU, 0 to 100, and sacrebleu's own signature of it."""

    score: float
    signature: str


def standard_bleu(pairs: Sequence[tuple[str, str]]) -> Bleu:
    """Return BLEU over (predicted, reference) delexicalised replies, at least one.

    Both are brought to the counted placeholders and to natural spacing, so that neither case nor
    a system's own tokenisation ("you 're") costs anything.
    """
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(force=True)
    score = bleu.corpus_score(
        [_comparable(predicted) for predicted, _ in pairs],
        [[_comparable(reference) for _, reference in pairs]],
    )
    return Bleu(score=float(score.score), signature=str(bleu.get_signature()))


def _comparable(reply: str) -> str:
    return detokenise(counted_reply(reply))
