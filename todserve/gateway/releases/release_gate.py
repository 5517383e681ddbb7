"""Release gate: whether a version answers as people said it should, before it answers everybody.

The release routes call it before a version is promoted. Example:
``hold_against(store, models, "tod/2.0", newest=20, ...)`` asks version 2.0 every turn that somebody
corrected or found right.

A turn is asked with the history and the state that stood when it was said, and its belief state is
held against what people made of it. Nothing is stored.
"""

from dataclasses import dataclass
from itertools import islice

from todserve.bot.user_message import plain
from todserve.gateway.conversations.correction_review import MOST_REVIEWED, stood_for
from todserve.gateway.conversations.dialogue_export import everything
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_errors import RefusedError
from todserve.gateway.store.dialogue_filters import touched
from todserve.gateway.store.dialogue_store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a gate found.

    Attributes:
        asked: how many turns.
        differing: those answered otherwise than people said, as dialogue and place in it.
    """

    asked: int
    differing: tuple[tuple[str, int], ...]


def hold_against(store: Store, models: Models, model: str, *, newest: int, request_id: str) -> Held:
    """Ask a model what people corrected or found right.

    Args:
        store: of the dialogues.
        models: are asked.
        model: the model, with its version.
        newest: exchanges that it is shown.
        request_id: passed on.

    Raises:
        MissingError: there is no such model.
        ModelAwayError: it gave no answer.
    """
    asked, differing = 0, []
    found = stood_for(everything(store, conditions=(touched(),)))
    for dialogue_id, turn, before in islice(found, MOST_REVIEWED):
        asked += 1
        try:
            answer = models.answer(model, turn.user, before[-newest:], request_id=request_id)
        except RefusedError:
            answer = {}
        if plain(answer.get("belief_state") or {}) != plain(turn.state):
            differing.append((dialogue_id, turn.index))
    return Held(asked=asked, differing=tuple(differing))
