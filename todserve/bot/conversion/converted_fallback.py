"""What a Rasa project does with a message that it does not understand, as the fallback of bot.yml.

`converted_bot` calls it when a project is converted. Example: a ``FallbackClassifier`` with the
threshold 0.5 and a rule from ``nlu_fallback`` to ``action_two_stage_fallback`` is ``intent: 0.5``
and ``two_stage``; Rasa 1 says both by ``TwoStageFallbackPolicy``.
"""

from collections.abc import Iterator
from typing import Any

from todserve.bot.conversion.flow_rules import Names
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.rasa.two_stage_fallback import TWO_STAGE
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_types import ActionStep, RasaStory

MISUNDERSTANDING = "FallbackClassifier"
"""The one component of a pipeline that has a place in bot.yml: its threshold."""

ASKING = "TwoStageFallbackPolicy"
CARRIED_OPTIONS = {
    MISUNDERSTANDING: frozenset({"name", "threshold"}),
    "FallbackPolicy": frozenset({"name", "nlu_threshold", "fallback_action_name"}),
    ASKING: frozenset(
        {"name", "nlu_threshold", "fallback_nlu_action_name", "deny_suggestion_intent_name"}
    ),
}
"""Component or policy -> its options that are carried over."""

_THRESHOLDS = ("threshold", "nlu_threshold")
_DEFAULT = "action_default_fallback"
_ASK = "action_default_ask_affirmation"
_REPHRASE = "action_default_ask_rephrase"


def asks_first(story: RasaStory) -> bool:
    """Say whether a rule or story is about the two-stage fallback."""
    return story.form == TWO_STAGE or any(
        isinstance(step, ActionStep) and step.name == TWO_STAGE for step in story.steps
    )


def fallback_tree(
    assistant: Assistant, said: Names, listed: frozenset[str], report: ReadReport
) -> dict[str, Any]:
    """Return the keys of ``fallback``.

    Args:
        assistant: the project.
        said: its responses to what was not understood, the first counts.
        listed: its own responses and actions.
        report: counts what cannot be carried.
    """
    tree: dict[str, Any] = {}
    policies = [*_components(assistant, "policies", ASKING)]
    threshold = _threshold(assistant, report)
    if threshold is not None:
        tree["intent"] = threshold
    if said:
        tree["response"] = said[0]
    rules = [one for one in assistant.rules if asks_first(one)]
    if not rules and not policies:
        return tree
    two_stage: dict[str, Any] = {}
    if _ASK in listed:
        two_stage["ask"] = _ASK
    if _REPHRASE in listed:
        two_stage["rephrase"] = _REPHRASE
    denied = next((one.get("deny_suggestion_intent_name") for one in policies), None)
    if denied is not None:
        two_stage["denied"] = denied
    given_up = next((one.get("fallback_nlu_action_name") for one in policies), None)
    names = [given_up] if given_up not in (None, _DEFAULT) else []
    for rule in rules:
        if rule.form != TWO_STAGE:
            continue
        done = [step.name for step in rule.steps if isinstance(step, ActionStep)]
        names += [one for one in done if one not in (TWO_STAGE, _DEFAULT)]
    known = [one for one in dict.fromkeys(names) if one in listed]
    for one in names:
        if one not in listed:
            report.skipped("fallback: gives up with an action of Rasa's own", str(one))
    if known:
        two_stage["give_up"] = known[0] if len(known) == 1 else known
    return {**tree, "two_stage": two_stage}


def _threshold(assistant: Assistant, report: ReadReport) -> float | None:
    """Return the confidence below which a message counts as not understood."""
    for key, name in (
        ("pipeline", MISUNDERSTANDING),
        ("policies", ASKING),
        ("policies", "FallbackPolicy"),
    ):
        for options in _components(assistant, key, name):
            for option in _THRESHOLDS:
                if option not in options:
                    continue
                try:
                    given = float(options[option])
                except ValueError:
                    given = -1.0
                if 0 <= given <= 1:
                    return given
                report.skipped("fallback: a threshold that is no share", options[option])
    return None


def _components(assistant: Assistant, key: str, name: str) -> Iterator[dict[str, str]]:
    for node in assistant.top(key):
        for one in node.value if isinstance(node.value, list) else ():
            keys = one.value if isinstance(one.value, dict) else {}
            if "name" in keys and str(keys["name"].value).rpartition(".")[2] == name:
                yield {key: str(option.value) for key, option in keys.items()}
