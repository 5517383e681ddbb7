"""JSON lines: todserve's own layout of dialogues, one a line, with the schema in a file beside.

``tod data convert`` writes this layout, and training reads it. A folder holds ``schema.json`` (the
layout of Schema-Guided Dialogue) and one ``SPLIT.jsonl`` for each split. Example line::

    {"dialogue_id": "1", "turns": [{"user": "a train to ely", "intent": "find_train",
     "belief_state": {"train": {"destination": "ely"}}, "active_domain": "train",
     "dialogue_acts": [{"domain": "train", "act": "request", "slot": "day"}],
     "system": "Which day?", "delexicalised_response": "Which day?", "placeholders": [],
     "database_matches": 12}]}

Only ``dialogue_id``, ``turns`` and ``user`` must be there. A key left out, or null, means "not
annotated", never "empty". ``corpus`` is the folder's name and ``split`` the file's unless given.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.corpora.corpus_faults import Fault
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.untrusted.problem_words import KINDS

SUFFIX = ".jsonl"
_SHOWN = 8  # faults of one line; a line in another layout would have hundreds


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Act(_Strict):
    domain: str
    act: str
    slot: str = ""


class _Turn(_Strict):
    user: str
    belief_state: dict[str, dict[str, str]] | None = None
    intent: str | None = None
    active_domain: str | None = None
    dialogue_acts: list[_Act] | None = None
    system: str | None = None
    delexicalised_response: str | None = None
    placeholders: list[tuple[str, str]] = []
    database_matches: int | None = None

    def turn(self) -> Turn:
        acts = self.dialogue_acts
        return Turn(
            user=self.user,
            belief_state=self.belief_state,
            intent=self.intent,
            active_domain=self.active_domain,
            dialogue_acts=None
            if acts is None
            else tuple(DialogueAct(domain=one.domain, act=one.act, slot=one.slot) for one in acts),
            system=self.system,
            delexicalised_response=self.delexicalised_response,
            placeholders=tuple(self.placeholders),
            database_matches=self.database_matches,
        )


class _Dialogue(_Strict):
    dialogue_id: str
    corpus: str | None = None
    split: str | None = None
    turns: list[_Turn]


def read_lines(path: Path, faults: list[Fault]) -> Iterator[tuple[int, Dialogue]]:
    """Yield (line, dialogue) of a file; notes a fault for each line that holds none.

    Args:
        path: a ``.jsonl`` file in UTF-8.
        faults: every fault is added; a dialogue with one is not yielded.
    """
    empty = True
    with path.open("rb") as stream:
        for line, content in enumerate(stream, start=1):
            if line == 1:
                # Windows writes a mark before the first character, which means nothing.
                content = content.removeprefix(BOM_UTF8)
            if not content.strip():
                continue
            empty = False
            try:
                content.decode("utf-8")
                found = _Dialogue.model_validate_json(content)
            except UnicodeDecodeError as error:
                faults.append(_no_utf8(path, line, error))
                continue
            except ValidationError as error:
                faults += _faults(path, line, error)
                continue
            yield (
                line,
                Dialogue(
                    dialogue_id=found.dialogue_id,
                    corpus=found.corpus if found.corpus is not None else path.resolve().parent.name,
                    split=found.split if found.split is not None else path.stem,
                    turns=tuple(one.turn() for one in found.turns),
                ),
            )

    if empty:
        faults.append(
            Fault(
                file=str(path),
                line=1,
                what="file",
                got="no dialogue",
                expected="one a line",
                fix="write some, or take the file out",
            )
        )


def _no_utf8(path: Path, line: int, error: UnicodeDecodeError) -> Fault:
    return Fault(
        file=str(path),
        line=line,
        what="line",
        got=f"byte {error.start + 1} of another coding than UTF-8",
        expected="UTF-8",
        fix=f"save the file so; from Windows perhaps: iconv -f cp1252 -t utf-8 {path.name}",
    )


def _faults(path: Path, line: int, error: ValidationError) -> Iterator[Fault]:
    # Only the kind of what stands there is told: it may be an utterance.
    for one in error.errors(include_url=False)[:_SHOWN]:
        *above, last = one["loc"] or ("line",)
        wanted = _WANTED.get(one["type"], "what the layout has there")
        got = KINDS.get(type(one["input"]), "something else")
        place = ".".join(map(str, (*above, last)))
        if one["type"] == "extra_forbidden":
            place = ".".join(map(str, above)) or "line"
            known = _keys(above)
            close = get_close_matches(str(last), known, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            got, wanted = f"unknown key {str(last)[:64]!r}{hint}", f"one of {', '.join(known)}"
        elif one["type"] == "missing":
            got = "nothing"
        elif one["type"] == "json_invalid":
            got = f"no JSON ({one['ctx']['error']})"
        yield Fault(
            file=str(path),
            line=line,
            what=place,
            got=got,
            expected=wanted,
            fix="correct the line; docs/own-data.md shows one",
        )


def _keys(place: Sequence[int | str]) -> list[str]:
    """Return the keys that there may be at a place of a line."""
    model: type[BaseModel] = _Dialogue
    if "turns" in place:
        model = _Act if "dialogue_acts" in place else _Turn
    return list(model.model_fields)


_WANTED = {
    "string_type": "a text, in quotes",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "missing": "this key, which must be there",
    "json_invalid": "a JSON object",
    "too_long": "a pair",
    "too_short": "a pair",
}


def write_lines(dialogues: Iterable[Dialogue], path: Path) -> None:
    """Write dialogues to a file, one a line; what is not annotated is left out."""
    with path.open("w", encoding="utf-8") as stream:
        for dialogue in dialogues:
            stream.write(json.dumps(_plain(dialogue), ensure_ascii=False) + "\n")


def _plain(dialogue: Dialogue) -> dict[str, Any]:
    return {
        "dialogue_id": dialogue.dialogue_id,
        "corpus": dialogue.corpus,
        "split": dialogue.split,
        "turns": [_plain_turn(turn) for turn in dialogue.turns],
    }


def _plain_turn(turn: Turn) -> dict[str, Any]:
    plain: dict[str, Any] = {
        one.name: getattr(turn, one.name)
        for one in fields(turn)
        if getattr(turn, one.name) is not None
    }
    if turn.belief_state is not None:
        plain["belief_state"] = {name: dict(slots) for name, slots in turn.belief_state.items()}
    if turn.dialogue_acts is not None:
        plain["dialogue_acts"] = [
            {"domain": act.domain, "act": act.act} | ({"slot": act.slot} if act.slot else {})
            for act in turn.dialogue_acts
        ]
    if not turn.placeholders:
        del plain["placeholders"]
    return plain
