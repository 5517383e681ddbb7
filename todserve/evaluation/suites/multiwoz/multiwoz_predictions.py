"""Predictions in the public format of the standardised MultiWOZ evaluation, checked on the way in.

The files of any system and our own rollouts are read into it before they are scored. Example:
``{"mul0001": [{"response": "[value_name] is nice .", "state": {"hotel": {"area": "north"}},
"active_domains": ["hotel"]}]}``; ``state`` and ``active_domains`` may be left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from todserve.evaluation.figures import save_figures
from todserve.evaluation.suites.multiwoz.multiwoz_goals import Task, dialogue_key
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.untrusted.json_text import CORPUS_BYTES, read_json

_FORMAT = (
    'expected {"mul0001": [{"response": "...", "state": {"hotel": {"area": "north"}}, '
    '"active_domains": ["hotel"]}, ...], ...}, the last two keys optional'
)
TURNS_FORGIVEN = 0.001
"""Share of turns that may be missing at dialogues' ends: PPTOD's file lacks 1 of 7,372."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedTurn:
    """A turn as predicted; None where the system does not say.

    Attributes:
        response: delexicalised reply, in the system's own placeholders.
        state: whole belief state, in its own names.
        active_domains: what the reply is about.
    """

    response: str
    state: BeliefState | None = None
    active_domains: Sequence[str] | None = None


Predictions = Mapping[str, Sequence[PredictedTurn]]
"""Dialogue id, as by ``dialogue_key`` -> turns in order."""


def read_predictions(path: Path) -> dict[str, list[PredictedTurn]]:
    """Read a predictions file; keys besides the format's are ignored.

    Raises:
        ConfigError: it is missing, no JSON, or not in the format; the message says where.
    """
    try:
        content = read_json(path, most=CORPUS_BYTES)
    except OSError as error:
        raise ConfigError(f"cannot read predictions {path}: {error.strerror}; {_FORMAT}") from error
    except ValueError as error:
        raise ConfigError(f"predictions {path} are not JSON: {error}; {_FORMAT}") from error
    if not isinstance(content, dict) or not content:
        raise ConfigError(f"predictions {path} hold {_kind(content)}; {_FORMAT}")
    predictions: dict[str, list[PredictedTurn]] = {}
    for name, turns in content.items():
        key = dialogue_key(name)
        if key in predictions:
            raise ConfigError(
                f"predictions {path}: dialogue {key!r} stands there twice; expected one list of "
                "turns each; remove the other spelling"
            )
        if not isinstance(turns, list):
            raise ConfigError(
                f"predictions {path}: dialogue {key!r} is {_kind(turns)}; expected a list of "
                f"turns; {_FORMAT}"
            )
        predictions[key] = [
            _turn(turn, f"predictions {path}: dialogue {key!r}, turn {index}")
            for index, turn in enumerate(turns)
        ]
    return predictions


def save_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions in the public format, so that any evaluator can score them."""
    save_figures(
        {
            name: [
                {
                    "response": turn.response,
                    **({} if turn.state is None else {"state": turn.state}),
                    **(
                        {}
                        if turn.active_domains is None
                        else {"active_domains": list(turn.active_domains)}
                    ),
                }
                for turn in turns
            ]
            for name, turns in predictions.items()
        },
        path,
    )


def check_complete(
    predictions: Predictions, tasks: Mapping[str, Task], *, allow_partial: bool = False
) -> int:
    """Compare predictions with the split they are for; return how many turns they lack.

    Args:
        predictions: as read.
        tasks: of the whole split.
        allow_partial: accept missing dialogues and turns; the figures are then of what is there.

    Raises:
        ConfigError: other dialogues, too many turns, or too few.
    """
    unknown = sorted(predictions.keys() - tasks.keys())
    if unknown:
        raise ConfigError(
            f"{len(unknown)} of {len(predictions)} predicted dialogues are not in the split, "
            f"first {unknown[0]!r}; expected ids of one split such as {next(iter(tasks))!r}"
        )
    for name, turns in predictions.items():
        if len(turns) > len(tasks[name].turns):
            raise ConfigError(
                f"dialogue {name!r} has {len(turns)} predicted turns; expected "
                f"{len(tasks[name].turns)}, one for each system turn of the corpus"
            )
    absent = [name for name in tasks if name not in predictions]
    if absent and not allow_partial:
        raise ConfigError(
            f"{len(absent)} of {len(tasks)} dialogues are missing, first {absent[0]!r}; predict "
            "the whole split, or allow partial predictions and call the figures partial"
        )
    total = sum(len(tasks[name].turns) for name in predictions)
    missing = total - sum(map(len, predictions.values()))
    if missing > TURNS_FORGIVEN * total and not allow_partial:
        short = next(n for n, turns in predictions.items() if len(turns) < len(tasks[n].turns))
        raise ConfigError(
            f"{missing} of {total} turns are missing, first in dialogue {short!r} with "
            f"{len(predictions[short])} of {len(tasks[short].turns)}; predict a reply for every "
            "system turn, or allow partial predictions and call the figures partial"
        )
    return missing


def _turn(turn: Any, where: str) -> PredictedTurn:
    if not isinstance(turn, dict):
        raise ConfigError(f"{where} is {_kind(turn)}; expected an object; {_FORMAT}")
    response = turn.get("response")
    if not isinstance(response, str):
        keys = ", ".join(map(repr, turn)) or "none"
        raise ConfigError(
            f"{where}: key 'response' is {_kind(response)}, among the keys {keys}; {_FORMAT}"
        )
    domains = turn.get("active_domains")
    if domains is not None and not (
        isinstance(domains, list) and all(isinstance(one, str) for one in domains)
    ):
        raise ConfigError(f"{where}: 'active_domains' is no list of names; {_FORMAT}")
    state = turn.get("state")
    return PredictedTurn(
        response=response,
        state=None if state is None else _state(state, where),
        active_domains=domains,
    )


def _state(state: Any, where: str) -> dict[str, dict[str, str]]:
    if not isinstance(state, dict) or not all(isinstance(one, dict) for one in state.values()):
        raise ConfigError(f"{where}: 'state' is no object of domain -> slot -> value; {_FORMAT}")
    return {
        domain: {
            slot: _value(value, f"{where}: state {domain}.{slot}")
            for slot, value in slots.items()
            if value is not None  # says nothing, so imposes nothing
        }
        for domain, slots in state.items()
    }


def _value(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"{where} is {_kind(value)}; expected a text; {_FORMAT}")
    return str(value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a text", type(None): "missing"}
    return names.get(type(value), f"a {type(value).__name__}") if value not in ({}, []) else "empty"
