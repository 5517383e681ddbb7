"""STAR's queries as belief states: what the wizard asked an API for.

Stands between `star` and the dialogue types. Example: constraint ``5 pm`` on StartTimeHour of
``party_plan`` is ``party: StartTimeHour 17:00``; ``api.is_at_most(288)`` is ``at most 288``.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from todserve.corpora.labels import label
from todserve.corpora.report import ReadReport
from todserve.corpora.values import SEVERAL_VALUES, known_spelling, schema_value
from todserve.runtime.language.schema import Schema, Service, Slot

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
        value = json.loads(argument)
    except ValueError:
        value = argument  # wizards also typed 0314 and True, which are no JSON
    several = isinstance(value, list) and len(value) > 1
    if isinstance(value, list):
        value = value[0] if value else None
    return ("" if value is None or value == "" else f"{words}{value}"), several
