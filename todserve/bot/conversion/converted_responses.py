"""Responses of a Rasa project as templates of bot.yml.

On the way of a conversion, before forms and actions, which name them. Example:
``utter_greet: [{text: "Hi {user name}!"}]`` becomes the one template ``Hi {user_name}!``.
"""

import re
from collections.abc import Iterator

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import RENAMED, label

Wording = dict[str, tuple[str, ...]]
"""Response -> its templates, at least one."""

_ESCAPED = re.compile(r"\{\{([^{}\n]*)\}\}")
PLACEHOLDER = re.compile(r"\{([^{}\n]+)\}")


def read_wording(assistant: Assistant, report: ReadReport) -> Wording:
    """Return the templates; what a template cannot carry is counted.

    A response whose name a model could not say stands under the name that it would say, too.
    """
    found: Wording = {}
    for node in (*assistant.top("templates"), *assistant.top("responses")):
        responses = node.value if isinstance(node.value, dict) else {}
        for name, entry in responses.items():
            variations = entry.value if isinstance(entry.value, list) else []
            texts = tuple(_templates(name, variations, report))
            if texts:
                found[name] = texts
                found.setdefault(label(name), texts)
            else:
                report.skipped("response: no text at all", f"{entry.file}:{entry.line} {name}")
    return found


def _templates(name: str, variations: list[Located], report: ReadReport) -> Iterator[str]:
    plain: list[str] = []
    conditional: list[str] = []
    for one in variations:
        where = f"{one.file}:{one.line} {name}"
        keys = one.value if isinstance(one.value, dict) else {"text": one}
        text = keys["text"].value if "text" in keys else None
        for key in keys:
            if key not in ("text", "condition", "channel"):
                report.skipped(f"response: {key}", where)
        if not isinstance(text, str) or not text.strip():
            report.skipped("response: variation without text", where)
        elif "channel" in keys:
            report.skipped(f"response: variation for channel {keys['channel'].value}", where)
        elif "condition" in keys:
            conditional.append(text.strip())
            report.skipped("response: condition of a variation", where)
        else:
            plain.append(text.strip())
    if not plain and conditional:
        report.changed("response: its variations are said under no condition now", name)
    for given in plain or conditional:
        # Rasa says two braces as one; here nothing can stand in braces but a slot.
        text = _ESCAPED.sub(r"\1", given)
        if text != given:
            report.changed("response: braces that are said, left out", name)
        yield PLACEHOLDER.sub(lambda match: _renamed(match[1], name, report), text)


def _renamed(slot: str, where: str, report: ReadReport) -> str:
    renamed = label(slot)
    if renamed != slot:
        report.changed(RENAMED, f"{where} {slot!r}")
    return f"{{{renamed}}}"


def question(form: str, slot: str, wording: Wording) -> str | None:
    """Return the response by which a form asks for a slot, as Rasa finds it; None without any."""
    names = (f"utter_ask_{form}_{slot}", f"utter_ask_{slot}")
    return next((name for name in names if name in wording), None)
