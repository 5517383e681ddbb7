"""A Rasa project's bot.yml.

The conversion of a Rasa project calls it to write the file. Example:
``write_bot(assistant, flows, Path("out/bot.yml"), report)`` writes a file that ``load_bot`` reads.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.bot.bot_phrases import Language
from todserve.bot.conversion.converted_fallback import fallback_tree
from todserve.bot.conversion.converted_forms import SAID, BotParts
from todserve.bot.conversion.converted_responses import Wording
from todserve.bot.conversion.converted_slots import ConvertedSlots
from todserve.bot.conversion.intent_flows import Flows, listed_actions
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.read_report import ReadReport

RASA_ENDPOINT = "http://127.0.0.1:5055/webhook"
"""Where an action server listens unless it is told otherwise."""

# Run by Rasa inside a form, by their names.
_FORM_ACTION = re.compile(r"validate_|action_ask_|action_validate_slot_mappings$")
_ADDRESS = re.compile(r"https?://\S+")


def write_bot(
    assistant: Assistant, flows: Flows, wording: Wording, path: Path, report: ReadReport
) -> BotConfig:
    """Write the file and return it as a gateway would load it.

    Args:
        assistant: the project.
        flows: what its rules and stories say.
        wording: its responses; what forms need and nobody wrote is added.
        path: of the file to write.
        report: counts what is left out, read differently or missing.
    """
    language = _language(assistant, report)
    parts = BotParts(assistant, flows, wording, language, report)
    forms, answers = parts.forms(), parts.answers()
    made = frozenset(str(form["name"]) for form in forms.values())
    rules = parts.rules(made)
    slots = ConvertedSlots(assistant, made, report).slots(parts.named)
    listed = listed_actions(assistant) | frozenset(wording)
    fallback = fallback_tree(assistant, parts.not_understood(), listed, report)
    named = set(_named([forms, rules, answers, fallback])) & listed_actions(assistant) - set(
        wording
    )
    for name in sorted(listed_actions(assistant) - named - set(assistant.responses)):
        if name.startswith(SAID):
            continue
        in_form = "is run inside a form" if _FORM_ACTION.match(name) else "nothing leads to it"
        report.skipped(f"action: {in_form}", name)
    actions: dict[str, Any] = {"intents": answers} if answers else {}
    if named:
        actions["endpoint"] = _endpoint(assistant, report)
    tree = {
        "language": str(language),
        "responses": {
            name: [one.model_dump(mode="json", exclude_defaults=True) for one in templates]
            for name, templates in sorted(wording.items())
        },
        "forms": forms,
        "slots": slots,
        "rules": rules,
        "fallback": fallback,
        "actions": actions,
    }
    kept = {key: value for key, value in tree.items() if value}
    text = yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(text, encoding="utf-8")
    bot = load_bot(path)
    for form, slot in bot.unfilled():
        report.missing(
            "form: nothing fills a slot it asks for, it cannot be finished", f"{form} {slot}"
        )
    return bot


def _named(tree: Any) -> Iterator[str]:
    """Yield every text of a tree: whichever names stand in it are among them."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for one in tree.values() if isinstance(tree, dict) else tree:
            yield from _named(one)


def _language(assistant: Assistant, report: ReadReport) -> Language:
    for node in assistant.top("language"):
        if node.value in tuple(Language):
            return Language(node.value)
        report.changed(f"language: {node.value}, English phrases are used", node.file)
    return Language.EN


def _endpoint(assistant: Assistant, report: ReadReport) -> str:
    for node in assistant.top("action_endpoint"):
        keys = node.value if isinstance(node.value, dict) else {}
        url = keys["url"].value if "url" in keys else None
        if isinstance(url, str) and _ADDRESS.fullmatch(url):
            return url
        report.changed("action_endpoint: no plain address, Rasa's default is written", node.file)
        return RASA_ENDPOINT
    report.missing("action_endpoint: Rasa's default is written", RASA_ENDPOINT)
    return RASA_ENDPOINT
