from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.tiny_checkpoint import SCHEMA
from todserve.evaluation.calibration.judged_claims import (
    Claim,
    act_places,
    claims,
    generated_passages,
)
from todserve.evaluation.metrics.forced_passages import Passage
from todserve.evaluation.metrics.reference_passages import reference_passages
from todserve.evaluation.watched_rollout import Watched, WatchedPipeline, watch
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.prompts import BeliefTarget, PromptBuilder
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.response import ModelIdentity

ASK = DialogueAct(domain="train", act="request", slot="day")
INFORM = DialogueAct(domain="train", act="inform", slot="id")
MORE = DialogueAct(domain="general", act="reqmore")

DIALOGUE = Dialogue(
    dialogue_id="one",
    corpus="multiwoz21",
    split="dev",
    turns=(
        Turn(
            user="a train to ely",
            belief_state={"train": {"destination": "ely"}},
            intent="find_train",
            dialogue_acts=(ASK,),
            system="what day?",
            delexicalised_response="what day?",
        ),
        Turn(
            user="on friday from cambridge",
            belief_state={"train": {"destination": "ely", "day": "friday"}},
            intent="find_train",
            dialogue_acts=(INFORM, MORE),
            system="tr0001. anything else?",
            delexicalised_response="[value_id]. anything else?",
            active_domain="train",
            database_matches=2,
        ),
    ),
)


def watched(folder: Path, said: dict[TaskName, str], *, finished: bool = True) -> list[Watched]:
    """Roll DIALOGUE out with a model that says the same in every turn."""
    checkpoint = Checkpoint.open(folder)

    def script(asked: Asked) -> str:
        return said.get(asked.task, "")

    engine = ScriptedEngine(checkpoint, script, finished=finished)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    return watch(WatchedPipeline(checkpoint, engine, identity), [DIALOGUE])


def found(turn: Watched, folder: Path) -> list[tuple[str, str, bool]]:
    """Return (kind, the text of its tokens, right) of each claim."""
    checkpoint = Checkpoint.open(folder)
    assert turn.work is not None
    return [
        (claim.kind, _text(turn, claim, checkpoint), claim.right)
        for claim in claims(
            turn.work, turn.outcome.turn, checkpoint.format.belief_target, checkpoint.schema
        )
    ]


def _text(turn: Watched, claim: Claim, checkpoint: Checkpoint) -> str:
    assert turn.work is not None
    ids = turn.work.readings[claim.task].generation.ids
    return checkpoint.tokenizer.decode([ids[at] for at in claim.tokens if at < len(ids)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train] [request] day", ["[train] [request] day"]),
        ("[train] [inform] choice id", ["[train] [inform] choice", " id"]),
        (
            "[train] [inform] id [offerbook] [general] [reqmore]",
            ["[train] [inform] id", " [offerbook]", " [general] [reqmore]"],
        ),
        # what could not be parsed belongs to the act after it
        ("phone [train] [inform] id", ["phone [train] [inform] id"]),
        ("[train] [inform] id id", ["[train] [inform] id", " id"]),
        # a domain without an act says nothing
        ("[train] [inform] id [taxi]", ["[train] [inform] id"]),
        ("", []),
        ("phone", []),
    ],
)
def test_an_act_is_said_by_what_was_written_since_the_one_before(
    text: str, said: list[str]
) -> None:
    assert [text[start:end] for start, end in act_places(text, SCHEMA)] == said


def test_slots_intent_and_acts_are_judged_against_the_corpus(tiny_checkpoint: Path) -> None:
    first, second = watched(
        tiny_checkpoint,
        {
            TaskName.BELIEF_STATE: "[train] day friday destination ely",
            TaskName.INTENT: "[find_train]",
            TaskName.DIALOGUE_ACT: "[train] [request] day [inform] id",
        },
    )
    assert found(first, tiny_checkpoint) == [
        ("slot", "friday", False),  # not yet said
        ("slot", "ely", True),
        ("intent", "[find_train]", True),
        ("act", "[train] [request] day", True),
        ("act", "[inform] id", False),
        ("act_set", "[train] [request] day [inform] id", False),
    ]
    assert [right for _, _, right in found(second, tiny_checkpoint)] == [
        True,
        True,
        True,
        False,
        True,
        False,
    ]


def test_whole_generations_are_claimed_with_their_end_token(tiny_checkpoint: Path) -> None:
    said = {TaskName.INTENT: "[find_train]", TaskName.DIALOGUE_ACT: "[train] [request] day"}
    checkpoint = Checkpoint.open(tiny_checkpoint)
    for finished in (True, False):
        first = watched(tiny_checkpoint, said, finished=finished)[0]
        assert first.work is not None
        whole = {
            claim.kind: len(claim.tokens)
            for claim in claims(
                first.work, DIALOGUE.turns[0], BeliefTarget.UPDATE, checkpoint.schema
            )
            if claim.kind in ("intent", "act_set")
        }
        lengths = {
            kind: len(checkpoint.tokenizer.encode(said[task])) + finished
            for kind, task in (
                ("intent", TaskName.INTENT),
                ("act_set", TaskName.DIALOGUE_ACT),
            )
        }
        assert whole == lengths


def test_what_is_served_without_a_confidence_claims_nothing(tiny_checkpoint: Path) -> None:
    # a slot withdrawn, a value the schema refuses, an intent nobody knows
    first = watched(
        tiny_checkpoint,
        {
            TaskName.BELIEF_STATE: "[train] destination none day someday",
            TaskName.INTENT: "[find_hotel]",
        },
    )[0]
    assert [kind for kind, _, _ in found(first, tiny_checkpoint)] == ["act_set"]


def test_a_slot_written_twice_is_judged_by_what_it_became(tiny_checkpoint: Path) -> None:
    first = watched(
        tiny_checkpoint, {TaskName.BELIEF_STATE: "[train] destination cambridge destination ely"}
    )[0]
    assert ("slot", "ely", True) in found(first, tiny_checkpoint)
    assert [kind for kind, _, _ in found(first, tiny_checkpoint)].count("slot") == 1


def test_unannotated_tasks_are_not_judged(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    first = watched(tiny_checkpoint, {TaskName.INTENT: "[find_train]"})[0]
    assert first.work is not None
    bare = Turn(user="a train to ely")
    assert list(claims(first.work, bare, BeliefTarget.UPDATE, checkpoint.schema)) == []


def test_generated_passages_repeat_the_prompts_that_were_asked(each_tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(each_tiny_checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    said = {
        TaskName.BELIEF_STATE: "[train] day friday",
        TaskName.INTENT: "[find_train]",
        TaskName.DIALOGUE_ACT: "[train] [inform] id",
        TaskName.RESPONSE: "[value_id]",
    }
    engine = ScriptedEngine(checkpoint, lambda asked: said[asked.task])
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    turns = watch(WatchedPipeline(checkpoint, engine, identity), [DIALOGUE])
    asked = [(one.task, one.context, one.prefix) for call in engine.generated for one in call]
    decode = checkpoint.tokenizer.decode
    repeated: list[tuple[TaskName, str, str]] = []
    for turn in turns:
        assert turn.work is not None
        for task, one in generated_passages(turn.work, builder).items():
            repeated.append((task, decode(one.context), decode(one.prefix)))
            assert decode(one.target[:-1]) == said[task]
            assert one.target[-1] == builder.end_id(task)
    assert repeated == asked


def shown(passage: Passage, checkpoint: Checkpoint) -> str:
    decode = checkpoint.tokenizer.decode
    return f"{decode(passage.prefix)} {decode(passage.target)}"


def test_references_are_what_training_shows(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    passages = list(reference_passages([DIALOGUE], builder, checkpoint.knowledge))
    assert [shown(one, checkpoint) for one in passages] == [
        "<sos_b> [train] destination ely <eos_b>",
        "<sos_d> [find_train] <eos_d>",
        "<sos_a> [db_nores] [train] [request] day <eos_a>",
        "<sos_r> [db_nores] what day? <eos_r>",
        "<sos_b> [train] day friday <eos_b>",
        "<sos_d> [find_train] <eos_d>",
        "<sos_a> [db_1] [train] [inform] id [general] [reqmore] <eos_a>",
        "<sos_r> [db_1] [value_id]. anything else? <eos_r>",
    ]
    # gold state and the corpus's own reply in front of the second turn
    context = checkpoint.tokenizer.decode(passages[4].context)
    assert "<sos_b> [train] destination ely <eos_b> <sos_r> what day? <eos_r>" in context


def test_references_of_pptods_form_are_whole_states_after_delexicalised_replies(
    tiny_pptod_checkpoint: Path,
) -> None:
    checkpoint = Checkpoint.open(tiny_pptod_checkpoint)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    third = Turn(user="thanks", belief_state={"train": {"destination": "ely"}})
    longer = Dialogue(dialogue_id="two", corpus="x", split="dev", turns=(*DIALOGUE.turns, third))
    passages = list(reference_passages([longer], builder, checkpoint.knowledge))
    assert shown(passages[4], checkpoint) == "<sos_b> [train] destination ely day friday <eos_b>"
    last = checkpoint.tokenizer.decode(passages[-1].context)
    assert "<sos_r> [value_id]. anything else? <eos_r>" in last
    assert passages[-1].task is TaskName.BELIEF_STATE


def test_a_refused_request_has_an_outcome_and_no_work(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    engine = ScriptedEngine(checkpoint, lambda asked: "")
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    long = Dialogue(dialogue_id="long", corpus="x", split="dev", turns=(Turn(user="ely " * 990),))
    pipeline = WatchedPipeline(checkpoint, engine, identity)
    turns = watch(pipeline, [long, DIALOGUE])
    assert [(one.outcome.dialogue_id, one.work is None) for one in turns] == [
        ("long", True),
        ("one", False),
        ("one", False),
    ]
    assert len(watch(pipeline, [DIALOGUE])) == 2
