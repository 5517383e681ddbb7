from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.serving.archive.model_config import ModelConfig, load_model_config

SHIPPED = Path(__file__).parents[3] / "archive" / "model-config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "model-config.yaml"


def test_shipped_file_is_accepted() -> None:
    assert load_model_config(SHIPPED).batch_size > 1


def test_empty_mapping_is_one_worker_without_batching(config: Path) -> None:
    config.write_text("{}")
    loaded = load_model_config(config)
    assert loaded == ModelConfig()
    assert (loaded.min_workers, loaded.max_workers, loaded.batch_size) == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchsize: 8", "unknown key 'batchsize'; did you mean 'batchSize'"),
        ("batch_size: 8", "unknown key 'batch_size'; did you mean 'batchSize'"),
        ("colour: red", "unknown key 'colour'; expected one of minWorkers"),
        ("batchSize: '8'", "batchSize: got '8' (str); expected a whole number"),
        ("batchSize: 8.0", "batchSize: got 8.0 (float)"),
        ("batchSize: true", "batchSize: got True (bool)"),
        ("batchSize: 0", "batchSize: got 0 (int); expected more than 0"),
        ("deviceType: tpu", "deviceType: got 'tpu' (str)"),
        ("minWorkers: 3\nmaxWorkers: 2", "maxWorkers 2 is below minWorkers 3"),
        ("maxBatchDelay: 2000\nresponseTimeout: 1", "2000 milliseconds, not below"),
        ("clientTimeoutInMills: 5", "must not be set: it drops answers silently"),
        ("handler: {engin: {}}", "unknown key 'handler.engin'; did you mean 'engine'"),
        ("handler: {engine: {dtype: float16}}", "handler.engine.dtype: got 'float16'"),
        ("maxBatchDelay: 0", "maxBatchDelay: got 0 (int); expected more than 0"),
        ("handler: {engine: {engine: abacus}}", "handler.engine.engine: got 'abacus'"),
        (
            "handler: {engine: {engine: onnx, dtype: bfloat16}}",
            "expected one of float32, int8, auto",
        ),
        ("handler: {engine: {engine: torch, dtype: int8}}", "expected one of float32, bfloat16"),
        ("handler: {decoding: {constraned: true}}", "did you mean 'constrained'"),
        ("handler: {limits: {max_turn: 3}}", "did you mean 'max_turns'"),
        ("handler: {limits: {max_turns: '3'}}", "handler.limits.max_turns: got '3' (str)"),
        ("batchSize: 8\nbatchSize: 9", "line 2: key 'batchSize' stands twice"),
        ("- batchSize", "got a list; expected a mapping"),
        ("batchSize: [8", "not YAML"),
    ],
)
def test_mistake_is_named_with_its_fix(config: Path, text: str, message: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_model_config(config)
    assert message in str(raised.value)
    assert str(config) in str(raised.value)


def test_decoding_is_free_unless_told_otherwise(config: Path) -> None:
    config.write_text("handler: {engine: {engine: onnx}}")
    assert not load_model_config(config).handler.decoding.constrained
    config.write_text("handler: {decoding: {constrained: true}}")
    assert load_model_config(config).handler.decoding.constrained


def test_every_mistake_is_named_at_once(config: Path) -> None:
    config.write_text("batchSize: x\nminWorkers: y\ncolour: red")
    with pytest.raises(ConfigError) as raised:
        load_model_config(config)
    assert len(str(raised.value).splitlines()) == 3


def test_missing_file_is_named(config: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_model_config(config)
