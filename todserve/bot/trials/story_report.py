"""What came of holding a bot against stories: figures, and the first difference of each story.

``tod bot test`` calls it and prints the report. Example of its lines::

    tests/test_stories.yml:12 order shoes: turn 2: expected action_order, got utter_fallback
    9 stories: 8 hold, 1 differs; 21 turns: 20 as told (95.2 %); 20 of 21 intents right
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from todserve.bot.bot_file import load_bot
from todserve.bot.trials.bot_story import UNTOLD, BotStory
from todserve.bot.trials.story_files import read_bot_stories
from todserve.bot.trials.story_trial import StoryTrial, ToldTurn
from todserve.runtime.turn_answerer import Answerer


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryResult:
    """A story and what the bot made of it."""

    story: BotStory
    turns: tuple[ToldTurn, ...]

    @property
    def holds(self) -> bool:
        """Whether every turn does."""
        return all(one.holds for one in self.turns)

    @property
    def difference(self) -> tuple[int, ToldTurn] | None:
        """The first turn that differs, counted from 1."""
        return next(((n, one) for n, one in enumerate(self.turns, 1) if not one.holds), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryReport:
    """How many stories went as they are told, and where the others went another way.

    Attributes:
        results: one a story.
        model: whether a model understood the messages.
    """

    results: tuple[StoryResult, ...]
    model: bool

    @property
    def holds(self) -> bool:
        """Whether every story does."""
        return all(one.holds for one in self.results)

    def figures(self) -> dict[str, Any]:
        """Return everything as JSON."""
        turns = [turn for one in self.results for turn in one.turns]
        named = [turn for turn in turns if turn.understood is not None]
        return {
            "understood_by": "model" if self.model else "stories",
            "stories": len(self.results),
            "stories_hold": sum(one.holds for one in self.results),
            "turns": len(turns),
            "turns_hold": sum(turn.holds for turn in turns),
            "intents": len(named),
            "intents_right": sum(bool(turn.understood) for turn in named),
            "differences": [
                {
                    "story": one.story.name,
                    "where": turn.turn.where,
                    "turn": number,
                    "intent": {"expected": turn.turn.intent, "got": turn.intent},
                    "actions": {"expected": list(turn.expected), "got": list(turn.done)},
                    "form": {
                        "expected": turn.turn.form,
                        "got": turn.form,
                    }
                    if turn.turn.form != UNTOLD
                    else None,
                }
                for one in self.results
                if (found := one.difference) is not None
                for number, turn in (found,)
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield the report as plain text: a line for each story that differs, then the figures."""
        for one in self.results:
            if one.difference is not None:
                number, turn = one.difference
                yield f"{turn.turn.where} {one.story.name}: turn {number}: {_differs(turn)}"
        figures = self.figures()
        stories, turns = figures["stories"], figures["turns"]
        differing = stories - figures["stories_hold"]
        share = 100 * figures["turns_hold"] / turns if turns else 100.0
        line = (
            f"{stories} stories: {figures['stories_hold']} hold, {differing} "
            f"{'differs' if differing == 1 else 'differ'}; {turns} turns: "
            f"{figures['turns_hold']} as told ({share:.1f} %)"
        )
        if self.model:
            yield f"{line}; {figures['intents_right']} of {figures['intents']} intents right"
        else:
            yield f"{line}; understood as the stories say, no model was asked"


def _differs(turn: ToldTurn) -> str:
    wanted = ", ".join(turn.expected) or "nothing"
    got = ", ".join(turn.done) or "nothing"
    parts = []
    if turn.understood is False:
        parts.append(f"intent {turn.turn.intent}, got {turn.intent}")
    if turn.expected != turn.done:
        parts.append(f"expected {wanted}, got {got}")
    elif not turn.holds:
        form = turn.turn.form or "no form"
        parts.append(f"expected {form} to be under way, got {turn.form or 'none'}")
    return "; ".join(parts)


def held_against(bot: Path, stories: Path, model: Answerer | None) -> StoryReport:
    """Return what a bot makes of stories.

    Args:
        bot: its bot.yml.
        stories: a file or folder of them.
        model: understands the messages; None takes what the stories say.

    Raises:
        ConfigError: see ``load_bot``.
        CorpusError: see ``read_bot_stories``.
    """
    config = load_bot(bot)
    trial = StoryTrial(config, model)
    forms = frozenset(config.form_name(key) for key in config.forms)
    told: Sequence[BotStory] = read_bot_stories(stories, forms)
    return StoryReport(
        results=tuple(StoryResult(story=one, turns=tuple(trial.told(one))) for one in told),
        model=model is not None,
    )
