"""Predicted intents: single utterances through the very pipeline that serves, the intent alone.

The intent benchmarks call it and give what it predicts to `intent_scores`. Example: "where is my
card" is asked as a request with ``tasks=("intent",)``, no history and no state; normalisation and
tokenization are the pipeline's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from todserve.evaluation.answerer import ScoredAnswerer
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse

PROTOCOL = "single-utterances,no-history"
"""Names the protocol in every signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedIntent:
    """What was generated for an utterance.

    Attributes:
        name: one of the schema's intents; None when the generation names none.
        refused: the pipeline refused the utterance (too long for the checkpoint, or empty).
    """

    name: str | None
    refused: bool = False


def predict_intents(
    pipeline: ScoredAnswerer,
    texts: Sequence[str],
    *,
    batch: int = 64,
    on_batch: Callable[[int], object] = lambda utterances: None,
) -> list[PredictedIntent]:
    """Return the intent of each text, in their order.

    Args:
        pipeline: answers.
        texts: utterances as published.
        batch: most utterances in one call.
        on_batch: called with the number of utterances done, for a progress bar.
    """
    predicted = [PredictedIntent(name=None, refused=True) for _ in texts]
    # Texts of one length share a batch, which then holds hardly any padding.
    places = sorted(
        (place for place, text in enumerate(texts) if text.strip()),
        key=lambda place: len(texts[place]),
    )
    for start in range(0, len(places), batch):
        chunk = places[start : start + batch]
        answers = pipeline.answer(
            [TurnRequest(user=texts[place].strip(), tasks=(TaskName.INTENT,)) for place in chunk]
        )
        for place, answer in zip(chunk, answers, strict=True):
            if isinstance(answer, TurnResponse):
                name = answer.intent.name if answer.intent else None
                predicted[place] = PredictedIntent(name=name)
        on_batch(len(chunk))
    return predicted
