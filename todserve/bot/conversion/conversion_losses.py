"""What a Rasa project says that neither a bot.yml nor a dialogue can carry, counted and named.

The conversion of a Rasa project lists them for whoever converts it. Example of its lines:
``pipeline component: DIETClassifier``, ``key: tracker_store``. What stands in slots and their
mappings, `converted_slots` counts.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from todserve.bot.conversion.converted_fallback import CARRIED_OPTIONS
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_domain import form_entries
from todserve.corpora.readers.rasa.rasa_slots import sources_of

# Read by others of the conversion, or no more than the format's own version.
_CARRIED = frozenset(
    {"version", "nlu", "stories", "rules", "responses", "templates", "intents", "entities"}
    | {"slots", "forms", "actions", "language", "action_endpoint"}
    # Named where they are read.
    | {"flows", "test_cases"}
)
_FORM_KEYS = frozenset({"required_slots", "ignored_intents"})
_INTENT_KEYS = frozenset({"triggers"})
_ENTITY_KEYS = frozenset({"roles", "groups"})
_NLU_KEYS = frozenset({"intent", "synonym", "lookup", "regex", "examples"})
# Of rules the others are counted where they are read.
_STORY_KEYS = frozenset({"story", "rule", "steps", "condition", "conversation_start"}) | {
    "wait_for_user_input"
}
_STEP_KEYS = frozenset({"intent", "user", "entities", "action", "bot", "slot_was_set", "or"}) | {
    *("checkpoint", "active_loop", "form")
}
_SPOKEN = ("responses", "templates", "slots")
_VARIABLE = re.compile(r"\$\{\w+\}")
_OUR_CHANNEL = "rest"
_EXPIRES = 3600.0
"""Seconds after which a dialogue ends at a gateway that is told nothing else."""


def count_losses(assistant: Assistant, report: ReadReport) -> None:
    """Count everything of ``assistant`` that has no place after the conversion."""
    for tree in assistant.trees:
        keys = tree.value if isinstance(tree.value, dict) else {}
        if Path(tree.file).stem == "credentials":
            for name, node in keys.items():
                if name != _OUR_CHANNEL:
                    report.skipped(f"channel: {name}", _place(node))
            continue
        for name, node in keys.items():
            if name in _SPOKEN:
                _variables(node, report)
            if name == "pipeline":
                _components(node, "pipeline component", report)
            elif name == "policies":
                _components(node, "policy", report)
            elif name == "session_config":
                _session(node, report)
            elif name not in _CARRIED:
                report.skipped(f"key: {name}", _place(node))
        _domain(keys, report)
        _training(keys, report)
        for option, node in _options(keys.get("action_endpoint")):
            if option != "url":
                report.skipped(f"action_endpoint: {option}", _place(node))
    for table in assistant.project.nlu.regexes:
        report.skipped("nlu: regular expression", f"{table.place.file}:{table.place.line}")
    _marks(assistant, report)
    _same_names(assistant, report)


def _same_names(assistant: Assistant, report: ReadReport) -> None:
    """Count names that are one once their marks are replaced: ``ask-price``, ``ask_price``."""
    intents = [one.intent for one in assistant.project.nlu.examples]
    for kind, names in (("intents", intents), ("slots", assistant.slots)):
        found: dict[str, dict[str, None]] = {}
        for name in names:
            found.setdefault(label(name), {})[name] = None
        for alike in found.values():
            if len(alike) > 1:
                report.changed(f"{kind}: names that are one here", ", ".join(alike))


def _marks(assistant: Assistant, report: ReadReport) -> None:
    """Count what marks of examples say and no slot tells, and synonyms that no example has."""
    told = {
        (kind, one.entity, getattr(one, kind))
        for slot in assistant.slots.values()
        for one in sources_of(slot)
        for kind in ("role", "group")
    }
    said: set[str] = set()
    for example in assistant.project.nlu.examples:
        where = f"{example.place.file}:{example.place.line}"
        for one in example.entities:
            said.add(example.text[one.start : one.end].lower())
            for kind in ("role", "group"):
                given = getattr(one, kind)
                if given is not None and (kind, one.entity, given) not in told:
                    report.skipped(f"entity: a {kind} that no slot tells", f"{where} {one.entity}")
    for table in assistant.project.nlu.synonyms:
        if any(word.lower() not in said for word in table.examples):
            report.skipped(
                "synonym: words that no example marks, not learnt",
                f"{table.place.file}:{table.place.line}",
            )


def _session(node: Located, report: ReadReport) -> None:
    """Count what a session's settings become: they are the gateway's, not the bot's."""
    for option, given in _options(node):
        if option == "session_expiration_time":
            try:
                seconds = float(str(given.value)) * 60
            except ValueError:
                seconds = -1.0
            if seconds == _EXPIRES:
                continue  # what a gateway does by itself
            told = f"start the gateway with expire_after={seconds:g}" if seconds > 0 else "not here"
            report.changed(f"session_config: {option}, {told}", _place(given))
        elif option != "carry_over_slots_to_new_session" or str(given.value) == "true":
            report.skipped(f"session_config: {option}", _place(given))


def _variables(node: Located, report: ReadReport) -> None:
    """Count what Rasa reads from the environment: bot.yml says it as it is written."""
    below: Iterable[Located] = ()
    if isinstance(node.value, dict):
        below = node.value.values()
    elif isinstance(node.value, list):
        below = node.value
    elif isinstance(node.value, str):
        for name in _VARIABLE.findall(node.value):
            report.skipped(f"environment: {name}, not read", _place(node))
    for one in below:
        _variables(one, report)


def _components(node: Located, kind: str, report: ReadReport) -> None:
    # Rasa 1 may name a whole pipeline by one word.
    for one in _entries(node) if not isinstance(node.value, str) else [node]:
        name = one.value["name"] if isinstance(one.value, dict) and "name" in one.value else one
        called = str(name.value).rpartition(".")[2]
        if called not in CARRIED_OPTIONS:
            report.skipped(f"{kind}: {name.value}", _place(one))
            continue
        for option, node in _options(one):
            if option not in CARRIED_OPTIONS[called]:
                report.skipped(f"{called}: {option}", _place(node))


def _domain(keys: dict[str, Located], report: ReadReport) -> None:
    for kind, known in (("intents", _INTENT_KEYS), ("entities", _ENTITY_KEYS)):
        for entry in _entries(keys.get(kind)):
            for _, options in _options(entry):
                for option, node in _options(options):
                    if option not in known:
                        report.skipped(f"{kind}: {option}", _place(node))
    for entry in _entries(keys.get("actions")):
        for _, options in _options(entry):
            for option, node in _options(options):
                # Every action is sent the domain.
                if option != "send_domain" or str(node.value) != "true":
                    report.skipped(f"actions: {option}", _place(node))
    forms = keys.get("forms")
    for form in (form_entries(forms) if forms is not None else {}).values():
        for option, node in _options(form):
            mapped = isinstance(node.value, list) and option not in _FORM_KEYS
            if option not in _FORM_KEYS and not mapped:
                report.skipped(f"form: {option}", _place(node))


def _training(keys: dict[str, Located], report: ReadReport) -> None:
    """Count the keys of examples, stories and their steps that say nothing here."""
    for entry in _entries(keys.get("nlu")):
        for option, node in _options(entry):
            if option not in _NLU_KEYS:
                report.skipped(f"nlu: {option}", _place(node))
        for example in _entries(_key(entry, "examples")):
            for option, node in _options(example):
                if option != "text":
                    report.skipped(f"example: {option}", _place(node))
    for kind in ("stories", "rules"):
        for entry in _entries(keys.get(kind)):
            for option, node in _options(entry):
                if option not in _STORY_KEYS:
                    report.skipped(f"{kind}: {option}", _place(node))
            for step in _entries(_key(entry, "steps")):
                for option, node in _options(step):
                    if option not in _STEP_KEYS:
                        report.skipped(f"step: {option}", _place(node))


def _key(node: Located, name: str) -> Located | None:
    return node.value.get(name) if isinstance(node.value, dict) else None


def _entries(node: Located | None) -> list[Located]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _options(node: Located | None) -> Iterator[tuple[str, Located]]:
    if node is not None and isinstance(node.value, dict):
        yield from node.value.items()


def _place(node: Located) -> str:
    return f"{node.file}:{node.line}"
