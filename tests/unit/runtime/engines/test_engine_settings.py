"""How a worker's threads are used: for parts of a batch, or by the engine itself."""

import pytest

from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import EngineName


@pytest.mark.parametrize(
    ("engine", "threads", "parts", "of_a_part"),
    [
        (EngineName.ONNX, 3, 3, 1),
        (EngineName.ONNX, 1, 1, 1),
        (EngineName.ONNX, None, 1, None),
        (EngineName.TORCH, 3, 1, 3),
    ],
)
def test_a_shared_engines_threads_each_answer_a_part(
    engine: EngineName, threads: int | None, parts: int, of_a_part: int | None
) -> None:
    settings = EngineSettings(engine=engine, threads=threads)
    assert settings.parts == parts
    assert settings.of_a_part().threads == of_a_part
    assert settings.of_a_part().engine is engine
