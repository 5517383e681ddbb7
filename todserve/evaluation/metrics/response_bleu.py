"""Response BLEU: do delexicalised replies look like the corpus's?

`corpus_scores` calls it with the outcomes of a rollout. A surrogate: one reference of many good
replies, and no word about success. Example: ``[value_name] is nice.`` is the tokens
``[value_name] is nice .``.
"""

import re
from collections.abc import Sequence

from todserve.evaluation.figures import Figure
from todserve.runtime.language.text import normalise

_TOKEN = re.compile(r"\[value_\w+\]|\w+(?:[':.]\w+)*|[^\w\s]")


def tokens(text: str) -> str:
    """Return the text's tokens, single-spaced; a placeholder is one token, not four."""
    return " ".join(_TOKEN.findall(normalise(text)))


def response_bleu(pairs: Sequence[tuple[str, str]]) -> Figure:
    """Return corpus BLEU, 0 to 100, of (predicted, the corpus's) delexicalised replies."""
    if not pairs:
        return Figure(name="response_bleu_surrogate", value=None, of=0, unit="replies")
    from sacrebleu.metrics.bleu import BLEU

    # Tokenised here: sacrebleu's tokenizers take placeholders apart and so count them fourfold.
    bleu = BLEU(tokenize="none", force=True)
    score = bleu.corpus_score(
        [tokens(predicted) for predicted, _ in pairs],
        [[tokens(expected) for _, expected in pairs]],
    )
    return Figure(
        name="response_bleu_surrogate",
        value=float(score.score),
        of=len(pairs),
        unit="replies",
        note=f"one delexicalised reference, own tokens; {bleu.get_signature()}",
    )
