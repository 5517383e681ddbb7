"""Read STAR: replies, their acts, domains, and what the wizard queried.

Stands between the corpus and training. A dialogue is a list of events: users and wizards utter,
wizards pick suggested replies by their label, select tasks, query APIs and get one result.
Example: label ``hotel_ask_date_from`` is ``hotel / hotel_ask_date_from``, ``goodbye_1`` is
``general / goodbye_1``.

A belief state is known only where the wizard wrote it down: at a turn with a query, as all
queries so far say, the latest of each API. Intents are not annotated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from todserve.corpora.exchanges import exchanges
from todserve.corpora.json_files import layout, parsed
from todserve.corpora.labels import label
from todserve.corpora.report import ReadReport, with_progress
from todserve.corpora.source import CorpusSource
from todserve.corpora.star_query import api_services, domain_of, query_slots
from todserve.corpora.yielding import begun, kept
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service

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
    if split != "train":
        raise CorpusError(f"unknown split {split!r} of star; expected train, which is all of it")
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
