"""TurnRequest: what a client asks for one turn, checked once.

Servers parse bodies into it before the pipeline answers: JSON (bytes, text or already a mapping)
in, a TurnRequest or a RequestError with the fix out. A request that a program makes for itself is
checked in the same way, and may hold what JSON holds: mappings in the place of exchanges, or the
slots of an earlier answer in ``state``. Domains and slots are checked later, against the
checkpoint's schema. The checks are written by hand because pydantic's messages name no fix and,
unless told not to, quote what somebody said; nor does it count characters over all keys together.
Example: ``parse_request({"user": "a train to ely", "state": {"train": {"day": "friday"}}})``.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any, Self

from pydantic import ValidationError

from todserve.runtime.errors import DataError, RequestError
from todserve.runtime.language.dialogue import DELETED, BeliefState, Slots
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.body import read_body, read_text
from todserve.runtime.wire.key_checks import (
    Budget,
    check_keys,
    is_request_id,
    nearest,
    quote,
    wrong,
)
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.response import NormalisedValue, SlotPrediction

DEFAULT_TOP_K = 5
ALL_TASKS = tuple(TaskName)

_KEYS = ("user", "history", "state", "corrected", "domain", "tasks", "top_k", "now")
_TASKS = {str(task): task for task in ALL_TASKS}
_LONGEST_MOMENT = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRequest:
    """What a client sends to have one turn answered.

    Attributes:
        user: the new utterance, stripped, at least one character.
        history: the exchanges before it, oldest first; system turns plain or delexicalised.
        state: the belief state before it, plain values.
        state_confidence: domain -> slot -> [0, 1], for those slots of ``state`` that carry one.
        state_meant: domain -> slot -> what its value was found to mean when it was said, for those
            that carry it.
        corrected: domain -> slots that a person has set or taken out of ``state``: only new words
            about one change it.
        domain: the active domain before it.
        tasks: what to answer, each once, in the client's order.
        top_k: database results to list.
        now: what time it is where the user is, with its distance from UTC: what "tomorrow" is
            meant from. None for the server's clock.
        request_id: names the turn in a server's log; no part of the body.
        limits: what is too much; not kept.

    Raises:
        RequestError: what is wrong, what was expected, and the fix.
    """

    user: str
    history: tuple[Exchange, ...] = ()
    state: BeliefState = field(default_factory=dict)
    state_confidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    state_meant: Mapping[str, Mapping[str, NormalisedValue]] = field(default_factory=dict)
    corrected: Slots = field(default_factory=dict)
    domain: str | None = None
    tasks: tuple[TaskName, ...] = ALL_TASKS
    top_k: int = DEFAULT_TOP_K
    now: datetime | None = None
    request_id: str | None = None
    limits: InitVar[RequestLimits] = DEFAULT_LIMITS

    def __post_init__(self, limits: RequestLimits) -> None:
        """Check every key, and bring it into the form that later stages trust."""
        budget = Budget(limits)
        state, confidence, meant = _state(self.state, budget)
        _add_confidences(confidence, self.state_confidence)
        self._put(
            user=_utterance("user", self.user, budget),
            history=_history(self.history, budget),
            state=state,
            state_confidence=confidence,
            state_meant=meant,
            corrected=_corrected(self.corrected, budget),
            domain=_domain(self.domain, budget),
            tasks=_tasks(self.tasks),
            top_k=_top_k(self.top_k, limits),
            now=told_moment(self.now),
            request_id=_request_id(self.request_id),
        )

    @classmethod
    def of_corpus(
        cls,
        *,
        user: str,
        history: tuple[Exchange, ...],
        state: BeliefState,
        domain: str | None,
    ) -> Self:
        """Return the request of a labelled turn as its corpus has it, however long, unchecked.

        Its reader has checked it, and what a corpus says is scored and not refused.
        """
        made = object.__new__(cls)
        made._put(
            user=user,
            history=history,
            state=state,
            state_confidence={},
            state_meant={},
            corrected={},
            domain=domain,
            tasks=ALL_TASKS,
            top_k=DEFAULT_TOP_K,
            now=None,
            request_id=None,
        )
        return made

    def asking(self, tasks: tuple[TaskName, ...]) -> Self:
        """Return the same request for these tasks."""
        other = copy.copy(self)
        other._put(tasks=tasks)
        return other

    def _put(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def parse_request(body: object, *, limits: RequestLimits = DEFAULT_LIMITS) -> TurnRequest:
    """Return the request in ``body``: a mapping, or its JSON as text or UTF-8 bytes.

    ``null`` for an optional key means the same as leaving the key out, so that a client may send
    parts of our own response back unchanged.

    Raises:
        RequestError: what is wrong, what was expected, and the fix.
    """
    request = read_body(body, limits)
    check_keys("request", request, _KEYS)
    if "user" not in request:
        raise RequestError('request: key "user" is missing; send {"user": "..."}')
    given: dict[str, Any] = {"top_k": None, **{str(key): of for key, of in request.items()}}
    return TurnRequest(**given, limits=limits)


def parse_text(body: object, *, limits: RequestLimits = DEFAULT_LIMITS) -> TurnRequest:
    """Return the request that a ``text/plain`` body is: one bare utterance, no history.

    Raises:
        RequestError: not text, not UTF-8, empty, too long, or a JSON object.
    """
    text = read_text(body, limits) if isinstance(body, bytes | bytearray | str) else body
    if isinstance(text, str) and _holds_an_object(text):
        raise RequestError(
            "request: got a JSON object as text/plain, which is a bare utterance; send it with "
            "Content-Type: application/json"
        )
    given: dict[str, Any] = {"user": text, "top_k": None}
    return TurnRequest(**given, limits=limits)


def _holds_an_object(text: str) -> bool:
    # A browser's fetch says text/plain of a text unless it is told otherwise.
    if not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(parse_json(text), dict)
    except DataError:
        return False


def request_body(request: TurnRequest) -> dict[str, object]:
    """Return the JSON object that a server parses back into ``request``; defaults are left out."""
    body: dict[str, object] = {
        "user": request.user,
        "history": [{"user": past.user, "system": past.system} for past in request.history],
        "state": {
            domain: {
                slot: _sent(
                    value,
                    request.state_confidence.get(domain, {}).get(slot),
                    request.state_meant.get(domain, {}).get(slot),
                )
                for slot, value in slots.items()
            }
            for domain, slots in request.state.items()
        },
    }
    if request.corrected:
        body["corrected"] = {domain: list(slots) for domain, slots in request.corrected.items()}
    if request.domain is not None:
        body["domain"] = request.domain
    if request.tasks != ALL_TASKS:
        body["tasks"] = [str(task) for task in request.tasks]
    if request.top_k != DEFAULT_TOP_K:
        body["top_k"] = request.top_k
    if request.now is not None:
        body["now"] = request.now.isoformat()
    return body


def _sent(value: str, confidence: float | None, meant: NormalisedValue | None) -> object:
    if confidence is None and meant is None:
        return value
    return SlotPrediction(value=value, confidence=confidence, normalised=meant).model_dump()


def _utterance(what: str, value: object, budget: Budget, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise wrong(what, value, "a text")
    most = budget.limits.max_characters
    if what == "user" and len(value) > most:
        raise RequestError(
            f"user: got {len(value)} characters; expected at most {most}, and no more than the "
            "checkpoint reads, which may be fewer; send a shorter one"
        )
    text = budget.take(what, value, most).strip()
    if not text and not empty:
        raise RequestError(f"{what}: the text is empty; send at least one character")
    return text


def _history(value: object, budget: Budget) -> tuple[Exchange, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise wrong("history", value, "an array", 'send [{"user": "...", "system": "..."}]')
    if len(value) > budget.limits.max_turns:
        raise RequestError(
            f"history: got {len(value)} turns; expected at most {budget.limits.max_turns}; "
            "send the newest"
        )
    return tuple(
        _exchange(f"history[{index}]", exchange, budget) for index, exchange in enumerate(value)
    )


def _exchange(what: str, value: object, budget: Budget) -> Exchange:
    if isinstance(value, Exchange):
        value = {"user": value.user, "system": value.system}
    if not isinstance(value, Mapping):
        raise wrong(what, value, "an object", 'send {"user": "...", "system": "..."}')
    check_keys(what, value, ("user", "system"))
    for key in ("user", "system"):
        if key not in value:
            raise RequestError(f'{what}: key "{key}" is missing; expected user and system')
    return Exchange(
        user=_utterance(f"{what}.user", value["user"], budget),
        # A model may have said nothing, and the client then sends that back.
        system=_utterance(f"{what}.system", value["system"], budget, empty=True),
    )


def _state(
    value: object, budget: Budget
) -> tuple[
    dict[str, dict[str, str]], dict[str, dict[str, float]], dict[str, dict[str, NormalisedValue]]
]:
    """Return state, ``state_confidence`` and ``state_meant``, without domains that have no slot."""
    state: dict[str, dict[str, str]] = {}
    confidence: dict[str, dict[str, float]] = {}
    meant: dict[str, dict[str, NormalisedValue]] = {}
    if value is None:
        return state, confidence, meant
    if not isinstance(value, Mapping):
        raise wrong("state", value, "an object", 'send {"domain": {"slot": "value"}}')
    for domain, slots in value.items():
        name = _name("state", domain, budget)
        if not isinstance(slots, Mapping):
            raise wrong(f"state.{name}", slots, "an object", 'send {"slot": "value"}')
        for slot, entry in slots.items():
            what = f"state.{name}.{_name(f'state.{name}', slot, budget)}"
            text, probability, normalised = _slot_value(what, entry, budget)
            state.setdefault(name, {})[slot] = text
            if probability is not None:
                confidence.setdefault(name, {})[slot] = probability
            if normalised is not None:
                meant.setdefault(name, {})[slot] = normalised
    count = sum(map(len, state.values()))
    if count > budget.limits.max_slots:
        raise RequestError(f"state: got {count} slots; expected at most {budget.limits.max_slots}")
    return state, confidence, meant


def _corrected(value: object, budget: Budget) -> dict[str, tuple[str, ...]]:
    """Return ``corrected``; domains without slots are left out."""
    fix = 'send {"domain": ["slot"]}'
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong("corrected", value, "an object", fix)
    corrected: dict[str, tuple[str, ...]] = {}
    for domain, slots in value.items():
        name = _name("corrected", domain, budget)
        if not isinstance(slots, list | tuple):
            raise wrong(f"corrected.{name}", slots, "an array of slots", fix)
        if slots:
            names = [_name(f"corrected.{name}", slot, budget) for slot in slots]
            corrected[name] = tuple(dict.fromkeys(names))
    count = sum(map(len, corrected.values()))
    if count > budget.limits.max_slots:
        raise RequestError(
            f"corrected: got {count} slots; expected at most {budget.limits.max_slots}"
        )
    return corrected


def _slot_value(
    what: str, entry: object, budget: Budget
) -> tuple[str, float | None, NormalisedValue | None]:
    probability: object = None
    meant: object = None
    value = entry
    if isinstance(entry, SlotPrediction):
        value, probability, meant = entry.value, entry.confidence, entry.normalised
    elif isinstance(entry, Mapping):
        check_keys(what, entry, ("value", "confidence", "normalised"))
        if "value" not in entry:
            raise RequestError(f'{what}: key "value" is missing; expected value and confidence')
        value, probability, meant = entry["value"], entry.get("confidence"), entry.get("normalised")
    if not isinstance(value, str):
        sane = isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64)
        fix = f'write "{quote(value)}"' if sane else ""
        fix = 'write "yes" or "no"' if isinstance(value, bool) else fix
        raise wrong(what, value, "a text, or an object of value and confidence", fix)
    text = budget.take(what, value, budget.limits.max_value_characters).strip()
    if not text or text.lower() == DELETED:
        raise RequestError(f"{what}: got {quote(text)}, which is no value; leave the slot out")
    return (
        text,
        None if probability is None else _probability(what, probability),
        None if meant is None else _normalised(f"{what}.normalised", meant, budget),
    )


def _normalised(what: str, given: object, budget: Budget) -> NormalisedValue:
    fix = "send it as an answer had it, or leave it out"
    if isinstance(given, NormalisedValue):
        return given
    if not isinstance(given, Mapping):
        raise wrong(what, given, "an object", fix)
    check_keys(what, given, tuple(NormalisedValue.model_fields))
    parts = given.get("parts") or {}
    texts = [*given.values(), *(parts.values() if isinstance(parts, Mapping) else ())]
    for text in texts:
        if isinstance(text, str):
            budget.take(what, text, budget.limits.max_value_characters)
    try:
        return NormalisedValue.model_validate(given)
    except ValidationError:
        raise RequestError(
            f"{what}: got an object of other types; expected type and value as texts; {fix}"
        ) from None


def told_moment(value: object) -> datetime | None:
    """Return what time it is for a user, as a request tells it; None where it does not.

    Raises:
        RequestError: it is no time, or one without its distance from UTC.
    """
    fix = 'send "2026-11-28T18:30:00+01:00"'
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= _LONGEST_MOMENT:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise RequestError(
                f"now: got {quote(value)}; expected date and time as ISO 8601 has them; {fix}"
            ) from None
    if not isinstance(value, datetime):
        raise wrong("now", value, "date and time as ISO 8601 has them", fix)
    if value.utcoffset() is None:
        raise RequestError(
            "now: got a time without its distance from UTC, which may be a time anywhere; "
            f"expected one with it; {fix}"
        )
    return value


def _probability(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"{what}.confidence", value, "a number from 0 to 1, or null")
    if not 0 <= value <= 1:
        shown = quote(value)
        raise RequestError(f"{what}.confidence: got {shown}; expected a number from 0 to 1")
    return float(value)


def _add_confidences(confidence: dict[str, dict[str, float]], given: object) -> None:
    """Add those that stand beside the state instead of in it, as only a program gives them."""
    what = "state_confidence"
    if not isinstance(given, Mapping):
        raise wrong(what, given, "a mapping", 'pass {"domain": {"slot": 0.9}}')
    for domain, slots in given.items():
        if not isinstance(slots, Mapping):
            raise wrong(f"{what}.{quote(domain)}", slots, "a mapping", 'pass {"slot": 0.9}')
        for slot, value in slots.items():
            probability = _probability(f"{what}.{quote(domain)}.{quote(slot)}", value)
            confidence.setdefault(domain, {})[slot] = probability


def _domain(value: object, budget: Budget) -> str | None:
    return None if value is None else _name("domain", value, budget)


def _name(what: str, value: object, budget: Budget) -> str:
    if not isinstance(value, str):
        raise wrong(what, value, "a name")
    if not value.strip():
        raise RequestError(f"{what}: got an empty name; leave it out")
    return budget.take(f"{what}: name", value, budget.limits.max_name_characters)


def _tasks(value: object) -> tuple[TaskName, ...]:
    if value is None:
        return ALL_TASKS
    if not isinstance(value, list | tuple):
        raise wrong("tasks", value, "an array", f"send {json.dumps(list(_TASKS))}")
    if not value:
        raise RequestError("tasks: got an empty array; leave the key out to ask for all tasks")
    for name in value:
        if not isinstance(name, str):
            raise wrong("tasks", name, "an array of names")
        if name not in _TASKS:
            raise RequestError(
                f"tasks: unknown task {quote(name)}{nearest(name, tuple(_TASKS))}; "
                f"expected one of {', '.join(_TASKS)}"
            )
    return tuple(dict.fromkeys(_TASKS[name] for name in value))


def within(request: TurnRequest, learnt: Sequence[TaskName]) -> TurnRequest:
    """Return the request for what a checkpoint has learnt; all tasks means all of those.

    Raises:
        RequestError: it names a task that the checkpoint has not learnt.
    """
    missing = [task for task in request.tasks if task not in learnt]
    if not missing:
        return request
    if len(request.tasks) < len(ALL_TASKS):
        raise RequestError(
            f"tasks: this model has not learnt {', '.join(missing)}; "
            f"expected one of {', '.join(learnt)}"
        )
    return request.asking(tuple(task for task in request.tasks if task in learnt))


def _request_id(value: object) -> str | None:
    if value is None or (isinstance(value, str) and is_request_id(value)):
        return value
    kind = "a text of other characters" if isinstance(value, str) else type(value).__name__
    raise RequestError(
        f"request_id: got {kind}; expected 1 to 128 letters, digits, '.', '_' and '-'"
    )


def _top_k(value: object, limits: RequestLimits) -> int:
    if value is None:
        return min(DEFAULT_TOP_K, limits.max_results)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON does not tell 5.0 from 5
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("top_k", value, "a whole number")
    if not 1 <= value <= limits.max_results:
        raise RequestError(
            f"top_k: got {quote(value)}; expected a whole number from 1 to {limits.max_results}"
        )
    return value
