"""Training turns: what the model is asked at one point of a dialogue, still as text.

The preparation writes them and every later step of training reads them. A prepared corpus is a
JSON-lines file of these, so that a machine without the corpora can train.
Example: ``{"user": "to ely", "previous_state": {}, "state": {"train": {"destination": "ely"}}}``.
"""

import gzip
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from todserve.runtime.errors import CorpusError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import Dialogue, DialogueAct
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.untrusted.json_text import parse_json

State = dict[str, dict[str, str]]

PREPARED = ("schema.json", "knowledge.sqlite", "train.jsonl.gz", "dev.jsonl.gz")
"""What a prepared folder holds; the last one written is the sign that it is complete."""


class TrainingTurn(BaseModel):
    """A turn to train on, with the dialogue before it.

    Attributes:
        dialogue_id: the publisher's own identifier.
        corpus: short name of the corpus; "" in turns prepared before mixtures existed.
        history: earlier (user, system, delexicalised system) texts, oldest first.
        previous_state: belief state before the turn.
        user: the utterance.
        state: belief state after it; None where the corpus annotates none.
        intent: None where not annotated.
        acts: (domain, act, slot) of the reply; None where not annotated.
        response: the delexicalised reply; None where the corpus lacks it.
        database_token: what the look-up told the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialogue_id: str
    corpus: str = ""
    history: tuple[tuple[str, str, str], ...] = ()
    previous_state: State = {}
    user: str
    state: State | None = None
    intent: str | None = None
    acts: tuple[tuple[str, str, str], ...] | None = None
    response: str | None = None
    database_token: str = "[db_nores]"

    @property
    def dialogue_acts(self) -> tuple[DialogueAct, ...] | None:
        """The acts as runtime types."""
        if self.acts is None:
            return None
        return tuple(DialogueAct(domain=d, act=a, slot=s) for d, a, s in self.acts)

    @property
    def tasks(self) -> tuple[TaskName, ...]:
        """The tasks that have a target here."""
        return tuple(
            task for task, field in TARGET_FIELDS.items() if getattr(self, field) is not None
        )

    def only(self, tasks: Collection[TaskName]) -> "TrainingTurn":
        """Return the turn with the targets of ``tasks`` alone."""
        dropped = {TARGET_FIELDS[task]: None for task in self.tasks if task not in tasks}
        return self.model_copy(update=dropped) if dropped else self


TARGET_FIELDS: Mapping[TaskName, str] = MappingProxyType(
    {
        TaskName.BELIEF_STATE: "state",
        TaskName.INTENT: "intent",
        TaskName.DIALOGUE_ACT: "acts",
        TaskName.RESPONSE: "response",
    }
)
"""Where a turn keeps each task's target."""


def turns_of(dialogue: Dialogue, knowledge: KnowledgeBase) -> Iterator[TrainingTurn]:
    """Yield the turns of an enriched dialogue.

    Args:
        dialogue: with delexicalised responses and database matches where they exist.
        knowledge: turns a number of matches into a database token.
    """
    past: list[tuple[str, str, str]] = []
    previous: State = {}
    for turn in dialogue.turns:
        token = "[db_nores]"
        if turn.active_domain in knowledge.domains:
            token = knowledge.database_token(turn.active_domain, turn.database_matches)
        state = None
        if turn.belief_state is not None:
            state = {domain: dict(slots) for domain, slots in turn.belief_state.items()}
        yield TrainingTurn(
            dialogue_id=dialogue.dialogue_id,
            corpus=dialogue.corpus,
            history=tuple(past),
            previous_state=previous,
            user=turn.user,
            state=state,
            intent=turn.intent,
            acts=None
            if turn.dialogue_acts is None
            else tuple((act.domain, act.act, act.slot) for act in turn.dialogue_acts),
            response=turn.delexicalised_response or None,
            database_token=token,
        )
        plain = turn.system or ""
        past.append((turn.user, plain, turn.delexicalised_response or plain))
        previous = previous if state is None else state


def save_turns(turns: Iterable[TrainingTurn], path: Path) -> int:
    """Write turns as gzipped JSON lines, atomically; return their number."""
    count = 0
    partial = path.with_suffix(".partial")
    with gzip.open(partial, "wt", encoding="utf-8", compresslevel=3) as file:
        for count, turn in enumerate(turns, start=1):  # noqa: B007
            file.write(turn.model_dump_json(exclude_defaults=True) + "\n")
    os.replace(partial, path)
    return count


def load_turns(path: Path) -> list[TrainingTurn]:
    """Read what ``save_turns`` wrote.

    Raises:
        CorpusError: a line is no turn.
    """
    turns = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                turns.append(TrainingTurn.model_validate(parse_json(line)))
            except ValueError as error:
                raise CorpusError(
                    f"{path}:{number}: not a prepared turn: {error}; delete it to prepare anew"
                ) from error
    return turns


def is_prepared(folder: Path) -> bool:
    """Return whether ``folder`` holds a whole prepared corpus."""
    return all((folder / name).is_file() for name in PREPARED)
