"""TurnRequest: what a client asks, checked once and then trusted by every later stage.

First on the way of a request, behind the handler: JSON (bytes, text or already a mapping) in,
a TurnRequest or a RequestError with the fix out. Domains and slots are checked later, against
the checkpoint's schema.
Example: ``parse_request({"user": "a train to ely", "state": {"train": {"day": "friday"}}})``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from todserve.runtime.errors import RequestError
from todserve.runtime.language.dialogue import DELETED, BeliefState, Slots
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.body import read_body, read_text
from todserve.runtime.wire.key_checks import Budget, check_keys, nearest, quote, wrong
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits

DEFAULT_TOP_K = 5
ALL_TASKS = tuple(TaskName)

_KEYS = ("user", "history", "state", "corrected", "domain", "tasks", "top_k")
_TASKS = {str(task): task for task in ALL_TASKS}


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRequest:
    """One turn to answer.

    Attributes:
        user: the new utterance, stripped, at least one character.
        history: the exchanges before it, oldest first; system turns plain or delexicalised.
        state: the belief state before it, plain values.
        state_confidence: domain -> slot -> [0, 1], for those slots of ``state`` that carry one.
        corrected: domain -> slots that a person has set or taken out of ``state``: only new words
            about one change it.
        domain: the active domain before it.
        tasks: what to answer, each once, in the client's order.
        top_k: database results to list.
    """

    user: str
    history: tuple[Exchange, ...] = ()
    state: BeliefState = field(default_factory=dict)
    state_confidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    corrected: Slots = field(default_factory=dict)
    domain: str | None = None
    tasks: tuple[TaskName, ...] = ALL_TASKS
    top_k: int = DEFAULT_TOP_K


def parse_request(body: object, *, limits: RequestLimits = DEFAULT_LIMITS) -> TurnRequest:
    """Return the request in ``body``: a mapping, or its JSON as text or UTF-8 bytes.

    ``null`` for an optional key means the same as leaving the key out, so that a client may send
    parts of our own response back unchanged.

    Raises:
        RequestError: what is wrong, what was expected, and the fix.
    """
    request = read_body(body, limits)
    check_keys("request", request, _KEYS)
    budget = Budget(limits)
    if "user" not in request:
        raise RequestError('request: key "user" is missing; send {"user": "..."}')
    state, confidence = _state(request.get("state"), budget)
    return TurnRequest(
        user=_utterance("user", request["user"], budget),
        history=_history(request.get("history"), budget),
        state=state,
        state_confidence=confidence,
        corrected=_corrected(request.get("corrected"), budget),
        domain=_domain(request.get("domain"), budget),
        tasks=_tasks(request.get("tasks")),
        top_k=_top_k(request.get("top_k"), limits),
    )


def parse_text(body: object, *, limits: RequestLimits = DEFAULT_LIMITS) -> TurnRequest:
    """Return the request that a ``text/plain`` body is: one bare utterance, no history.

    Raises:
        RequestError: not text, not UTF-8, empty or too long.
    """
    text = read_text(body, limits) if isinstance(body, bytes | bytearray | str) else body
    return TurnRequest(user=_utterance("user", text, Budget(limits)))


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
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, float]]]:
    """Return ``state`` and ``state_confidence``; domains without slots are left out."""
    state: dict[str, dict[str, str]] = {}
    confidence: dict[str, dict[str, float]] = {}
    if value is None:
        return state, confidence
    if not isinstance(value, Mapping):
        raise wrong("state", value, "an object", 'send {"domain": {"slot": "value"}}')
    for domain, slots in value.items():
        name = _name("state", domain, budget)
        if not isinstance(slots, Mapping):
            raise wrong(f"state.{name}", slots, "an object", 'send {"slot": "value"}')
        for slot, entry in slots.items():
            what = f"state.{name}.{_name(f'state.{name}', slot, budget)}"
            text, probability = _slot_value(what, entry, budget)
            state.setdefault(name, {})[slot] = text
            if probability is not None:
                confidence.setdefault(name, {})[slot] = probability
    count = sum(map(len, state.values()))
    if count > budget.limits.max_slots:
        raise RequestError(f"state: got {count} slots; expected at most {budget.limits.max_slots}")
    return state, confidence


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


def _slot_value(what: str, entry: object, budget: Budget) -> tuple[str, float | None]:
    probability: object = None
    value = entry
    if isinstance(entry, Mapping):
        check_keys(what, entry, ("value", "confidence"))
        if "value" not in entry:
            raise RequestError(f'{what}: key "value" is missing; expected value and confidence')
        value, probability = entry["value"], entry.get("confidence")
    if not isinstance(value, str):
        fix = f'write "{quote(value)}"' if isinstance(value, int | float) else ""
        fix = 'write "yes" or "no"' if isinstance(value, bool) else fix
        raise wrong(what, value, "a text, or an object of value and confidence", fix)
    text = budget.take(what, value, budget.limits.max_value_characters).strip()
    if not text or text.lower() == DELETED:
        raise RequestError(f"{what}: got {quote(text)}, which is no value; leave the slot out")
    if probability is None:
        return text, None
    if isinstance(probability, bool) or not isinstance(probability, int | float):
        raise wrong(f"{what}.confidence", probability, "a number from 0 to 1, or null")
    if not 0 <= probability <= 1:
        shown = quote(probability)
        raise RequestError(f"{what}.confidence: got {shown}; expected a number from 0 to 1")
    return text, float(probability)


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
    return replace(request, tasks=tuple(task for task in request.tasks if task in learnt))


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
