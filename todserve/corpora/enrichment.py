"""Enrichment: adds active domain, delexicalised replies and database matches to a dialogue.

Preparing a training corpus calls it, and so do evaluations; it uses the very code that serves, so
that training and serving cannot drift apart. Nothing the corpus annotates is replaced unless asked
for.
Example: a turn with state ``hotel area north`` gets ``active_domain="hotel"`` and
``database_matches=13``.
"""

from dataclasses import replace

from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import BeliefState, Dialogue, Turn, state_update
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise
from todserve.runtime.tracking.active_domain import decide


def enrich(
    dialogue: Dialogue,
    delexicaliser: Delexicaliser,
    knowledge: KnowledgeBase,
    schema: Schema,
    *,
    keep_spans: bool = True,
    keep_domains: bool = True,
) -> Dialogue:
    """Return the dialogue with domains, delexicalised replies and database matches.

    Args:
        dialogue: as read; turns without a belief state keep their domain and get no matches.
        delexicaliser: finds values in replies.
        knowledge: counts the entities that satisfy the state of the active domain.
        schema: knows which domain a slot belongs to.
        keep_spans: leave replies that the reader delexicalised from annotated spans; False
            runs the Delexicaliser over every reply, as a corpus without spans needs.
        keep_domains: leave annotated active domains; False decides them all as serving does.
    """
    turns: list[Turn] = []
    previous: BeliefState = {}
    domain: str | None = None
    for turn in dialogue.turns:
        state = turn.belief_state if turn.belief_state is not None else previous
        if turn.active_domain is not None and keep_domains:
            domain = turn.active_domain
        else:
            update = state_update(previous, state)
            domain = decide(domain, update, turn.intent, normalise(turn.user), schema).active
        turns.append(
            replace(
                _with_placeholders(turn, delexicaliser, domain, state, keep_spans),
                active_domain=domain,
                database_matches=_matches(turn, domain, knowledge),
            )
        )
        previous = state
    return replace(dialogue, turns=tuple(turns))


def _with_placeholders(
    turn: Turn,
    delexicaliser: Delexicaliser,
    domain: str | None,
    state: BeliefState,
    keep_spans: bool,
) -> Turn:
    if turn.system is None or (keep_spans and turn.delexicalised_response is not None):
        return turn
    found = delexicaliser.delexicalise(turn.system, domain=domain, state=state)
    return replace(turn, delexicalised_response=found.text, placeholders=tuple(found.placeholders))


def _matches(turn: Turn, domain: str | None, knowledge: KnowledgeBase) -> int | None:
    if turn.belief_state is None or domain is None or domain not in knowledge.domains:
        return turn.database_matches
    return knowledge.query(domain, turn.belief_state.get(domain, {}), limit=1).matches
