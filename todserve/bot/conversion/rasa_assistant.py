"""A Rasa project read for conversion: what the readers of corpora give, and what only a bot needs.

First on the way of a conversion. Example:
``read_assistant(Path("their-bot"), report, faults).forms["book_form"]`` are the slots of a form.

The readers of `corpora` leave out rules and test stories and count them, since training does not
want them; here they are what says how the bot behaves, and how its authors tested it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.folder_files import own_file
from todserve.corpora.files.located_files import read_located
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import rasa_files, read_project
from todserve.corpora.readers.rasa.rasa_stories import read_stories
from todserve.corpora.readers.rasa.rasa_types import RasaDomain, RasaProject, RasaStory, UserStep

TEST_STORIES = "test_"
"""Rasa tests with the files whose names begin so, and trains with the others."""

# What the readers leave out and a conversion reads itself.
_READ_HERE = ("rule", "file: test stories", "step: active_loop", "step: form")
_LIST_OF_SLOTS = "required_slots"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assistant:
    """Everything a project says that a bot can use.

    Attributes:
        project: what it trains with; its domains have the forms of every Rasa version.
        rules: what always happens: one exchange each, or the end of a form.
        tests: the stories it is tested with.
        intent_values: slot -> (intent, value) pairs that fill it, e.g. ``affirm`` -> ``true``.
        trees: the files by name as they are written, settings such as config.yml included.
    """

    project: RasaProject
    rules: tuple[RasaStory, ...] = ()
    tests: tuple[RasaStory, ...] = ()
    intent_values: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    trees: tuple[Located, ...] = ()

    @property
    def responses(self) -> dict[str, tuple[str, ...]]:
        """The texts of each response."""
        return {name: texts for one in self.project.domains for name, texts in one.responses}

    @property
    def forms(self) -> dict[str, tuple[str, ...]]:
        """The slots each form requires, in the order it asks for them."""
        return {name: slots for one in self.project.domains for name, slots in one.forms}

    @property
    def retrieval_intents(self) -> dict[str, tuple[str, ...]]:
        """The intents that only group others: ``faq`` -> ``faq/hours``, ``faq/price``."""
        found: dict[str, dict[str, None]] = {}
        for one in self.project.nlu.examples:
            if "/" in one.intent:
                found.setdefault(one.intent.partition("/")[0], {})[one.intent] = None
        return {intent: tuple(names) for intent, names in found.items()}

    def top(self, name: str) -> Iterator[Located]:
        """Yield what stands under key ``name`` at the top of any file."""
        for tree in self.trees:
            if isinstance(tree.value, dict) and name in tree.value:
                yield tree.value[name]


def read_assistant(path: Path, report: ReadReport, faults: list[Fault]) -> Assistant:
    """Return the assistant at ``path``, a folder.

    Args:
        path: of the project.
        report: counts what is left out or read differently.
        faults: every fault of its files is added.
    """
    project = read_project(path, report, faults)
    trees = tuple(_trees(path, faults))
    rules: list[RasaStory] = []
    values: dict[str, tuple[tuple[str, str], ...]] = {}
    domains: list[RasaDomain] = list(project.domains)
    for tree in trees:
        keys = tree.value if isinstance(tree.value, dict) else {}
        if not Path(tree.file).name.startswith(TEST_STORIES):
            rules += _rules(keys.get("rules"), report, faults)
        values |= _intent_values(keys.get("slots"))
        old = _slots_of_forms(keys.get("forms"))
        domains = [replace(one, forms=_completed(one.forms, old)) for one in domains]
    tests: list[RasaStory] = []
    for file in rasa_files(path):
        if file.name.startswith(TEST_STORIES):
            tests += read_project(file, report, faults).stories
    for name in _READ_HERE:
        report.notes.pop(name, None)
    return Assistant(
        project=replace(project, domains=tuple(domains)),
        rules=tuple(rules),
        tests=tuple(tests),
        intent_values=values,
        trees=trees,
    )


def _trees(path: Path, faults: list[Fault]) -> Iterator[Located]:
    own = [path / f"{name}.yml" for name in ("config", "endpoints", "credentials")]
    # The readers have noted the faults of their files already.
    for file in rasa_files(path):
        if file.suffix != ".md" and file not in own:
            tree = read_located(file, [])
            if tree is not None:
                yield tree
    for file in own:
        if file.is_file():
            tree = read_located(own_file(path, file.name), faults)
            if tree is not None:
                yield tree


def _rules(node: Located | None, report: ReadReport, faults: list[Fault]) -> Iterator[RasaStory]:
    """Yield the rules that hold at any time, and those that end a form."""
    for entry in node.value if node is not None and isinstance(node.value, list) else ():
        keys = entry.value if isinstance(entry.value, dict) else {}
        story = {("story" if key == "rule" else key): one for key, one in keys.items()}
        entries = Located(value=[replace(entry, value=story)], file=entry.file, line=entry.line)
        for rule in read_stories(entries, report, faults):
            conditions = keys["condition"].value if "condition" in keys else None
            where = f"{entry.file}:{entry.line}"
            begins_with_user = bool(rule.steps) and isinstance(rule.steps[0], UserStep)
            if conditions and begins_with_user:
                report.skipped(f"rule: holds under a condition ({_named(conditions)})", where)
            elif "conversation_start" in keys:
                report.skipped("rule: holds at the start of a conversation alone", where)
            else:
                yield rule


def _named(conditions: object) -> str:
    entries = conditions if isinstance(conditions, list) else []
    names = {key: None for one in entries if isinstance(one.value, dict) for key in one.value}
    return ", ".join(names) or "unnamed"


def _intent_values(node: Located | None) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for slot, mapping in slot_mappings(node):
        if mapping.get("type") == "from_intent" and "value" in mapping and "intent" in mapping:
            found.setdefault(slot, []).append((mapping["intent"], mapping["value"]))
    return {slot: tuple(pairs) for slot, pairs in found.items()}


def slot_mappings(node: Located | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (slot, the mapping's plain keys) of every mapping under a file's ``slots``."""
    slots = node.value if node is not None and isinstance(node.value, dict) else {}
    for slot, entry in slots.items():
        inner = entry.value if isinstance(entry.value, dict) else {}
        mappings = inner["mappings"].value if "mappings" in inner else None
        for one in mappings if isinstance(mappings, list) else ():
            keys = one.value if isinstance(one.value, dict) else {}
            plain = {name: str(key.value) for name, key in keys.items()}
            yield slot, plain | ({"conditions": "yes"} if "conditions" in keys else {})


def _slots_of_forms(node: Located | None) -> dict[str, tuple[str, ...]]:
    """Return the slots of forms as Rasa 2.0 wrote them: as keys of the form itself."""
    forms = node.value if node is not None and isinstance(node.value, dict) else {}
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in forms.items():
        inner = entry.value if isinstance(entry.value, dict) else {}
        if _LIST_OF_SLOTS not in inner:
            found[name] = tuple(
                slot for slot, mappings in inner.items() if isinstance(mappings.value, list)
            )
    return {name: slots for name, slots in found.items() if slots}


def _completed(
    forms: tuple[tuple[str, tuple[str, ...]], ...], old: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, slots or old.get(name, ())) for name, slots in forms)
