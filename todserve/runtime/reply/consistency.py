"""Consistency: tells whether the dialogue acts and the reply of a turn say the same.

Called when a turn's answer is put together, which carries the verdict; nothing is corrected. The
two are generated independently (PPTOD), so they can disagree: ``[hotel] [inform] phone`` beside
``the address is [value_address]``.

People's own replies pass in 94% of turns (MultiWOZ 2.1, 300 dev dialogues, annotated acts against
replies delexicalised by `Delexicaliser`): that is the ceiling of this measure.
"""

from collections.abc import Sequence

from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.formats import placeholders

_TELLING = frozenset(
    {"inform", "recommend", "select", "nooffer", "offerbook", "offerbooked", "book", "nobook"}
)
"""Acts whose slots are told to the user; ``request`` only asks."""

_SAID_IN_WORDS = frozenset(
    {"internet", "parking", "open", "none", "type", "choice", "area", "pricerange", "people", "fee"}
)
"""Slots often told without their value ("it has free wifi", "several", "there"), so that neither
an act without a placeholder nor a placeholder without an act proves a disagreement."""


def consistent(acts: Sequence[DialogueAct], delexicalised: str) -> bool | None:
    """Say whether acts and response tell the user the same slots.

    Slots that are usually paraphrased are left out on both sides. A value the response shows may
    also belong to a ``request`` act ("what area near [value_name]?").

    Returns:
        None when there are no acts to compare with.
    """
    if not acts:
        return None
    told = {act.slot for act in acts if act.act in _TELLING and act.slot}
    named = {act.slot for act in acts if act.slot}
    shown = set(placeholders(delexicalised))
    return not (shown - named - _SAID_IN_WORDS) and not (told - shown - _SAID_IN_WORDS)
