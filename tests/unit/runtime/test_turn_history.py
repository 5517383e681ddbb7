from pathlib import Path

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

IDENTITY = ModelIdentity(name="tod", version="1.0", checkpoint="0" * 12)


def follows_the_user(asked: Asked) -> str:
    """Add what the last utterance says to the state."""
    if asked.task is TaskName.RESPONSE:
        return "anything else?"
    if asked.task is not TaskName.BELIEF_STATE:
        return ""
    user = asked.context.rpartition("<sos_u>")[2]
    if "train" in user:
        return "[train] destination ely"
    if "friday" in user:
        # Only a prompt that shows the train of the turn before can know what friday is for.
        assert "destination ely" in asked.context
        return "[train] day friday"
    return ""


def test_markov_state_is_rebuilt_from_the_history(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    engine = ScriptedEngine(checkpoint, follows_the_user)
    pipeline = Pipeline(checkpoint, engine, IDENTITY)
    history = [
        {"user": "a train to ely please", "system": "to where?"},
        {"user": "on friday", "system": "at what time?"},
    ]
    answers = pipeline.answer(
        [
            parse_request({"user": "any time", "history": history}),
            parse_request({"user": "any time", "history": history[:1]}),
            parse_request({"user": "hello"}),
        ]
    )
    states = []
    for answer in answers:
        assert isinstance(answer, TurnResponse)
        assert answer.belief_state is not None
        states.append(
            {
                domain: {slot: one.value for slot, one in slots.items()}
                for domain, slots in answer.belief_state.items()
            }
        )
    assert states == [
        {"train": {"destination": "ely", "day": "friday"}},
        {"train": {"destination": "ely"}},
        {},
    ]
    # Level by level: both histories' first turns, then the longer one's second, then the batch.
    assert [len(call) for call in engine.generated] == [2, 1, 6, 6]
    assert isinstance(answers[0], TurnResponse)
    assert answers[0].domain is not None
    assert answers[0].domain.active == "train"


def test_client_that_sends_its_state_pays_for_no_replay(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    engine = ScriptedEngine(checkpoint, follows_the_user)
    pipeline = Pipeline(checkpoint, engine, IDENTITY)
    history = [{"user": "a train to ely please", "system": "to where?"}]
    for memory in ({"state": {"train": {"destination": "ely"}}}, {"domain": "train"}):
        engine.generated.clear()
        pipeline.answer([parse_request({"user": "thanks", "history": history, **memory})])
        assert len(engine.generated) == 2


def test_full_context_reads_the_history_and_replays_nothing(tiny_pptod_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_pptod_checkpoint)
    engine = ScriptedEngine(checkpoint, lambda asked: "")
    pipeline = Pipeline(checkpoint, engine, IDENTITY)
    history = [{"user": "a train to ely please", "system": "to where?"}] * 3
    pipeline.answer([parse_request({"user": "thanks", "history": history})])
    assert len(engine.generated) == 2
    assert engine.generated[0][0].context.count("a train to ely please") == 3


def test_system_turns_are_brought_into_the_checkpoints_form(
    tiny_checkpoint: Path, tiny_pptod_checkpoint: Path
) -> None:
    plain = "Pizza Palace is at 1 Market Street."
    delexicalised = "[value_name] is at [value_address]."
    contexts = {}
    for folder in (tiny_checkpoint, tiny_pptod_checkpoint):
        for text in (plain, delexicalised):
            checkpoint = Checkpoint.open(folder)
            engine = ScriptedEngine(checkpoint, lambda asked: "")
            Pipeline(checkpoint, engine, IDENTITY).answer(
                [
                    parse_request(
                        {
                            "user": "thanks",
                            "history": [{"user": "hello", "system": text}],
                            "state": {"restaurant": {"name": "pizza palace"}},
                            "domain": "restaurant",
                        }
                    )
                ]
            )
            contexts[folder, text] = engine.generated[0][0].context
    for text in (plain, delexicalised):
        assert "pizza palace is at 1 market street." in contexts[tiny_checkpoint, text]
        assert "[value_name] is at [value_address]." in contexts[tiny_pptod_checkpoint, text]


def test_long_history_keeps_only_what_the_context_has_room_for(
    tiny_pptod_checkpoint: Path,
) -> None:
    checkpoint = Checkpoint.open(tiny_pptod_checkpoint)
    engine = ScriptedEngine(checkpoint, lambda asked: "")
    history = [{"user": "please " * 60, "system": "which area? " * 20}] * 100
    (answer,) = Pipeline(checkpoint, engine, IDENTITY).answer(
        [parse_request({"user": "thanks", "history": history[:90]})]
    )
    assert isinstance(answer, TurnResponse)
    context = engine.generated[0][0].context
    assert context.startswith("translate dialogue to belief state:")
    assert context.endswith("<sos_u> thanks <eos_u> <eos_context>")
    assert len(checkpoint.tokenizer.encode(context)) <= 950


def test_no_history_is_followed_further_back_than_people_type(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint.open(tiny_checkpoint)
    asked: dict[str, int] = {}
    for name, user in (("long", "please " * 150), ("usual", "somewhere cheap in the centre")):
        engine = ScriptedEngine(checkpoint, lambda asked: "")
        history = [{"user": user, "system": "which area?"}] * 90
        (answer,) = Pipeline(checkpoint, engine, IDENTITY).answer(
            [parse_request({"user": "thanks", "history": history})]
        )
        assert isinstance(answer, TurnResponse)
        asked[name] = len(engine.generated)
    assert asked["usual"] > 90
    assert asked["long"] < 25
