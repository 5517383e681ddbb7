"""What people wrote may be written under the constraint: MultiWOZ's own labels, dev only."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.source_tree import ROOT
from todserve.corpora.enrichment import enrich
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged
from todserve.corpora.registry import TOD_DATA, find
from todserve.evaluation.dialogue_selection import select
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint import build_automaton
from todserve.runtime.decoding.token_automaton import FREE
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.language.dialogue import Dialogue, state_update
from todserve.runtime.language.prompts import PromptBuilder
from todserve.runtime.language.tasks import TASKS, TaskName


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return Checkpoint.open(ROOT / "checkpoints" / "multiwoz")


def targets(dialogue: Dialogue, checkpoint: Checkpoint) -> Iterator[tuple[TaskName, object]]:
    before: dict[str, dict[str, str]] = {}
    for turn in dialogue.turns:
        state: dict[str, dict[str, str]] = {}
        for domain, slots in (turn.belief_state or {}).items():
            for slot, value in slots.items():
                known = checkpoint.schema.normalise_value(domain, slot, value)
                if known is not None:
                    state.setdefault(domain, {})[slot] = known
        yield TaskName.BELIEF_STATE, state_update(before, state)
        before = state
        if turn.dialogue_acts is not None:
            yield TaskName.DIALOGUE_ACT, turn.dialogue_acts
        if turn.intent is not None:
            yield TaskName.INTENT, turn.intent
        if turn.delexicalised_response:
            yield TaskName.RESPONSE, turn.delexicalised_response


@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_the_labels_of_dev_may_be_written(checkpoint: Checkpoint) -> None:
    automaton = build_automaton(checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    knowledge, schema = checkpoint.knowledge, checkpoint.schema
    delexicaliser = Delexicaliser(knowledge, schema)
    unknown = checkpoint.tokenizer.token_id("<unk>")
    written, refused, unwritable = Counter[TaskName](), Counter[TaskName](), Counter[TaskName]()
    dialogues = read_merged(find("multiwoz21"), "dev", replies=ReplySource.TSV)
    for dialogue in select(dialogues, quick=True):
        whole = enrich(dialogue, delexicaliser, knowledge, schema, keep_spans=False)
        for task, target in targets(whole, checkpoint):
            ids = builder.target(TASKS[task], target)
            if unknown in ids:
                unwritable[task] += 1
                continue
            written[task] += 1
            refused[task] += automaton.after(automaton.starts[task], ids) != FREE
    assert min(written[task] for task in TaskName) > 500
    # One reply asks for the time of a hotel, which has no such slot.
    assert dict(refused) == {task: int(task is TaskName.DIALOGUE_ACT) for task in TaskName}
    # Letters that the vocabulary lacks: capitals in replies.
    assert unwritable[TaskName.BELIEF_STATE] <= 1
    assert unwritable[TaskName.INTENT] == unwritable[TaskName.DIALOGUE_ACT] == 0
