"""What a Rasa project says that neither a bot.yml nor a dialogue can carry, counted and named.

Beside the way of a conversion. Example of its lines: ``pipeline component: DIETClassifier``,
``slot mapping: from_text``, ``key: tracker_store``.
"""

from collections.abc import Iterator
from pathlib import Path

from todserve.bot.conversion.rasa_assistant import Assistant, slot_mappings
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport

# Read by others of the conversion, or no more than the format's own version.
_CARRIED = frozenset(
    {"version", "nlu", "stories", "rules", "responses", "templates", "intents", "entities"}
    | {"slots", "forms", "actions", "language", "action_endpoint"}
)
_TYPES = frozenset({"text", "categorical", "bool"})
_SLOT_KEYS = frozenset({"type", "values", "mappings"})
_ENTITY_MAPPING = frozenset({"type", "entity", "role"})
_ENTITY_KEYS = frozenset({"roles", "groups"})
_OUR_CHANNEL = "rest"

MISUNDERSTANDING = "FallbackClassifier"
"""The one component of a pipeline that has a place in bot.yml: its threshold."""


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
            if name == "pipeline":
                _components(node, "pipeline component", report)
            elif name == "policies":
                _components(node, "policy", report)
            elif name not in _CARRIED:
                report.skipped(f"key: {name}", _place(node))
        _domain(keys, report)
        for option, node in _options(keys.get("action_endpoint")):
            if option != "url":
                report.skipped(f"action_endpoint: {option}", _place(node))
    for table in assistant.project.nlu.regexes:
        report.skipped("nlu: regular expression", f"{table.place.file}:{table.place.line}")


def _components(node: Located, kind: str, report: ReadReport) -> None:
    for one in _entries(node):
        name = one.value["name"] if isinstance(one.value, dict) and "name" in one.value else one
        if name.value != MISUNDERSTANDING:
            report.skipped(f"{kind}: {name.value}", _place(one))
            continue
        for option, node in _options(one):
            if option not in ("name", "threshold"):
                report.skipped(f"{MISUNDERSTANDING}: {option}", _place(node))


def _domain(keys: dict[str, Located], report: ReadReport) -> None:
    for kind, known in (("intents", frozenset[str]()), ("entities", _ENTITY_KEYS)):
        for entry in _entries(keys.get(kind)):
            for _, options in _options(entry):
                for option, node in _options(options):
                    if option not in known:
                        report.skipped(f"{kind}: {option}", _place(node))
    for _, form in _options(keys.get("forms")):
        for option, node in _options(form):
            if option == "ignored_intents":
                report.skipped("form: ignored_intents", _place(node))
            elif option == "required_slots" and isinstance(node.value, dict):
                report.skipped("form: mappings of its own slots", _place(node))
    for slot, entry in _options(keys.get("slots")):
        for option, node in _options(entry):
            if option not in _SLOT_KEYS:
                report.skipped(f"slot: {option}", f"{_place(node)} {slot}")
            elif option == "type" and node.value not in _TYPES:
                report.changed(f"slot: {node.value}, taken for text", f"{_place(node)} {slot}")
    _mappings(keys.get("slots"), report)


def _mappings(node: Located | None, report: ReadReport) -> None:
    for slot, mapping in slot_mappings(node):
        kind = mapping.get("type", "none")
        where = f"{node.file if node else ''} {slot}"
        if kind != "from_entity":
            report.skipped(f"slot mapping: {kind}", where)
            continue
        for option in mapping:
            if option not in _ENTITY_MAPPING:
                report.skipped(f"slot mapping: {option} of from_entity", where)


def _entries(node: Located | None) -> list[Located]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _options(node: Located | None) -> Iterator[tuple[str, Located]]:
    if node is not None and isinstance(node.value, dict):
        yield from node.value.items()


def _place(node: Located) -> str:
    return f"{node.file}:{node.line}"
