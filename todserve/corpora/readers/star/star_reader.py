"""Read STAR: replies, their acts, domains, and what the wizard queried.

Called by `corpora.registry` when training or an evaluation asks for the corpus. A dialogue is a
list of events: users and wizards utter, wizards pick suggested replies by their label, select
tasks, query APIs and get one result. Example: label ``hotel_ask_date_from`` is
``hotel / hotel_ask_date_from``, ``goodbye_1`` is ``general / goodbye_1``.

A belief state is known only where the wizard wrote it down: at a turn with a query, as all queries
so far say, the latest of each API. Intents are not annotated.

A query becomes a belief state by what the wizard asked the API for: constraint ``5 pm`` on
StartTimeHour of ``party_plan`` is ``party: StartTimeHour 17:00``; ``api.is_at_most(288)`` is ``at
most 288``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import layout, parsed
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.slot_values import SEVERAL_VALUES, known_spelling, schema_value
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.untrusted.json_text import parse_json

DOMAINS = (
    *("apartment", "bank", "doctor", "hotel", "meeting", "party", "plane"),
    *("restaurant", "ride", "spaceship", "trip", "trivia", "weather"),
)
"""The domains of the scenarios; the films that ``apis/`` also has are in no dialogue."""

_CLOSED = frozenset({"Categorical", "RequestType"})
_BOOLEAN = ("true", "false")
_COMPARISON = re.compile(r"api\.(\w+)\((.*)\)", re.DOTALL)
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "is_equal_to": "",
        "is_one_of": "",
        "contains": "",
        "contains_not": "not ",
        "is_not": "not ",
        "is_at_least": "at least ",
        "is_at_most": "at most ",
        "is_less_than": "less than ",
        "is_greater_than": "greater than ",
    }
)


def domain_of(name: str) -> str | None:
    """Return the domain that the name of an API, a task or an act begins with, if any."""
    first = name.partition("_")[0]
    return first if first in DOMAINS else None


def api_services(apis: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Service, ...]:
    """Return one service a domain: the inputs of its APIs.

    An input that several APIs of a domain have is one slot, with the values of all; it is closed
    only where all of them close it.

    Args:
        apis: (name, description) of each.
    """
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for api, description in sorted(apis, key=lambda pair: pair[0]):
        domain = domain_of(api)
        if domain is not None:
            for one in description["input"]:
                found.setdefault(domain, {}).setdefault(label(one["Name"]), []).append(one)
    return tuple(
        Service(name=domain, slots=tuple(_slot(name, same) for name, same in inputs.items()))
        for domain, inputs in sorted(found.items())
    )


def _slot(name: str, inputs: Sequence[Mapping[str, Any]]) -> Slot:
    if all(one["Type"] == "Boolean" for one in inputs):
        return Slot(name=name, categorical=True, values=_BOOLEAN)
    known = [known_spelling(value) for one in inputs for value in one.get("Categories", ())]
    return Slot(
        name=name,
        categorical=all(one["Type"] in _CLOSED for one in inputs),
        values=tuple(dict.fromkeys(known)),
        description=str(inputs[0].get("ReadableName", "")),
    )


def query_slots(
    api: str,
    constraints: Sequence[Mapping[str, str]],
    schema: Schema,
    where: str,
    report: ReadReport,
) -> dict[str, str]:
    """Return slot -> value of one query; of a slot given twice, the later stands.

    Args:
        api: its name.
        constraints: one slot and its constraint each, as published.
        schema: of `api_services`.
        where: for the report.
        report: of the reading.
    """
    domain = domain_of(api) or ""
    slots: dict[str, str] = {}
    for constraint in constraints:
        for name, raw in constraint.items():
            slot = label(name)
            if not schema.has(domain, slot):
                report.skipped("constraint: no input of its API", f"{where} {api} {name}")
                continue
            text, several = _constraint(raw)
            if several:
                report.changed(SEVERAL_VALUES, f"{where} {api} {name}")
            value = schema_value(schema, (domain, slot), text, where, report)
            if value is None:
                continue
            if slots.get(slot, value) != value:
                report.changed("constraint: given twice, last kept", f"{where} {api} {name}")
            slots[slot] = value
    return slots


def _constraint(raw: str) -> tuple[str, bool]:
    """Return the text of a constraint, "" for none, and whether it had several values."""
    comparison = _COMPARISON.fullmatch(raw.strip())
    words, argument = ("", raw.strip())
    if comparison is not None and comparison[1] in _WORDS:
        words, argument = _WORDS[comparison[1]], comparison[2]
    try:
        value = parse_json(argument)
    except ValueError:
        value = argument  # wizards also typed 0314 and True, which are no JSON
    several = isinstance(value, list) and len(value) > 1
    if isinstance(value, list):
        value = value[0] if value else None
    return ("" if value is None or value == "" else f"{words}{value}"), several


_DIALOGUES = 6652
_SPOKEN = ("utter", "pick_suggestion")
_PUBLISHER = "STAR"


@dataclass(kw_only=True, slots=True)
class _Utterance:
    """One utterance, with the events between the one before it and itself."""

    event: Mapping[str, Any]
    before: list[Mapping[str, Any]] = field(default_factory=list)


def read_star(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``dialogues/*.json``.

    Args:
        source: the corpus.
        split: ``train``; the publisher has no splits, so everything is in it.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: another split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    schema = Schema(services=star_services(source))
    files = source.files("dialogues", ".json")
    for path, content in with_progress(files, progress=progress, label="star", total=_DIALOGUES):
        entry = parsed(content, path)
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["DialogueID"])
            turns = tuple(_turns(entry, dialogue_id, schema, report))
        yield from kept(dialogue_id, turns, source, split, report, where=path)


def star_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return one service a domain, with the inputs of its APIs as slots, and no intents."""
    found = []
    for path, content in source.files("apis/apis", ".json"):
        name = path.rpartition("/")[2].removesuffix(".json")
        found.append((name, parsed(content, path)))
    if not found:
        raise CorpusError(
            f"{source.publisher.title} at {source.location} has no apis/apis/*.json; "
            f"its publisher has them: {source.publisher.url}"
        )
    with layout("apis/apis", _PUBLISHER):
        return api_services(found)


def _turns(
    entry: Mapping[str, Any], dialogue_id: str, schema: Schema, report: ReadReport
) -> Iterator[Turn]:
    domain = _only_domain(entry["Scenario"])
    several = domain is None
    queries: dict[str, dict[str, str]] = {}
    said = _utterances(entry["Events"])
    for index, (user, system) in enumerate(exchanges(said, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        _query(user.before, queries, schema, where, report)
        events = system.before if system else []
        asked = _query(events, queries, schema, where, report)
        named = None if system is None else system.event.get("ActionLabel")
        if system is not None and named is None:
            report.missing("acts: reply typed, not picked", where)
        if several:
            domain = _last_domain(events, named) or domain
        yield Turn(
            user=user.event["Text"],
            belief_state=_state(queries) if asked else None,
            active_domain=domain,
            dialogue_acts=None
            if named is None
            else (DialogueAct(domain=domain_of(named) or GENERAL, act=label(named)),),
            system=system.event["Text"] if system else None,
            database_matches=_matches(events),
        )


def _utterances(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[bool, _Utterance]]:
    before: list[Mapping[str, Any]] = []
    for event in events:
        if event["Action"] in _SPOKEN:
            yield event["Agent"] == "User", _Utterance(event=event, before=before)
            before = []
        else:
            before.append(event)


def _query(
    events: Sequence[Mapping[str, Any]],
    queries: dict[str, dict[str, str]],
    schema: Schema,
    where: str,
    report: ReadReport,
) -> bool:
    """Put the queries among ``events`` into ``queries``; say whether there were any."""
    asked = [event for event in events if event["Action"] == "query"]
    for event in asked:
        api = event["APIName"]
        queries.pop(api, None)  # the latest comes last and stands
        queries[api] = query_slots(api, event["Constraints"], schema, where, report)
    return bool(asked)


def _state(queries: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    state: dict[str, dict[str, str]] = {}
    for api, slots in queries.items():
        domain = domain_of(api)
        if domain is not None and slots:
            state.setdefault(domain, {}).update(slots)
    return state


def _only_domain(scenario: Mapping[str, Any]) -> str | None:
    """Return the domain of a scenario with one; its tasks name it where the list does not."""
    domains = {domain_of(one["Task"]) for one in scenario["WizardCapabilities"]}
    return domains.pop() if len(domains) == 1 else None


def _last_domain(events: Sequence[Mapping[str, Any]], named: str | None) -> str | None:
    """Return the domain of the last task, query or act that has one."""
    names = [str(event.get("APIName") or event.get("Task") or "") for event in events]
    found = [domain for name in [*names, named or ""] if (domain := domain_of(name))]
    return found[-1] if found else None


def _matches(events: Sequence[Mapping[str, Any]]) -> int | None:
    """Return how many entities the last query found; -1 says that its API does not count."""
    counts = [event["TotalItems"] for event in events if event["Action"] == "return_item"]
    return int(counts[-1]) if counts and counts[-1] >= 0 else None


READER = Reader(
    publisher=Publisher(
        name="star",
        title="STAR",
        licence="MIT",
        url="https://github.com/RasaHQ/STAR",
        archive="star.tar.xz",
        markers=("apis/apis/hotel_book.json", "dialogues/1.json"),
        splits=("train",),
        caution="no official splits: everything is train; states stand at turns with a query only",
    ),
    read=read_star,
    services=star_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
