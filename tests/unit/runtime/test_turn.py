import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scripted_engine import LOG_PROB, Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import RequestError
from todserve.runtime.language.prompts import BeliefTarget, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

IDENTITY = ModelIdentity(name="tod", version="1.0", checkpoint="0" * 12)


SAID = "somewhere cheap in the centre"
"""Bears out what FIXED writes into the state."""


def scripted(
    folder: Path, script: Callable[[Asked], str], *, finished: bool = True
) -> tuple[Pipeline, ScriptedEngine]:
    checkpoint = Checkpoint.open(folder)
    engine = ScriptedEngine(checkpoint, script, finished=finished)
    return Pipeline(checkpoint, engine, IDENTITY), engine


def answered(pipeline: Pipeline, **body: object) -> TurnResponse:
    (answer,) = pipeline.answer([parse_request({"user": SAID, **body})])
    assert isinstance(answer, TurnResponse), answer
    return answer


def values(answer: TurnResponse) -> dict[str, dict[str, str]]:
    assert answer.belief_state is not None
    return {
        domain: {slot: one.value for slot, one in slots.items()}
        for domain, slots in answer.belief_state.items()
    }


FIXED = {
    TaskName.BELIEF_STATE: "[restaurant] area centre pricerange cheap",
    TaskName.INTENT: "[find_restaurant]",
    TaskName.DIALOGUE_ACT: "[restaurant] [recommend] name [inform] phone",
    TaskName.RESPONSE: "[value_name] is nice. its phone is [value_phone].",
}


def fixed(asked: Asked) -> str:
    return FIXED[asked.task]


def test_batch_costs_one_engine_call_before_the_look_up_and_one_after(
    each_tiny_checkpoint: Path,
) -> None:
    pipeline, engine = scripted(each_tiny_checkpoint, fixed)
    pipeline.answer([parse_request({"user": f"hello {number}"}) for number in range(3)])
    before, after = engine.generated
    assert [one.task for one in before] == [TaskName.BELIEF_STATE, TaskName.INTENT] * 3
    assert [one.task for one in after] == [TaskName.DIALOGUE_ACT, TaskName.RESPONSE] * 3


def test_prompt_in_the_decoder_encodes_each_context_once_for_both_calls(
    tiny_checkpoint: Path, tiny_pptod_checkpoint: Path
) -> None:
    requests = [parse_request({"user": "hello"}), parse_request({"user": "good bye"})]
    pipeline, engine = scripted(tiny_checkpoint, fixed)
    pipeline.answer(requests)
    assert engine.encoded == [2]
    pipeline, engine = scripted(tiny_pptod_checkpoint, fixed)
    pipeline.answer(requests)
    assert engine.encoded == [4, 4]


def test_turn_is_answered_from_intent_to_reply(each_tiny_checkpoint: Path) -> None:
    pipeline, engine = scripted(each_tiny_checkpoint, fixed)
    answer = answered(pipeline, user="a cheap place in the centre")
    assert answer.intent is not None
    assert answer.intent.name == "find_restaurant"
    assert values(answer) == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    assert answer.domain is not None
    assert (answer.domain.active, answer.domain.switched) == ("restaurant", True)
    assert answer.database is not None
    assert answer.database.matches == 1
    assert answer.database.results[0]["name"] == "pizza palace"
    assert answer.dialogue_act is not None
    assert [(one.act, one.slot) for one in answer.dialogue_act] == [
        ("recommend", "name"),
        ("inform", "phone"),
    ]
    assert answer.response is not None
    assert answer.response.delexicalised == FIXED[TaskName.RESPONSE]
    assert "Pizza Palace is nice" in answer.response.text
    assert "[value_" not in answer.response.text
    assert answer.consistent is True
    assert answer.unparsed == {}
    assert answer.model == IDENTITY
    assert set(answer.timing_ms) >= {"understand", "look_up", "reply", "total"}


def test_database_token_reaches_the_second_call(
    tiny_checkpoint: Path, tiny_pptod_checkpoint: Path
) -> None:
    pipeline, engine = scripted(tiny_checkpoint, fixed)
    answered(pipeline)
    assert {one.prefix for one in engine.generated[1]} == {"<sos_a> [db_1]", "<sos_r> [db_1]"}
    pipeline, engine = scripted(tiny_pptod_checkpoint, fixed)
    answered(pipeline)
    assert {one.prefix for one in engine.generated[1]} == {"<sos_a>", "<sos_r>"}
    assert all(one.context.endswith("<sos_db> [db_1] <eos_db>") for one in engine.generated[1])
    assert not any("<sos_db>" in one.context for one in engine.generated[0])


def test_turn_without_active_domain_looks_nothing_up(tiny_checkpoint: Path) -> None:
    pipeline, engine = scripted(tiny_checkpoint, lambda asked: "")
    answer = answered(pipeline, user="good morning")
    assert engine.generated[1][0].prefix == "<sos_a> [db_nores]"
    assert answer.database is not None
    assert answer.database.matches is None
    assert answer.domain is not None
    assert answer.domain.active is None


def test_confidence_is_the_probability_of_the_tokens(tiny_checkpoint: Path) -> None:
    pipeline, _ = scripted(tiny_checkpoint, fixed)
    answer = answered(pipeline)
    count = len(pipeline.checkpoint.tokenizer.encode("[restaurant] area centre")) - len(
        pipeline.checkpoint.tokenizer.encode("[restaurant] area")
    )
    assert answer.belief_state is not None
    area = answer.belief_state["restaurant"]["area"]
    assert area.confidence == pytest.approx(math.exp(LOG_PROB * count), abs=1e-6)
    assert answer.intent is not None
    tokens = len(pipeline.checkpoint.tokenizer.encode("[find_restaurant]")) + 1
    assert answer.intent.confidence == pytest.approx(math.exp(LOG_PROB * tokens), abs=1e-6)


def test_carried_slot_keeps_the_clients_confidence_or_none(tiny_checkpoint: Path) -> None:
    pipeline, _ = scripted(tiny_checkpoint, fixed)
    answer = answered(
        pipeline,
        state={"train": {"day": {"value": "friday", "confidence": 0.5}, "departure": "ely"}},
    )
    assert answer.belief_state is not None
    assert answer.belief_state["train"]["day"].confidence == 0.5
    assert answer.belief_state["train"]["departure"].confidence is None


def test_update_changes_and_withdraws_slots(tiny_checkpoint: Path) -> None:
    def script(asked: Asked) -> str:
        return "[restaurant] area none food indian" if asked.task is TaskName.BELIEF_STATE else ""

    pipeline, _ = scripted(tiny_checkpoint, script)
    answer = answered(
        pipeline,
        user="rather indian, and anywhere",
        state={"restaurant": {"area": "centre", "food": "italian", "people": "2"}},
    )
    assert values(answer) == {"restaurant": {"food": "indian", "people": "2"}}


def test_whole_state_prediction_lets_no_slot_vanish(tiny_pptod_checkpoint: Path) -> None:
    pipeline, _ = scripted(tiny_pptod_checkpoint, fixed)
    answer = answered(pipeline, state={"restaurant": {"people": "4", "area": "north"}})
    assert values(answer) == {
        "restaurant": {"people": "4", "area": "centre", "pricerange": "cheap"}
    }


def test_a_state_of_the_turn_alone_replaces_what_was_known(
    tiny_pptod_checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_pptod_checkpoint, tmp_path / "alone"))
    form = PromptFormat.load(folder / "format.json")
    form.model_copy(update={"belief_target": BeliefTarget.TURN}).save(folder / "format.json")
    pipeline, _ = scripted(folder, fixed)
    kept = {"people": "4", "area": {"value": "north", "confidence": 0.25}}
    answer = answered(pipeline, state={"restaurant": kept, "train": {"day": "friday"}})
    assert values(answer) == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    assert answer.belief_state is not None
    assert answer.belief_state["restaurant"]["area"].confidence != 0.25


def test_refused_and_foreign_pieces_are_reported_as_unparsed(tiny_checkpoint: Path) -> None:
    def script(asked: Asked) -> str:
        written = {
            TaskName.BELIEF_STATE: "[restaurant] area inside [hotel] area north",
            TaskName.INTENT: "[find_hotel]",
        }
        return written.get(asked.task, "")

    pipeline, _ = scripted(tiny_checkpoint, script)
    answer = answered(pipeline)
    assert values(answer) == {}
    assert answer.intent is None
    assert "[restaurant] area inside" in answer.unparsed["belief_state"]
    assert "[hotel]" in answer.unparsed["belief_state"]
    assert answer.unparsed["intent"] == ("[find_hotel]",)


def test_value_cut_off_by_the_length_cap_is_not_believed(tiny_checkpoint: Path) -> None:
    def script(asked: Asked) -> str:
        return "[train] day friday destination cam" if asked.task is TaskName.BELIEF_STATE else ""

    pipeline, _ = scripted(tiny_checkpoint, script, finished=False)
    answer = answered(pipeline, user="on friday")
    assert values(answer) == {"train": {"day": "friday"}}
    assert answer.unparsed["belief_state"] == ("[train] destination cam",)


def test_values_are_spelled_as_the_schema_does(tiny_checkpoint: Path) -> None:
    pipeline, _ = scripted(tiny_checkpoint, lambda asked: "")
    state = {"restaurant": {"area": "Center"}, "train": {"leave": "9:30"}}
    answer = answered(pipeline, state=state)
    assert values(answer) == {"restaurant": {"area": "centre"}, "train": {"leave": "09:30"}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"state": {"trian": {"day": "friday"}}}, "unknown domain 'trian', did you mean 'train'"),
        ({"state": {"train": {"dya": "friday"}}}, "unknown slot 'dya', did you mean 'day'"),
        ({"state": {"train": {"day": "someday"}}}, "state.train.day: unknown value 'someday'"),
        ({"domain": "trains"}, "unknown domain 'trains', did you mean 'train'"),
        ({"user": "ely " * 990}, "tokens long; this checkpoint reads at most"),
    ],
)
def test_bad_item_is_refused_alone(
    tiny_checkpoint: Path, body: dict[str, object], message: str
) -> None:
    pipeline, _ = scripted(tiny_checkpoint, fixed)
    good = parse_request({"user": "hello"})
    first, bad, last = pipeline.answer([good, parse_request({"user": "hello", **body}), good])
    assert isinstance(bad, RequestError)
    assert message in str(bad)
    assert isinstance(first, TurnResponse)
    assert isinstance(last, TurnResponse)


def test_only_asked_tasks_are_generated(tiny_checkpoint: Path) -> None:
    pipeline, engine = scripted(tiny_checkpoint, fixed)
    answer = answered(pipeline, tasks=["intent"])
    assert [[one.task for one in call] for call in engine.generated] == [[TaskName.INTENT]]
    assert answer.intent is not None
    assert answer.belief_state is None
    assert answer.domain is None
    assert answer.response is None


def test_reply_alone_rests_on_the_same_state_as_all_tasks(tiny_checkpoint: Path) -> None:
    pipeline, engine = scripted(tiny_checkpoint, fixed)
    alone = answered(pipeline, tasks=["response"])
    together = answered(pipeline)
    assert alone.response == together.response
    assert alone.belief_state is None
    assert alone.dialogue_act is None
    assert [one.task for one in engine.generated[1]] == [TaskName.RESPONSE]


def test_empty_batch_asks_nothing(tiny_checkpoint: Path) -> None:
    pipeline, engine = scripted(tiny_checkpoint, fixed)
    assert pipeline.answer([]) == []
    assert engine.generated == []


def test_a_task_that_was_not_learnt_is_left_out_and_refused_by_name(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "taught"))
    form = PromptFormat.load(folder / "format.json")
    taught = (TaskName.BELIEF_STATE, TaskName.RESPONSE)
    form.model_copy(update={"tasks": taught}).save(folder / "format.json")
    pipeline, engine = scripted(folder, lambda asked: FIXED[asked.task])
    everything, refused = pipeline.answer(
        [
            parse_request({"user": "a cheap place"}),
            parse_request({"user": "a cheap place", "tasks": ["intent", "response"]}),
        ]
    )
    assert isinstance(everything, TurnResponse)
    assert everything.belief_state is not None
    assert everything.response is not None
    assert (everything.intent, everything.dialogue_act, everything.consistent) == (None,) * 3
    assert {row.task for rows in engine.generated for row in rows} == set(taught)
    assert str(refused) == (
        "tasks: this model has not learnt intent; expected one of belief_state, response"
    )
