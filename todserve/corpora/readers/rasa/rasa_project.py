"""A folder of Rasa's files, read whole and written whole.

`dialogue_layouts`, ``tod data`` and the conversion of bots open Rasa projects with it. A file is
what its keys say, as in Rasa: ``nlu``, ``stories``, ``intents`` and so on in YAML,
``rasa_nlu_data`` in JSON, ``## intent:`` or stories in Markdown; other files are none of ours.
Example: ``read_project(Path("bot"), ...)``.

Of a folder, what it is tested with is left out, as Rasa leaves it out of training.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.folder_files import own_file
from todserve.corpora.files.located_files import read_located
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_domain import KEYS as DOMAIN_KEYS
from todserve.corpora.readers.rasa.rasa_domain import (
    domain_tree,
    foreign_form_keys,
    joined_written,
    read_domain,
)
from todserve.corpora.readers.rasa.rasa_json import KEY as OLD_KEY
from todserve.corpora.readers.rasa.rasa_json import read_old_json
from todserve.corpora.readers.rasa.rasa_markdown import read_markdown
from todserve.corpora.readers.rasa.rasa_nlu import nlu_tree, read_nlu
from todserve.corpora.readers.rasa.rasa_slots import written_value
from todserve.corpora.readers.rasa.rasa_sources import SUFFIXES, is_test, own_sources, read_loosely
from todserve.corpora.readers.rasa.rasa_stories import read_stories, story_tree
from todserve.corpora.readers.rasa.rasa_types import (
    SERVICE,
    Place,
    RasaDomain,
    RasaNlu,
    RasaProject,
    RasaStory,
    joined_nlu,
)
from todserve.corpora.readers.rasa.rasa_yaml import to_yaml

SERVICE_FILE = "service."
"""A domain file ``service.hotel.yml`` describes service ``hotel``; its slots are ``hotel-area``."""

_UNREAD = ("flows", "test_cases")
"""What Rasa Pro says for a language model of its own; nothing here is made of it."""

_DIALOGFLOW = "_usersays_"
_OTHER_TOOLS = ('"luis_schema_version"', '"utterances"')

_YAML_KEY = re.compile(
    rf"^(nlu|stories|rules|{'|'.join(sorted(DOMAIN_KEYS | {*_UNREAD}))})\s*:", re.MULTILINE
)


def rasa_files(path: Path, report: ReadReport | None = None) -> Iterator[Path]:
    """Yield the files at ``path``, or below it, that look like Rasa's.

    Args:
        path: a folder, or one file.
        report: counts what stands below the folder and is none of the project's.
    """
    if path.is_file():
        if path.suffix in SUFFIXES and _is_rasa(path):
            yield path
        return
    found, left = own_sources(path)
    for one in left if report is not None else ():
        if report is not None and (one.is_dir() or _is_rasa(own_file(path, _inner(one, path)))):
            report.skipped("file: not the project's own, left alone", str(one))
    for file in found:
        if _is_rasa(own_file(path, _inner(file, path))):
            yield file
        elif report is not None and _is_of_another_tool(file):
            report.skipped("file: training data of another tool, not read", str(file))


def _inner(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _is_rasa(file: Path) -> bool:
    text = read_loosely(file)
    if file.suffix == ".json":
        return f'"{OLD_KEY}"' in text
    if file.suffix == ".md":
        return read_markdown(file, ReadReport(), []) is not None
    return _YAML_KEY.search(text) is not None


def _is_of_another_tool(file: Path) -> bool:
    """Say whether a file is LUIS's, wit.ai's or Dialogflow's, which Rasa 1 and 2 read as well."""
    if file.suffix != ".json":
        return False
    return _DIALOGFLOW in file.name or any(key in read_loosely(file) for key in _OTHER_TOOLS)


def read_project(path: Path, report: ReadReport, faults: list[Fault]) -> RasaProject:
    """Return everything at ``path``.

    Args:
        path: a folder, or one file.
        report: counts what is left out or changed.
        faults: every fault is added, with its file and line.
    """
    nlu: list[RasaNlu] = []
    domains: list[RasaDomain] = []
    stories: list[RasaStory] = []
    rules: list[Mapping[str, Any]] = []
    for file in rasa_files(path, report):
        if path.is_dir() and is_test(file, path):
            report.skipped("file: test stories", str(file))
            continue
        if file.suffix == ".md":
            content = read_markdown(file, report, faults)
            if content is not None:
                nlu.append(content.nlu)
                stories += content.stories
            continue
        root = read_located(file, faults)
        keys = root.mapping("file", faults) if root is not None else {}
        found = {name: node for name, node in keys.items() if node.value is not None}
        for name in _UNREAD:
            if name in found:
                report.skipped(f"key: {name}", f"{file}:{found[name].line}")
        if OLD_KEY in found:
            nlu.append(read_old_json(found[OLD_KEY], faults))
        if "nlu" in found:
            nlu.append(read_nlu(found["nlu"], faults))
        if "stories" in found:
            stories += read_stories(found["stories"], report, faults)
        if "rules" in found:
            for rule in found["rules"].sequence("rules", faults):
                report.skipped("rule", f"{rule.file}:{rule.line}")
                if isinstance(rule.value, dict):
                    rules.append(written_value(rule))
        if DOMAIN_KEYS & set(found):
            domains.append(_domain(file, found, faults))
    _name_twice_told(domains, report)
    return RasaProject(
        nlu=joined_nlu(nlu), domains=tuple(domains), stories=tuple(stories), rules=tuple(rules)
    )


def _name_twice_told(domains: list[RasaDomain], report: ReadReport) -> None:
    """Count what two files of a domain say differently: the last one stands."""
    told: dict[tuple[str, str, str], object] = {}
    for domain in domains:
        written = domain.written
        parts: dict[str, dict[str, object]] = {
            "slot": {slot.name: slot for slot in domain.slots},
            "form": {name: _inner_tree(written, "forms", name) or () for name, _ in domain.forms},
            "response": {
                name: _inner_tree(written, "responses", name)
                or _inner_tree(written, "templates", name)
                for name, _ in domain.responses
            },
        }
        for kind, found in parts.items():
            for name, one in found.items():
                if told.setdefault((domain.service, kind, name), one) != one:
                    where = f"{domain.place.file} {name}"
                    report.skipped(f"{kind}: said otherwise in an earlier file", where)
                told[domain.service, kind, name] = one


def _inner_tree(written: Mapping[str, Any], part: str, name: str) -> Any:
    tree = written.get(part)
    return tree.get(name) if isinstance(tree, Mapping) else None


def _domain(file: Path, keys: dict[str, Located], faults: list[Fault]) -> RasaDomain:
    named = file.stem.startswith(SERVICE_FILE)
    service = unquote(file.stem.removeprefix(SERVICE_FILE)) if named else SERVICE
    return read_domain(keys, service, Place(file=str(file), line=1), faults)


def write_project(project: RasaProject, folder: Path, report: ReadReport) -> None:
    """Write a project as ``data/nlu.yml``, stories, rules and ``domain.yml``.

    Domains of named services go to ``domain/service.NAME.yml`` instead; train with
    ``rasa train --domain domain`` then.

    Args:
        project: what to write.
        folder: is made; files in it are overwritten.
        report: counts the examples that Rasa has no way to write.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    entries, unwritable = nlu_tree(project.nlu)
    for example in unwritable:
        report.skipped(
            "example: Rasa cannot write it", f"{example.place.file}:{example.place.line}"
        )
    if entries:
        (folder / "data" / "nlu.yml").write_text(to_yaml({"nlu": entries}), "utf-8")
    if project.stories:
        stories = [story_tree(story) for story in project.stories]
        (folder / "data" / "stories.yml").write_text(to_yaml({"stories": stories}), "utf-8")
    if project.rules:
        rules = [dict(one) for one in project.rules]
        (folder / "data" / "rules.yml").write_text(to_yaml({"rules": rules}), "utf-8")
    by_file: dict[Path, RasaDomain] = {}
    for domain in project.domains:
        if domain.service == SERVICE:
            path = folder / "domain.yml"
        else:
            file = f"{SERVICE_FILE}{quote(domain.service, safe='')}.yml"
            path = own_file(folder, f"domain/{file}")
        known = by_file.get(path)
        by_file[path] = domain if known is None else _joined(known, domain)
    for path, domain in by_file.items():
        for form, key in foreign_form_keys(domain):
            report.skipped("form: a key that Rasa 3 refuses", f"{form} {key}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(to_yaml(domain_tree(domain)), "utf-8")


def _joined(first: RasaDomain, second: RasaDomain) -> RasaDomain:
    """Return two domain files of one service as one; Rasa joins them so as well."""
    slots = {slot.name: slot for slot in (*first.slots, *second.slots)}
    return replace(
        first,
        intents=tuple(dict.fromkeys([*first.intents, *second.intents])),
        entities=tuple(dict.fromkeys([*first.entities, *second.entities])),
        slots=tuple(slots.values()),
        responses=tuple(dict([*first.responses, *second.responses]).items()),
        actions=tuple(dict.fromkeys([*first.actions, *second.actions])),
        forms=tuple(dict([*first.forms, *second.forms]).items()),
        written=joined_written(first.written, second.written),
    )
