import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pipeline_server import PipelineServer
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.tiny_checkpoint import PPTOD, write_tiny_checkpoint
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.remote_pipeline import RemotePipeline
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import (
    BusyServerError,
    ConfigError,
    NoConnectionError,
    RequestError,
    TokenRefusedError,
    UnknownModelError,
)
from todserve.runtime.language.prompts import Exchange, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest, parse_request, request_body
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

SAID = {
    TaskName.BELIEF_STATE: "[train] destination ely day friday",
    TaskName.INTENT: "[find_train]",
    TaskName.DIALOGUE_ACT: "[train] [inform] id",
    TaskName.RESPONSE: "[value_id] would be good.",
}


def scripted(asked: Asked) -> str:
    if asked.task is TaskName.BELIEF_STATE and "monday" in asked.context:
        return "[train] destination ely day monday"
    return SAID[asked.task]


@pytest.fixture
def pipeline(opened: Checkpoint) -> Pipeline:
    identity = ModelIdentity(name="tod", version="1", checkpoint=opened.checksum)
    return Pipeline(opened, ScriptedEngine(opened, scripted), identity)


@pytest.fixture
def server(pipeline: Pipeline) -> Iterator[PipelineServer]:
    with PipelineServer(pipeline) as running:
        yield running


def remote(server: PipelineServer, folder: Path, retries: int = 3) -> RemotePipeline:
    return RemotePipeline(server.url, checkpoint=folder, retries=retries, backoff=0.001)


def untimed(
    answers: list[TurnResponse | RequestError],
) -> list[TurnResponse | str]:
    return [
        one.model_copy(update={"timing_ms": {}}) if isinstance(one, TurnResponse) else str(one)
        for one in answers
    ]


TO_ELY = TurnRequest(user="a train to ely on friday")
FOLLOWING = TurnRequest(
    user="on monday rather",
    history=(Exchange(user="a train to ely on friday", system="tr0001 would be good."),),
    state={"train": {"destination": "ely", "day": "friday"}},
    state_confidence={"train": {"day": 0.5}},
    domain="train",
    tasks=(TaskName.BELIEF_STATE,),
    top_k=2,
)
WRONG = TurnRequest(user="a train", state={"trian": {"day": "friday"}})


def test_server_answers_as_the_pipeline_behind_it_and_refuses_one_request_alone(
    server: PipelineServer, pipeline: Pipeline, tiny_checkpoint: Path
) -> None:
    requests = [TO_ELY, WRONG, FOLLOWING, TO_ELY]
    with remote(server, tiny_checkpoint) as far:
        answers = far.answer(requests)
        schema = far.checkpoint.schema
    assert isinstance(answers[1], RequestError)
    assert "unknown domain 'trian', did you mean 'train'?" in str(answers[1])
    assert isinstance(answers[2], TurnResponse)
    assert answers[2].belief_state is not None
    assert answers[2].belief_state["train"]["day"].value == "monday"
    assert untimed(answers) == untimed(pipeline.answer(requests))
    assert schema == pipeline.checkpoint.schema


def test_a_model_that_has_not_learnt_intents_is_evaluated_all_the_same(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "taught"))
    form = PromptFormat.load(folder / "format.json")
    taught = (TaskName.BELIEF_STATE, TaskName.RESPONSE)
    form.model_copy(update={"tasks": taught}).save(folder / "format.json")
    opened = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1", checkpoint=opened.checksum)
    pipeline = Pipeline(opened, ScriptedEngine(opened, scripted), identity)
    with PipelineServer(pipeline) as running, remote(running, folder) as far:
        (answer,) = far.answer([TO_ELY])
    assert isinstance(answer, TurnResponse)
    assert answer.intent is None


@pytest.mark.parametrize("request_", [TO_ELY, FOLLOWING, WRONG])
def test_a_request_survives_the_way_through_json(request_: TurnRequest) -> None:
    assert parse_request(json.dumps(request_body(request_))) == request_


def test_requests_are_sent_together_so_that_the_server_can_batch_them(
    server: PipelineServer, tiny_checkpoint: Path
) -> None:
    with remote(server, tiny_checkpoint) as far:
        server.meet = threading.Barrier(4, timeout=30)  # each answer waits for three more requests
        answers = far.answer([TO_ELY] * 4)
    assert all(isinstance(one, TurnResponse) for one in answers)


def test_a_busy_server_is_asked_again(server: PipelineServer, tiny_checkpoint: Path) -> None:
    server.refuse = lambda number: 503 if number in (0, 2, 3) else None
    with remote(server, tiny_checkpoint) as far:
        assert isinstance(far.answer([TO_ELY])[0], TurnResponse)
    assert len(server.requests) == 5  # 503, greeting, 503, 503, the turn


def test_a_server_that_stays_busy_ends_the_evaluation(
    server: PipelineServer, tiny_checkpoint: Path
) -> None:
    with remote(server, tiny_checkpoint) as far:
        server.refuse = lambda number: 503
        with pytest.raises(BusyServerError, match="HTTP 503 after 4 attempts .*try again later"):
            far.answer([TO_ELY])
    assert len(server.requests) == 1 + 4


def test_a_failure_that_waiting_does_not_mend_is_not_repeated(
    server: PipelineServer, tiny_checkpoint: Path
) -> None:
    with remote(server, tiny_checkpoint) as far:
        server.refuse = lambda number: 401
        with pytest.raises(TokenRefusedError, match="HTTP 401"):
            far.answer([TO_ELY])
    assert len(server.requests) == 2


def test_a_checkpoint_that_changes_during_the_evaluation_is_an_error(
    server: PipelineServer, tiny_checkpoint: Path
) -> None:
    with remote(server, tiny_checkpoint) as far:
        far.answer([TO_ELY])
        server.checkpoint = "0123456789ab"
        with pytest.raises(ConfigError, match=r"0123456789ab .* replaced during the evaluation"):
            far.answer([TO_ELY])


def test_another_folder_than_the_server_s_is_an_error_before_any_turn(
    server: PipelineServer, tmp_path: Path
) -> None:
    other = write_tiny_checkpoint(tmp_path / "other", PPTOD, seed=8)
    with pytest.raises(ConfigError, match=f"{server.checkpoint}, .*pass the folder"):
        remote(server, other)
    assert len(server.requests) == 1


def test_a_model_of_another_name_is_named(server: PipelineServer, tiny_checkpoint: Path) -> None:
    with pytest.raises(UnknownModelError, match="no model named 'dot'"):
        RemotePipeline(server.url, "dot", checkpoint=tiny_checkpoint)


def test_a_server_that_is_not_there_is_an_error(tiny_checkpoint: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and never listens
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NoConnectionError, match="connection refused"):
            RemotePipeline(url, checkpoint=tiny_checkpoint, retries=1, backoff=0.001)


def test_without_an_address_the_checkpoint_answers_in_process(
    server: PipelineServer, tiny_checkpoint: Path
) -> None:
    far = AnswererSource(checkpoint=tiny_checkpoint, url=server.url).open()
    assert isinstance(far, RemotePipeline)
    far.close()
    near = AnswererSource(checkpoint=tiny_checkpoint).open()
    assert isinstance(near, Pipeline)
    near.close()
