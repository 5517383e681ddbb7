import json
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.dialogue_selection import QUICK_DIALOGUES, check_split, select
from todserve.evaluation.metrics.corpus_scores import score
from todserve.evaluation.metrics.invented_labels import INVENTED
from todserve.evaluation.rollout import PROTOCOL, Outcome, roll_out
from todserve.evaluation.scorecard import Scorecard, Signature, code_version
from todserve.evaluation.suites.multiwoz.multiwoz_run import run_evaluation, subset_name
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.response import ModelIdentity

SIGNATURE = Signature(
    corpus="multiwoz21",
    split="dev",
    subset="all",
    checkpoint="0" * 12,
    code="0.1.0",
    protocol=PROTOCOL,
)
ASK_DAY = DialogueAct(domain="train", act="request", slot="day")
INFORM_ID = DialogueAct(domain="train", act="inform", slot="id")


def dialogue(dialogue_id: str) -> Dialogue:
    return Dialogue(
        dialogue_id=dialogue_id,
        corpus="multiwoz21",
        split="dev",
        turns=(
            Turn(
                user="a train to ely",
                belief_state={"train": {"destination": "ely"}},
                intent="find_train",
                dialogue_acts=(ASK_DAY,),
                system="what day would you like?",
                delexicalised_response="what day would you like?",
            ),
            Turn(
                user="on friday",
                belief_state={"train": {"destination": "ely", "day": "friday"}},
                intent="find_train",
                dialogue_acts=(INFORM_ID,),
                system="tr0001 would be good.",
                delexicalised_response="[value_id] would be good.",
            ),
        ),
    )


def ids(half: DevHalf, count: int) -> list[str]:
    names = (f"dialogue-{number}" for number in range(1000))
    return [name for name in names if dev_half(name) is half][:count]


GOLD = {
    ("ely", TaskName.BELIEF_STATE): "[train] destination ely",
    ("ely", TaskName.INTENT): "[find_train]",
    ("ely", TaskName.DIALOGUE_ACT): "[train] [request] day",
    ("ely", TaskName.RESPONSE): "what day would you like?",
    ("friday", TaskName.BELIEF_STATE): "[train] day friday",
    ("friday", TaskName.INTENT): "[find_train]",
    ("friday", TaskName.DIALOGUE_ACT): "[train] [inform] id",
    ("friday", TaskName.RESPONSE): "[value_id] would be good.",
}


def oracle(asked: Asked) -> str:
    """Say what the labels say, by the last utterance of the prompt."""
    last = "friday" if "friday" in asked.context.rpartition("<sos_u>")[2] else "ely"
    return GOLD[last, asked.task]


def rolled_out(folder: Path, dialogues: list[Dialogue], batch: int = 2) -> list[Outcome]:
    checkpoint = Checkpoint.open(folder)
    engine = ScriptedEngine(checkpoint, oracle)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, engine, identity)
    return list(roll_out(pipeline, dialogues, batch=batch))


def test_model_that_says_the_labels_scores_full_marks(each_tiny_checkpoint: Path) -> None:
    dialogues = [dialogue(name) for name in ids(DevHalf.HELD_OUT, 3)]
    outcomes = rolled_out(each_tiny_checkpoint, dialogues)
    assert [(one.dialogue_id, one.index) for one in outcomes] == [
        (one.dialogue_id, index) for index in range(2) for one in dialogues
    ]
    figures = score(outcomes, Checkpoint.open(each_tiny_checkpoint).schema, SIGNATURE)
    values = {one.figure.name: one.figure.value for one in figures}
    assert values == {
        "joint_goal_accuracy": 1.0,
        "slot_f1": 1.0,
        "intent_accuracy": 1.0,
        "dialogue_act_f1": 1.0,
        "response_bleu_surrogate": pytest.approx(100),
        "refused": 0.0,
        "unparsed": 0.0,
        "disagreement": 0.0,
        **{f"unparsed_{task}": 0.0 for task in TaskName},
        **dict.fromkeys(INVENTED, 0.0),
    }


def test_generated_states_are_carried_and_replies_are_the_corpus_s(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    engine = ScriptedEngine(
        checkpoint,
        # Not the label, but something that was said: what nobody says is not carried.
        lambda asked: "[train] departure ely" if "state" in asked.task else "anything else?",
    )
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    list(roll_out(Pipeline(checkpoint, engine, identity), [dialogue("one")]))
    first, _, second, _ = engine.generated
    assert "departure" not in first[0].context
    assert "<sos_b> [train] departure ely <eos_b>" in second[0].context
    assert "destination" not in second[0].context
    assert "<sos_r> what day would you like? <eos_r>" in second[0].context


def test_refused_turn_counts_as_wrong_and_keeps_the_state(tiny_checkpoint: Path) -> None:
    long = Turn(user="ely " * 990, belief_state={"train": {"day": "friday"}}, intent="find_train")
    first = dialogue(ids(DevHalf.HELD_OUT, 1)[0])
    outcomes = rolled_out(
        tiny_checkpoint,
        [
            Dialogue(
                dialogue_id=first.dialogue_id, corpus="x", split="dev", turns=(*first.turns, long)
            )
        ],
    )
    assert outcomes[2].answer is None
    assert outcomes[2].state == outcomes[1].state
    figures = score(outcomes, Checkpoint.open(tiny_checkpoint).schema, SIGNATURE)
    values = {one.figure.name: one.figure.value for one in figures}
    assert values["intent_accuracy"] == pytest.approx(2 / 3)
    assert values["joint_goal_accuracy"] == pytest.approx(2 / 3)
    assert values["refused"] == pytest.approx(1 / 3)


def test_acts_and_intents_are_scored_on_the_held_out_half_alone(tiny_checkpoint: Path) -> None:
    names = ids(DevHalf.HELD_OUT, 1) + ids(DevHalf.ANNOTATOR, 3)
    outcomes = rolled_out(tiny_checkpoint, [dialogue(name) for name in names])
    figures = score(outcomes, Checkpoint.open(tiny_checkpoint).schema, SIGNATURE)
    counted = {one.figure.name: (one.figure.of, one.signature.subset) for one in figures}
    assert counted["intent_accuracy"] == (2, "all/dev-held-out")
    assert counted["dialogue_act_f1"] == (2, "all/dev-held-out")
    assert counted["joint_goal_accuracy"] == (8, "all")
    assert counted["response_bleu_surrogate"] == (8, "all")


def test_quick_selection_is_fixed_and_independent_of_order() -> None:
    dialogues = [dialogue(f"PMUL{number:04d}") for number in range(300)]
    quick = select(dialogues, quick=True)
    assert len(quick) == QUICK_DIALOGUES
    assert [one.dialogue_id for one in quick[:3]] == ["PMUL0183", "PMUL0079", "PMUL0034"]
    assert select(reversed(dialogues), quick=True) == quick
    assert select(dialogues, quick=True, limit=5) == quick[:5]
    # The hash must not favour a half, or act figures would rest on few dialogues.
    held_out = sum(dev_half(one.dialogue_id) is DevHalf.HELD_OUT for one in quick)
    assert 35 < held_out < 65


def test_limit_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="limit 0"):
        select([], limit=0)


def test_train_is_never_scored(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="split 'train'; expected dev or test"):
        run_evaluation(AnswererSource(checkpoint=tmp_path), split="train")


def test_test_is_refused_to_those_who_choose_by_it(tmp_path: Path) -> None:
    check_split("test")
    with pytest.raises(ConfigError, match="split 'test'; expected dev"):
        run_evaluation(AnswererSource(checkpoint=tmp_path), split="test", allow_test=False)


def test_unknown_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="corpus 'sgd' cannot be scored; expected multiwoz21"):
        run_evaluation(AnswererSource(checkpoint=tmp_path), corpus="sgd")


def test_scorecard_carries_a_signature_on_every_figure(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    outcomes = rolled_out(tiny_checkpoint, [dialogue(ids(DevHalf.HELD_OUT, 1)[0])])
    figures = score(outcomes, Checkpoint.open(tiny_checkpoint).schema, SIGNATURE)
    card = Scorecard(figures=figures, dialogues=1, turns=2, seconds=1.0)
    card.save(tmp_path / "new" / "scores.json")
    saved = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert saved["figures"]["joint_goal_accuracy"]["signature"] == (
        f"multiwoz21|dev|all|checkpoint:{'0' * 12}|todserve:0.1.0|{PROTOCOL}"
    )
    assert all(one["signature"] for one in saved["figures"].values())
    assert card.value("joint_goal_accuracy") == 1.0
    assert "joint_goal_accuracy       1.0000  of 2 turns" in card.table()
    assert str(SIGNATURE) in card.table()


def test_subset_says_what_was_left_out() -> None:
    assert subset_name(quick=False, limit=None) == "all"
    assert subset_name(quick=True, limit=None) == "quick-100"
    assert subset_name(quick=True, limit=10) == "quick-100-first-10"


def test_code_version_starts_with_the_packages() -> None:
    assert code_version()[0].isdigit()
