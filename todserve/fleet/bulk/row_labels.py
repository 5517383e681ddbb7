"""RowLabeller: answers the rows of a corpus, utterances and whole dialogues, in full batches.

The processes of ``tod label`` call it, and it calls the worker that every server calls: a row gets
the JSON that the endpoint would have given, and a wrong one the endpoint's reason, without harm to
the rows beside it. A dialogue's turns wait for one another; those of other rows fill the batch
meanwhile.
Example: ``RowLabeller(worker).label([{"user": "a train to ely"}])[0].answer["intent"]``.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply, TurnWorker

UTTERANCE, DIALOGUE = "user", "turns"
"""The key of a row that holds an utterance, or the turns of a dialogue."""

ANSWER, ANSWERS = "answer", "answers"
"""The key that a row is given."""

_STATE = "belief_state"
_MOST_EXCHANGES = 50  # of history; what is older says the state
_ASKED = ("history", "state", "corrected", "domain", "tasks", "top_k", "now")


@dataclass(frozen=True, kw_only=True, slots=True)
class RowLabel:
    """What became of a row.

    Attributes:
        key: under which its answer belongs, ``answer`` or ``answers``; "" where there is none.
        answer: the endpoint's JSON, or of a dialogue a list of them.
        reason: why it was not answered; "" where it was.
        turns: how many turns were answered.
    """

    key: str = ""
    answer: Any = None
    reason: str = ""
    turns: int = 0


class RowLabeller:
    """Answers rows with a worker."""

    def __init__(
        self,
        worker: TurnWorker,
        *,
        text: str | None = None,
        tasks: Sequence[str] = (),
        batch: int = 32,
    ) -> None:
        """Put a labeller before a worker.

        Args:
            worker: answers.
            text: the key of the utterance, where rows are not requests of ours and their other
                keys mean nothing to us; None reads ``user`` or ``turns``, and a request's keys.
            tasks: what to answer where a row does not say; empty for everything.
            batch: turns in one call of the network.
        """
        self._worker = worker
        self._text = text
        self._tasks = list(tasks)
        self._batch = batch

    def label(self, rows: Sequence[Mapping[str, Any]]) -> list[RowLabel]:
        """Return what became of each row, in their order."""
        talks = [self._talk(row) for row in rows]
        waiting = deque(one for one in talks if not one.is_over)
        while waiting:
            chunk = [waiting.popleft() for _ in range(min(self._batch, len(waiting)))]
            replies = self._worker.answer([AskedBody(content=one.body()) for one in chunk])
            for talk, reply in zip(chunk, replies, strict=True):
                talk.take(reply)
            # First again: a long dialogue must not be all that is left in the end.
            waiting.extendleft(one for one in reversed(chunk) if not one.is_over)
        return [one.label() for one in talks]

    def _talk(self, row: Mapping[str, Any]) -> "_Talk":
        taken = next((key for key in (ANSWER, ANSWERS) if key in row), None)
        if taken is not None:
            return _Talk(reason=f"got a key {taken} already; expected none; rename it")
        if self._text is not None:
            if self._text not in row:
                return _Talk(reason=f"no key {self._text}, which --text names")
            return _Talk(turns=[{UTTERANCE: row[self._text]}], given=self._wanted({}))
        if row.get(DIALOGUE) is not None:
            turns = row[DIALOGUE]
            if not isinstance(turns, list) or not turns or not all(map(_is_turn, turns)):
                return _Talk(reason=f'{DIALOGUE}: expected an array of {{"user": "..."}}')
            # Without the state after a turn, the next would have to read everything again.
            tasks = {"tasks": [*dict.fromkeys([*self._tasks, _STATE])]} if self._tasks else {}
            return _Talk(turns=turns, given=tasks, is_dialogue=True)
        if UTTERANCE not in row:
            return _Talk(reason=f"no key {UTTERANCE} or {DIALOGUE}; expected one; see --text")
        asked = {key: row[key] for key in _ASKED if row.get(key) is not None}
        return _Talk(turns=[{UTTERANCE: row[UTTERANCE]}], given=self._wanted(asked))

    def _wanted(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"tasks": self._tasks, **asked} if self._tasks else asked


def _is_turn(turn: object) -> bool:
    return isinstance(turn, Mapping) and UTTERANCE in turn


@dataclass(kw_only=True, slots=True)
class _Talk:
    """A row under way: its turns, what was answered, and what the next turn is told of that."""

    turns: Sequence[Mapping[str, Any]] = ()
    given: dict[str, Any] = field(default_factory=dict)
    is_dialogue: bool = False
    reason: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.reason) or len(self.answers) == len(self.turns)

    def body(self) -> dict[str, Any]:
        """Return the request of the next turn."""
        body = {**self.given, UTTERANCE: self.turns[len(self.answers)][UTTERANCE]}
        if self.answers:
            last = self.answers[-1]
            body["history"] = self._history()
            body["state"] = last[_STATE]
            body["domain"] = (last["domain"] or {}).get("active")
        return body

    def take(self, reply: BodyReply) -> None:
        """Remember what came of the turn that ``body`` asked for."""
        told = parse_json(reply.content.decode())
        if reply.status is HTTPStatus.OK:
            self.answers.append(told)
        else:
            place = f"turns[{len(self.answers)}]: " if self.is_dialogue else ""
            self.reason = place + told["message"]

    def label(self) -> RowLabel:
        """Return what became of the row."""
        if self.reason:
            return RowLabel(reason=self.reason, turns=len(self.answers))
        if self.is_dialogue:
            return RowLabel(key=ANSWERS, answer=self.answers, turns=len(self.answers))
        return RowLabel(key=ANSWER, answer=self.answers[0], turns=1)

    def _history(self) -> list[dict[str, Any]]:
        """Return what was said; what the system said is the corpus's, else the model's own."""
        before = list(zip(self.turns, self.answers, strict=False))[-_MOST_EXCHANGES:]
        return [
            {UTTERANCE: turn[UTTERANCE], "system": _reply(turn, answer)} for turn, answer in before
        ]


def _reply(turn: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
    said = turn.get("system")
    return said if said is not None else (answer["response"] or {}).get("text", "")
