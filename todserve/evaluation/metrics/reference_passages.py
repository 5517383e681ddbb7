"""Reference passages: what the corpus would have the model write at each turn.

The temperature of the reply is fitted to the logits that `forced_passages` gives along them. The
past is the corpus's: gold previous state, plain replies and look-up, exactly what a training
example shows, so that cross-entropies can be compared with training's. Example: a turn with all
annotations gives four passages.
"""

from collections.abc import Iterable, Iterator

from todserve.evaluation.metrics.forced_passages import Passage
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import BeliefState, Dialogue, Turn, state_update
from todserve.runtime.language.prompts import (
    BeliefTarget,
    Exchange,
    PromptBuilder,
    PromptInput,
    SystemTurns,
)
from todserve.runtime.language.tasks import DATABASE_TOKENS, TASKS, TaskName
from todserve.runtime.language.text import normalise


def reference_passages(
    dialogues: Iterable[Dialogue], builder: PromptBuilder, knowledge: KnowledgeBase
) -> Iterator[Passage]:
    """Yield a passage for every annotated task of every turn.

    Args:
        dialogues: enriched, so that replies are delexicalised and look-ups counted.
        builder: of the checkpoint's format.
        knowledge: turns a number of matches into a database token.
    """
    delexicalised = builder.format.system_turns is SystemTurns.DELEXICALISED
    for dialogue in dialogues:
        past: list[Exchange] = []
        state: BeliefState = {}
        for turn in dialogue.turns:
            source = PromptInput(user=turn.user, history=tuple(past), previous_state=state)
            token = _database_token(turn, knowledge)
            for task, value in _targets(turn, state, builder.format.belief_target).items():
                yield Passage(
                    task=task,
                    context=builder.context(source, task, token),
                    prefix=builder.prefix(task, token),
                    target=builder.target(TASKS[task], value),
                )
            reply = (turn.delexicalised_response if delexicalised else None) or turn.system
            past.append(Exchange(user=turn.user, system=reply or ""))
            state = state if turn.belief_state is None else turn.belief_state


def _database_token(turn: Turn, knowledge: KnowledgeBase) -> str:
    if turn.active_domain not in knowledge.domains:
        return DATABASE_TOKENS[0]
    return knowledge.database_token(turn.active_domain, turn.database_matches)


def _targets(turn: Turn, previous: BeliefState, form: BeliefTarget) -> dict[TaskName, object]:
    found: dict[TaskName, object] = {}
    if turn.belief_state is not None:
        update = form is BeliefTarget.UPDATE
        found[TaskName.BELIEF_STATE] = (
            state_update(previous, turn.belief_state) if update else turn.belief_state
        )
    if turn.intent is not None:
        found[TaskName.INTENT] = turn.intent
    if turn.dialogue_acts is not None:
        found[TaskName.DIALOGUE_ACT] = turn.dialogue_acts
    if turn.delexicalised_response:
        found[TaskName.RESPONSE] = normalise(turn.delexicalised_response)
    return found
