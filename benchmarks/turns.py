"""The turns that every peer is asked: MultiWOZ dev, teacher-forced.

A turn carries the corpus's own history, belief state and active domain, so that it is the same
whoever answers and whatever was answered before. Without a corpus the demo's utterances stand in,
each the first of its dialogue, and the output says so.
Example: ``load_turns(checkpoint, 60).bodies[0]`` is ``b'{"user": "...", "history": [...], ...}'``.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from todserve.corpora.registry import load
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import CorpusError, RequestError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.request_check import admit
from todserve.runtime.tracking.state_replay import needs_replay
from todserve.runtime.wire.request import parse_request
from todserve.serving.terminal.demo import UTTERANCES

CORPUS, SPLIT = "multiwoz21", "dev"
_EVERY = 10
"""Every tenth dialogue, for the file is sorted by kind."""
_DIALOGUES = 30
"""At least so many, for the long histories among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """The turns of a run.

    Attributes:
        source: where they come from, in words.
        bodies: requests as JSON.
        dialogues: whole dialogues of the same source, longest history last in each.
        refused: turns left out: the schema refuses their state, or it would have to be replayed.
    """

    source: str
    bodies: tuple[bytes, ...]
    dialogues: tuple[tuple[bytes, ...], ...] = ()
    refused: int = 0

    @property
    def checksum(self) -> str:
        """The first 12 digits of the sha256 of all bodies."""
        return hashlib.sha256(b"\n".join(self.bodies)).hexdigest()[:12]


def load_turns(checkpoint: Path, number: int, root: Path | None = None) -> Turns:
    """Return ``number`` turns that the checkpoint can be asked, fewer if there are no more.

    Args:
        checkpoint: the folder; its schema must know the corpus's domains.
        number: turns.
        root: where the corpora are; TOD_DATA when None.
    """
    opened = Checkpoint.open(checkpoint)
    try:
        dialogues = load(CORPUS, SPLIT, root)
        return _of_corpus(dialogues, opened, number)
    except CorpusError as error:
        reason = str(error).partition(";")[0]
    bodies = tuple(json.dumps({"user": utterance}).encode() for utterance in UTTERANCES)
    return Turns(
        source=f"the demo's utterances, without history (no corpus: {reason})", bodies=bodies
    )


def _of_corpus(dialogues: Iterable[Dialogue], opened: Checkpoint, number: int) -> Turns:
    bodies: list[bytes] = []
    kept: list[tuple[bytes, ...]] = []
    refused = 0
    for place, dialogue in enumerate(dialogues):
        if place % _EVERY:
            continue
        if len(bodies) >= number and len(kept) >= _DIALOGUES:
            break
        asked = []
        for index in range(len(dialogue.turns)):
            body = body_of(dialogue, index)
            if _possible(body, opened):
                asked.append(body)
            else:
                refused += 1
        bodies += asked
        kept.append(tuple(asked))
    if not bodies:
        raise CorpusError(f"the checkpoint's schema refuses every turn of {CORPUS} {SPLIT}")
    source = f"{CORPUS} {SPLIT}, every {_EVERY}th dialogue, teacher-forced"
    return Turns(
        source=source, bodies=tuple(bodies[:number]), dialogues=tuple(kept), refused=refused
    )


def body_of(dialogue: Dialogue, index: int) -> bytes:
    """Return the request of a dialogue's turn as a client that remembers everything sends it."""
    before = dialogue.turns[:index]
    request = {
        "user": dialogue.turns[index].user,
        "history": [{"user": turn.user, "system": turn.system or ""} for turn in before],
        "state": (before[-1].belief_state or {}) if before else {},
        "domain": before[-1].active_domain if before else None,
    }
    return json.dumps(request, ensure_ascii=False).encode()


def _possible(body: bytes, opened: Checkpoint) -> bool:
    try:
        request = parse_request(body)
        admit(request, opened, utterance=request.user)
    except RequestError:
        return False
    # Rebuilding a state that a client did not send is work that the peers do not do.
    return not needs_replay(request, opened.format.context)
