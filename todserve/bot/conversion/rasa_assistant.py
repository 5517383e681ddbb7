"""A Rasa project read for conversion: what the readers of corpora give, and what only a bot needs.

The conversion of a Rasa project calls it first. Example:
``read_assistant(Path("their-bot"), report, faults).forms["book_form"]`` are the slots of a form.

The readers of `corpora` leave out rules and test stories and count them, since training does not
want them; here they are what says how the bot behaves, and how its authors tested it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.folder_files import own_file
from todserve.corpora.files.located_files import read_located
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import rasa_files, read_project
from todserve.corpora.readers.rasa.rasa_slots import sources_of
from todserve.corpora.readers.rasa.rasa_sources import is_test, own_sources, read_loosely
from todserve.corpora.readers.rasa.rasa_stories import read_stories, set_slots
from todserve.corpora.readers.rasa.rasa_types import (
    Place,
    RasaDomain,
    RasaMapping,
    RasaProject,
    RasaSlot,
    RasaStory,
    SlotStep,
)

# What the readers leave out and a conversion reads itself.
_RULE_KEYS = frozenset({"rule", "steps", "condition", "conversation_start"})
_YAML = (".yml", ".yaml")
_SETTINGS = re.compile(r"^(pipeline|policies|action_endpoint)\s*:", re.MULTILINE)
_READ_HERE = ("rule", "file: test stories", "step: active_loop", "step: form")


@dataclass(frozen=True, kw_only=True, slots=True)
class Assistant:
    """Everything a project says that a bot can use.

    Attributes:
        project: what it trains with; its domains have the forms of every Rasa version.
        rules: what always happens: one exchange each, or the end of a form.
        tests: the stories it is tested with.
        trees: the files by name as they are written, settings such as config.yml included.
    """

    project: RasaProject
    rules: tuple[RasaStory, ...] = ()
    tests: tuple[RasaStory, ...] = ()
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
    def slots(self) -> dict[str, RasaSlot]:
        """The slots by name, of all domain files."""
        return {slot.name: slot for one in self.project.domains for slot in one.slots}

    def ignored(self, form: str) -> tuple[str, ...]:
        """Return the intents of messages that a form takes nothing from."""
        found: list[str] = []
        for node in self.top("forms"):
            inner = node.value[form].value if self._has(node, form) else None
            ignored = inner.get("ignored_intents") if isinstance(inner, dict) else None
            given = ignored.value if ignored is not None else None
            entries = given if isinstance(given, list) else [] if given is None else [ignored]
            found += [str(one.value) for one in entries if one is not None]
        return tuple(found)

    @property
    def triggers(self) -> dict[str, tuple[str, Place]]:
        """The actions that intents of Rasa 1 lead to by themselves, and where that stands."""
        found: dict[str, tuple[str, Place]] = {}
        for node in self.top("intents"):
            for entry in node.value if isinstance(node.value, list) else ():
                for intent, options in entry.value.items() if isinstance(entry.value, dict) else ():
                    if self._has(options, "triggers"):
                        one = options.value["triggers"]
                        found[intent] = str(one.value), Place(file=one.file, line=one.line)
        return found

    @staticmethod
    def _has(node: Located, name: str) -> bool:
        return isinstance(node.value, dict) and name in node.value

    @property
    def intent_values(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """What intents alone make of slots: ``outdoor`` -> (``affirm``, ``true``) and so on."""
        found = {
            slot.name: tuple(
                (intent, one.value)
                for one in slot.mappings or ()
                if one.type == "from_intent" and one.value is not None
                for intent in one.intents
            )
            for slot in self.slots.values()
        }
        return {slot: pairs for slot, pairs in found.items() if pairs}

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
    project = with_entity_slots(read_project(path, report, faults))
    trees = tuple(_trees(path, report, faults))
    rules: list[RasaStory] = []
    for tree in trees:
        keys = tree.value if isinstance(tree.value, dict) else {}
        rules += _rules(keys.get("rules"), report, faults)
    tests: list[RasaStory] = []
    for file in rasa_files(path):
        if is_test(file, path):
            stories = read_project(file, report, faults).stories
            if not stories:
                report.skipped("file: of tests, without a story", str(file))
            tests += stories
    for name in _READ_HERE:
        report.notes.pop(name, None)
    return Assistant(
        project=project,
        rules=tuple(rules),
        tests=tuple(tests),
        trees=trees,
    )


def with_entity_slots(project: RasaProject) -> RasaProject:
    """Return a project in which every entity fills a slot, one of its own name if need be.

    A model tells slots alone; rules and actions may ask for the others, too.
    """
    slots = [slot for one in project.domains for slot in one.slots]
    taken = {slot.name for slot in slots} | {one.entity for s in slots for one in sources_of(s)}
    domains = []
    for domain in project.domains:
        roles = _roles(domain)
        own = [
            RasaSlot(
                name=entity if role is None else f"{entity}_{role}",
                type="any",
                mappings=(RasaMapping(type="from_entity", entity=entity, role=role),),
                influences=False,
                place=domain.place,
            )
            for entity in dict.fromkeys(domain.entities)
            if entity not in taken
            for role in roles.get(entity, (None,))
        ]
        taken |= {*domain.entities}
        kept = [one for one in own if one.name not in {slot.name for slot in slots}]
        domains.append(replace(domain, slots=(*domain.slots, *kept)))
    return replace(project, domains=tuple(domains))


def _roles(domain: RasaDomain) -> dict[str, tuple[str, ...]]:
    """Return the roles of each entity that has any."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in domain.written.get("entities") or ():
        for name, options in entry.items() if isinstance(entry, dict) else ():
            roles = options.get("roles") if isinstance(options, dict) else None
            if isinstance(roles, list) and roles:
                found[name] = tuple(map(str, roles))
    return found


def _trees(path: Path, report: ReadReport, faults: list[Fault]) -> Iterator[Located]:
    own = [
        path / f"{name}{suffix}"
        for name in ("config", "endpoints", "credentials")
        for suffix in (".yml", ".yaml")
    ]
    # The readers have noted the faults of their files already.
    for file in rasa_files(path):
        if file.suffix != ".md" and file not in own and not is_test(file, path):
            tree = read_located(file, [])
            if tree is not None:
                yield tree
    for file in own:
        if file.is_file():
            tree = read_located(own_file(path, file.name), faults)
            if tree is not None:
                yield tree
    for file in own_sources(path)[0]:
        if file not in own and file.suffix in _YAML and _SETTINGS.search(read_loosely(file)):
            report.skipped("file: settings in another place than Rasa's, not read", str(file))


def _rules(node: Located | None, report: ReadReport, faults: list[Fault]) -> Iterator[RasaStory]:
    """Yield the rules, each with its conditions."""
    for entry in node.value if node is not None and isinstance(node.value, list) else ():
        keys = entry.value if isinstance(entry.value, dict) else {}
        story = {("story" if key == "rule" else key): one for key, one in keys.items()}
        entries = Located(value=[replace(entry, value=story)], file=entry.file, line=entry.line)
        where = f"{entry.file}:{entry.line}"
        for key in keys:
            if key not in _RULE_KEYS:
                report.skipped(f"rule: {key}", where)
        form, slots = _conditions(keys.get("condition"), report)
        starts = "conversation_start" in keys and str(keys["conversation_start"].value) == "true"
        for rule in read_stories(entries, report, faults):
            yield replace(rule, form=form, conditions=tuple(slots), starts=starts)


def _conditions(node: Located | None, report: ReadReport) -> tuple[str | None, list[SlotStep]]:
    form: str | None = None
    slots: list[SlotStep] = []
    entries = node.value if node is not None and isinstance(node.value, list) else [node]
    for entry in entries:
        keys = entry.value if entry is not None and isinstance(entry.value, dict) else {}
        for key, one in keys.items():
            place = Place(file=one.file, line=one.line)
            if key == "active_loop":
                form = None if one.value is None else str(one.value)
            elif key == "slot_was_set":
                given = one.value if isinstance(one.value, list) else [one]
                slots += [step for inner in given for step in set_slots(inner, place)]
            else:
                report.skipped(f"rule: condition {key}", f"{one.file}:{one.line}")
    return form, slots
