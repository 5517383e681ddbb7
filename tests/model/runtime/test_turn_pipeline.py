from pathlib import Path

import pytest
import torch

from todserve.runtime.checkpoint import load_network, weights_checksum
from todserve.runtime.engines.engine_export import export_checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.language.prompts import PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.response import TurnResponse, decode, encode
from todserve.runtime.worker.parallel_pipeline import ParallelPipeline

REQUESTS = [
    parse_request({"user": "I want a train to Ely"}),
    parse_request(
        {
            "user": "the phone number please",
            "history": [{"user": "hello", "system": "Pizza Palace is at 1 Market Street."}],
            "state": {"restaurant": {"area": "centre"}},
        }
    ),
    parse_request(
        {"user": "thanks", "history": [{"user": "a train", "system": "[value_id] leaves"}] * 2}
    ),
]


@pytest.fixture
def pipeline(each_tiny_checkpoint: Path) -> Pipeline:
    return Pipeline.load(
        each_tiny_checkpoint,
        settings=EngineSettings(threads=1),
        model_name="tiny",
        model_version="2.1",
    )


def answers(pipeline: Pipeline, requests: list[TurnRequest]) -> list[TurnResponse]:
    found = pipeline.answer(requests)
    assert all(isinstance(one, TurnResponse) for one in found)
    return [one for one in found if isinstance(one, TurnResponse)]


def without_times(answer: TurnResponse) -> dict[str, object]:
    plain = encode(answer.model_copy(update={"timing_ms": {}}))
    for part in (plain["intent"], *_slots(plain)):
        if isinstance(part, dict) and part["confidence"] is not None:
            part["confidence"] = round(part["confidence"], 3)
    return plain


def _slots(plain: dict[str, object]) -> list[dict[str, object]]:
    state = plain["belief_state"]
    assert isinstance(state, dict)
    return [slot for slots in state.values() for slot in slots.values()]


def test_batch_answers_each_request_as_if_alone(pipeline: Pipeline) -> None:
    together = answers(pipeline, REQUESTS)
    alone = [answers(pipeline, [request])[0] for request in REQUESTS]
    assert [without_times(one) for one in together] == [without_times(one) for one in alone]


def test_parts_of_a_batch_on_threads_are_answered_as_if_alone(
    each_tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    export_checkpoint(each_tiny_checkpoint, folder, engine=EngineName.ONNX, dtype=Dtype.FLOAT32)
    settings = EngineSettings(engine=EngineName.ONNX, threads=1)
    pipeline = Pipeline.load(folder, settings=settings, constrained=True)
    alone = [without_times(answers(pipeline, [request])[0]) for request in REQUESTS]
    parallel = ParallelPipeline.of(pipeline, 3)
    for _ in range(5):
        found = parallel.answer(REQUESTS * 4)
        assert all(isinstance(one, TurnResponse) for one in found)
        assert [without_times(one) for one in found if isinstance(one, TurnResponse)] == alone * 4
    assert parallel.tokens.read > pipeline.tokens.read > 0


def test_a_pipeline_whose_engine_cannot_be_shared_has_no_twin(pipeline: Pipeline) -> None:
    with pytest.raises(TypeError, match="TorchEngine cannot be shared"):
        pipeline.twin()


def test_answer_names_its_model_and_survives_json(
    pipeline: Pipeline, each_tiny_checkpoint: Path
) -> None:
    (answer, *_) = answers(pipeline, REQUESTS)
    assert (answer.model.name, answer.model.version) == ("tiny", "2.1")
    assert answer.model.checkpoint == weights_checksum(each_tiny_checkpoint)[:12]
    assert decode(encode(answer)) == answer


def test_response_is_what_transformers_writes_for_the_same_prompt(
    pipeline: Pipeline, each_tiny_checkpoint: Path
) -> None:
    # As it is written, that is: the reply of random weights seldom holds, and another is sent then.
    unchecked = Pipeline.load(
        each_tiny_checkpoint, settings=EngineSettings(threads=1), checked=False
    )
    (answer, *_) = answers(unchecked, REQUESTS)
    assert answer.response is not None
    assert answer.database is not None
    checkpoint = pipeline.checkpoint
    token = checkpoint.knowledge.database_token(answer.database.domain, answer.database.matches)
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    source = PromptInput(user=REQUESTS[0].user)
    prefix = builder.prefix(TaskName.RESPONSE, token)
    ids = (
        load_network(each_tiny_checkpoint, dtype=torch.float32)
        .generate(  # type: ignore[operator]
            input_ids=torch.tensor([builder.context(source, TaskName.RESPONSE, token)]),
            decoder_input_ids=torch.tensor([prefix]),
            decoder_start_token_id=prefix[0],
            eos_token_id=builder.end_id(TaskName.RESPONSE),
            max_new_tokens=TASKS[TaskName.RESPONSE].max_new_tokens,
            do_sample=False,
        )[0]
        .tolist()[len(prefix) :]
    )
    end = builder.end_id(TaskName.RESPONSE)
    text = checkpoint.tokenizer.decode(ids[: ids.index(end)] if end in ids else ids)
    parsed = TASKS[TaskName.RESPONSE].parse(text, checkpoint.schema)
    assert answer.response.delexicalised == parsed.text
    assert len(ids) > 3


def test_settings_reach_the_network(tiny_checkpoint: Path) -> None:
    before = torch.get_num_threads()
    try:
        pipeline = Pipeline.load(
            tiny_checkpoint, settings=EngineSettings(dtype=Dtype.BFLOAT16, threads=1)
        )
        assert torch.get_num_threads() == 1
        assert answers(pipeline, REQUESTS[:1])
    finally:
        torch.set_num_threads(before)
    pipeline.close()
