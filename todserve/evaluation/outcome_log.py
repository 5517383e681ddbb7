"""Outcome log: keeps an evaluation's outcomes, so that an interrupted one can go on.

The MultiWOZ rollouts write it: a JSON-lines file next to the figures, one line a finished dialogue.
Example: ``OUT.outcomes.jsonl``; it is removed when the figures are written. A line counts only for
the very same weights, settings and sources, so nothing stale is ever scored.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from todserve.evaluation.answerer import ScoredAnswerer
from todserve.evaluation.rollout import Outcome, Protocol, roll_out
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.response import decode, encode

_AT_ONCE = 128  # dialogues side by side: full batches, and little lost by an interruption
_SOURCES = Path(__file__).resolve().parents[1]


@dataclass(kw_only=True, slots=True)
class OutcomeLog:
    """Finished dialogues of one evaluation.

    Attributes:
        path: the file; None keeps nothing.
        key: what the outcomes depend on; lines with another one are passed over.
    """

    path: Path | None
    key: str
    _lines: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @classmethod
    def open(cls, out: Path | None, key: str) -> "OutcomeLog":
        """Read what there is beside ``out``; a line cut off by the interruption is passed over."""
        if out is None:
            return cls(path=None, key=key)
        log = cls(path=out.with_name(f"{out.name}.outcomes.jsonl"), key=key)
        if log.path is not None and log.path.is_file():
            for line in log.path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = parse_json(line)
                except ValueError:
                    continue
                if entry.get("key") == key:
                    log._lines[entry["dialogue_id"]] = entry["turns"]
        return log

    def outcomes(self, dialogue: Dialogue) -> list[Outcome] | None:
        """Return a dialogue's outcomes; None when it has yet to be rolled out."""
        turns = self._lines.get(dialogue.dialogue_id)
        if turns is None or len(turns) != len(dialogue.turns):
            return None
        try:
            return [
                Outcome(
                    dialogue_id=dialogue.dialogue_id,
                    index=index,
                    turn=turn,
                    answer=None if entry["answer"] is None else decode(entry["answer"]),
                    state=entry["state"],
                )
                for index, (turn, entry) in enumerate(zip(dialogue.turns, turns, strict=True))
            ]
        except (KeyError, TypeError, ValidationError):
            return None  # written by another version: roll it out again

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of whole dialogues at once."""
        if self.path is None:
            return
        by_dialogue: dict[str, list[Outcome]] = {}
        for one in sorted(outcomes, key=lambda one: one.index):
            by_dialogue.setdefault(one.dialogue_id, []).append(one)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            for name, turns in by_dialogue.items():
                entry = {
                    "key": self.key,
                    "dialogue_id": name,
                    "turns": [
                        {"answer": one.answer and encode(one.answer), "state": one.state}
                        for one in turns
                    ],
                }
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def remove(self) -> None:
        """Remove the file: the figures are written."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def roll_out_logged(
    pipeline: ScoredAnswerer,
    dialogues: Sequence[Dialogue],
    log: OutcomeLog,
    *,
    protocol: Protocol,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> list[Outcome]:
    """Return the outcome of every turn, rolling out only the dialogues that ``log`` lacks.

    Args:
        pipeline: answers.
        dialogues: whole; see ``rollout.roll_out``.
        log: of this protocol; each finished dialogue goes into it.
        protocol: what the corpus lends the model.
        batch: most turns in one call.
        on_batch: called with the number of turns done, those from the log included.
    """
    outcomes: list[Outcome] = []
    waiting: list[Dialogue] = []
    for dialogue in dialogues:
        known = log.outcomes(dialogue)
        if known is None:
            waiting.append(dialogue)
        else:
            outcomes += known
            on_batch(len(known))
    for start in range(0, len(waiting), _AT_ONCE):
        block = waiting[start : start + _AT_ONCE]
        done = list(roll_out(pipeline, block, protocol=protocol, batch=batch, on_batch=on_batch))
        log.add(done)
        outcomes += done
    return outcomes


def outcome_key(checkpoint: Path, out: Path, *parts: str) -> str:
    """Return a checksum of everything outcomes depend on.

    Args:
        checkpoint: the folder; every file in it counts, the database and schema included.
        out: the figures' file, which may lie in that folder and does not count.
        parts: protocol, split and settings, as text.
    """
    digest = hashlib.sha256()
    files = [path for path in sorted(checkpoint.iterdir()) if path.is_file()]
    counted = [path for path in files if not path.name.lstrip(".").startswith(out.name)]
    for path in [*counted, *sorted(_SOURCES.rglob("*.py"))]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]
