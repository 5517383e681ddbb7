"""Responses of a Rasa project as templates of bot.yml.

The conversion of a Rasa project calls it before forms and actions, which name the responses.
Example: ``utter_greet: [{text: "Hi {user name}!"}]`` becomes the one template
``Hi {user_name}!``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from todserve.bot.bot_config import Template
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import RENAMED, label
from todserve.corpora.readers.rasa.rasa_domain import variations
from todserve.corpora.readers.rasa.rasa_slots import value_text, written_value
from todserve.runtime.errors import ConfigError

Wording = dict[str, tuple[Template, ...]]
"""Response -> its templates, at least one."""

_ESCAPED = re.compile(r"\{\{([^{}\n]*)\}\}")
PLACEHOLDER = re.compile(r"\{([^{}\n]+)\}")
_IN_PARTS = re.compile(r"\{([^\W\d][\w .-]*)\}")
"""The same beside a text, where a payload such as ``/inform{"city": "ely"}`` has braces, too."""

_LISTS = ("buttons", "quick_replies", "elements")
_KEYS = frozenset({"text", "condition", "channel", "image", "attachment", "custom", *_LISTS})


def read_wording(assistant: Assistant, report: ReadReport) -> Wording:
    """Return the templates; what a template cannot carry is counted.

    A response whose name a model could not say stands under the name that it would say, too.
    """
    found: Wording = {}
    for node in (*assistant.top("templates"), *assistant.top("responses")):
        responses = node.value if isinstance(node.value, dict) else {}
        for name, entry in responses.items():
            said = tuple(_templates(name, variations(entry), report))
            if said:
                found[name] = said
                found.setdefault(label(name), said)
            else:
                report.skipped("response: says nothing", f"{entry.file}:{entry.line} {name}")
    return found


def texts(templates: tuple[Template, ...]) -> tuple[str, ...]:
    """Return what templates say: those of every channel under no condition, where there are any."""
    said = [one for one in templates if one.text is not None]
    plain = [one for one in said if one.channel is None and not one.slots]
    return tuple(str(one.text) for one in plain or said)


def _templates(name: str, said: list[Located], report: ReadReport) -> Iterator[Template]:
    for one in said:
        where = f"{one.file}:{one.line} {name}"
        keys = one.value if isinstance(one.value, dict) else {"text": one}
        for key in keys:
            if key not in _KEYS:
                report.skipped(f"response: {key}", where)
        tree: dict[str, Any] = {
            key: _renamed_in(written_value(node, key), name, report)
            for key, node in keys.items()
            if key in _KEYS and key not in ("text", "condition") and node.value not in (None, [])
        }
        text = keys["text"].value if "text" in keys else None
        if text is not None and not isinstance(text, dict | list) and str(text).strip():
            tree["text"] = _said(str(text).strip(), name, report)
        if "condition" in keys:
            tree["slots"] = dict(_condition(keys["condition"], where, report))
        try:
            yield _template(tree, where, report)
        except ConfigError:
            report.skipped("response: variation that says nothing", where)


def _template(tree: dict[str, Any], where: str, report: ReadReport) -> Template:
    """Return a template of the keys that it can have: a wrong button costs that button alone."""
    while True:
        try:
            return Template.model_validate(tree)
        except ValidationError as error:
            key, *below = error.errors()[0]["loc"]
        wrong = tree[str(key)]
        if below and isinstance(wrong, list) and isinstance(below[0], int):
            report.skipped(f"response: {key}.{below[0]} of an unknown kind", where)
            left = [one for place, one in enumerate(wrong) if place != below[0]]
        else:
            report.skipped(f"response: {key} of an unknown kind", where)
            left = []
        tree = {name: one for name, one in tree.items() if name != key}
        tree |= {str(key): left} if left else {}


def _said(given: str, name: str, report: ReadReport) -> str:
    # Rasa says two braces as one; here nothing can stand in braces but a slot.
    text = _ESCAPED.sub(r"\1", given)
    if text != given:
        report.changed("response: braces that are said, left out", name)
    return PLACEHOLDER.sub(lambda match: _renamed(match[1], name, report), text)


def _renamed_in(part: Any, name: str, report: ReadReport) -> Any:
    """Return what is shown beside a text with its slots under their names here."""
    if isinstance(part, str):
        if "{{" in part:
            # Rasa puts slots in here, too, and says two braces as one: ``/inform{{"a": "b"}}``.
            part = part.replace("{{", "{").replace("}}", "}")
        return _IN_PARTS.sub(lambda match: _renamed(match[1], name, report), part)
    if isinstance(part, Mapping):
        return {key: _renamed_in(one, name, report) for key, one in part.items()}
    return [_renamed_in(one, name, report) for one in part] if isinstance(part, list) else part


def _condition(node: Located, where: str, report: ReadReport) -> Iterator[tuple[str, str | None]]:
    """Yield the slots that a variation's condition names, each with its value."""
    for one in node.value if isinstance(node.value, list) else ():
        keys = one.value if isinstance(one.value, dict) else {}
        if "name" in keys and "value" in keys and str(keys["name"].value).strip():
            yield label(str(keys["name"].value)), value_text(keys["value"])
        else:
            report.skipped("response: condition that is no slot's", where)


def _renamed(slot: str, where: str, report: ReadReport) -> str:
    renamed = label(slot)
    if renamed != slot:
        report.changed(RENAMED, f"{where} {slot!r}")
    return f"{{{renamed}}}"


def question(
    form: str, slot: str, wording: Wording, actions: frozenset[str] = frozenset()
) -> str | None:
    """Return what asks for a form's slot, as Rasa finds it; None without any.

    Args:
        form: that asks.
        slot: that is asked for.
        wording: the responses.
        actions: that may ask, too.
    """
    names = (
        *(f"action_ask_{form}_{slot}", f"utter_ask_{form}_{slot}"),
        *(f"action_ask_{slot}", f"utter_ask_{slot}"),
    )
    return next((name for name in names if name in wording or name in actions), None)
