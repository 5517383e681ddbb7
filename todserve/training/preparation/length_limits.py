"""Length limits: what of the training turns is cut or left out because it is too long.

``tod train`` calls it once per run. Only the history is ever cut (oldest first, by the prompts); a
target that is too long to be learnt whole is dropped.
Example: ``max_length: 1024`` with ``max_history_tokens: 1000`` leaves 24 tokens to the prompt.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.formats import serialize_belief_state
from todserve.runtime.language.prompts import PromptBuilder, PromptInput, SystemTurns
from todserve.runtime.language.tasks import DATABASE_TOKENS, TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.examples import prompt_input, targets_of
from todserve.training.preparation.training_turns import TrainingTurn

_ENDLESS = 1_000_000


@dataclass(kw_only=True, slots=True)
class LengthReport:
    """How many training turns were cut or left out for their length.

    Attributes:
        turns: looked at.
        histories_cut: turns whose past does not fit ``max_history_tokens``.
        targets_dropped: task -> targets longer than ``max_length``.
        longest: task -> the longest of those, in tokens.
    """

    turns: int = 0
    histories_cut: int = 0
    targets_dropped: Counter[TaskName] = field(default_factory=Counter)
    longest: dict[TaskName, int] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield the counts as plain text, only those above zero."""
        if self.histories_cut:
            yield f"{self.histories_cut} of {self.turns} turns: history cut, the oldest words first"
        for task, count in sorted(self.targets_dropped.items()):
            yield f"{count} targets of task {task} dropped, longest {self.longest[task]} tokens"


def within_length(
    turns: Sequence[TrainingTurn], builder: PromptBuilder, tokenizer: Tokenizer, max_length: int
) -> tuple[list[TrainingTurn], LengthReport]:
    """Return the turns without the targets longer than ``max_length``, and what was cut.

    Args:
        turns: prepared; those without any target are left out too.
        builder: of the run's format; its ``max_history_tokens`` must leave room for the prompt.
        tokenizer: the builder's.
        max_length: encoder or decoder tokens, at most.

    Raises:
        ConfigError: history and prompt together could be longer than ``max_length``.
    """
    form = builder.format
    frame = longest_frame(builder)
    if form.max_history_tokens + frame > max_length:
        raise ConfigError(
            f"{form.max_history_tokens} history tokens and a prompt of {frame} exceed max_length "
            f"{max_length}; expected at most {max_length - frame}; lower "
            "format.max_history_tokens or raise max_length"
        )
    endless = form.model_copy(update={"max_history_tokens": _ENDLESS})
    whole = PromptBuilder(tokenizer, endless, builder.schema)
    report = LengthReport()
    kept = []
    for turn in turns:
        report.turns += 1
        report.histories_cut += _is_cut(turn, whole, form.max_history_tokens)
        fitting = _fitting(turn, builder, max_length, report)
        if fitting:
            kept.append(turn.only(fitting))
    return kept, report


def longest_frame(builder: PromptBuilder) -> int:
    """Return how many tokens the prompt adds to a history, at most."""
    nothing = PromptInput(user="")
    bare = len(builder.history(nothing))
    return max(len(builder.context(nothing, task, DATABASE_TOKENS[0])) - bare for task in TASKS)


def _is_cut(turn: TrainingTurn, whole: PromptBuilder, limit: int) -> bool:
    seen = turn.history[-1:] if whole.format.context.rests_on_state else turn.history
    delexicalised = whole.format.system_turns is SystemTurns.DELEXICALISED
    said = [turn.user, *(user + (other if delexicalised else own) for user, own, other in seen)]
    if whole.format.context.rests_on_state:
        said.append(serialize_belief_state(turn.previous_state, whole.schema))
    # No token is shorter than a character, and four frame an exchange: most need no counting.
    if sum(len(text) + 4 for text in said) <= limit:
        return False
    return len(whole.history(prompt_input(turn, delexicalised=delexicalised))) > limit


def _fitting(
    turn: TrainingTurn, builder: PromptBuilder, max_length: int, report: LengthReport
) -> list[TaskName]:
    fitting = []
    for name, value in targets_of(turn, builder.format.belief_target).items():
        text = TASKS[name].serialize(value, builder.schema)
        prefix = len(builder.prefix(name, turn.database_token))
        length = prefix + len(text) + 1
        if length > max_length:
            length = prefix + len(builder.target(TASKS[name], value))
        if length > max_length:
            report.targets_dropped[name] += 1
            report.longest[name] = max(report.longest.get(name, 0), length)
        else:
            fitting.append(name)
    return fitting
