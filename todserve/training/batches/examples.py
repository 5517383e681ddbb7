"""Examples: a training turn as token ids, one encoding with the targets that share it.

`epochs` makes them of the training turns, with the runtime's own prompts, so that training and
serving cannot drift apart.
Example: context ``<sos_context> ... <eos_context>``, blocks for belief state, intent, ...
"""

from collections.abc import Sequence
from dataclasses import dataclass

from todserve.runtime.language.dialogue import state_update
from todserve.runtime.language.prompts import (
    BeliefTarget,
    Exchange,
    PromptBuilder,
    PromptInput,
    PromptPlacement,
    SystemTurns,
)
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.training.preparation.training_turns import TrainingTurn

TASK_ORDER = (TaskName.BELIEF_STATE, TaskName.INTENT, TaskName.DIALOGUE_ACT, TaskName.RESPONSE)
"""Fixes the number of each task in the loss report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One target: decoder ids that are given, and ids to be written (end token included)."""

    task: int
    prefix: tuple[int, ...]
    target: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An encoder context and the targets decoded from it."""

    context: tuple[int, ...]
    blocks: tuple[Block, ...]

    @property
    def decoder_length(self) -> int:
        """Decoder tokens of all blocks; the end token is only ever a label."""
        return sum(len(block.prefix) + len(block.target) - 1 for block in self.blocks)


def targets_of(turn: TrainingTurn, belief_target: BeliefTarget) -> dict[TaskName, object]:
    """Return what each annotated task should write for ``turn``."""
    targets: dict[TaskName, object] = {}
    if turn.state is not None:
        update = belief_target is BeliefTarget.UPDATE
        targets[TaskName.BELIEF_STATE] = (
            state_update(turn.previous_state, turn.state) if update else turn.state
        )
    if turn.intent is not None:
        targets[TaskName.INTENT] = turn.intent
    if turn.dialogue_acts is not None:
        targets[TaskName.DIALOGUE_ACT] = turn.dialogue_acts
    if turn.response is not None:
        targets[TaskName.RESPONSE] = turn.response
    return targets


def prompt_input(turn: TrainingTurn, *, delexicalised: bool) -> PromptInput:
    """Return what the prompts of ``turn`` are made of, its system turns plain or not."""
    return PromptInput(
        user=turn.user,
        history=tuple(
            Exchange(user=user, system=placeholder if delexicalised else plain)
            for user, plain, placeholder in turn.history
        ),
        previous_state=turn.previous_state,
    )


def encode_turn(
    turn: TrainingTurn, builder: PromptBuilder, *, show_placeholders: bool = False
) -> list[Example]:
    """Return one example for all tasks (prompt in the decoder) or one per task (in the encoder).

    Args:
        turn: at least one task annotated, else no example comes back.
        builder: of the checkpoint's format.
        show_placeholders: delexicalise system turns whatever the format says (augmentation).
    """
    delexicalised = builder.format.system_turns is SystemTurns.DELEXICALISED or show_placeholders
    source = prompt_input(turn, delexicalised=delexicalised)
    blocks = [
        (
            name,
            Block(
                task=TASK_ORDER.index(name),
                prefix=builder.prefix(name, turn.database_token),
                target=builder.target(TASKS[name], value),
            ),
        )
        for name, value in targets_of(turn, builder.format.belief_target).items()
    ]
    if not blocks:
        return []
    if builder.format.prompt_placement is PromptPlacement.DECODER:
        context = builder.context(source, TaskName.BELIEF_STATE)
        return [Example(context=context, blocks=tuple(block for _, block in blocks))]
    return [
        Example(context=builder.context(source, name, turn.database_token), blocks=(block,))
        for name, block in blocks
    ]


def encode_turns(turns: Sequence[TrainingTurn], builder: PromptBuilder) -> list[Example]:
    """Encode turns without augmentation."""
    return [example for turn in turns for example in encode_turn(turn, builder)]
