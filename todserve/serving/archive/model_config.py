"""ModelConfig: the typed form of model-config.yaml, TorchServe's settings and the handler's own.

``tod archive`` refuses a file that does not fit, because TorchServe ignores unknown keys and only
logs a wrong type.
Example: ``load_model_config(Path("archive/model-config.yaml")).batch_size`` is ``8``.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from todserve.runtime.engines.engine_settings import (
    DecodingSettings,
    EngineSettings,
    ReadingSettings,
)
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.problem_words import expectation
from todserve.runtime.untrusted.yaml_mapping import load_mapping
from todserve.runtime.wire.limits import RequestLimits

_NEVER = {
    "clientTimeoutInMills": "it drops answers silently and the client hangs; use responseTimeout",
}


class HandlerConfig(BaseModel):
    """The ``handler`` section: what handlers/tod_handler.py hands to the pipeline.

    Attributes:
        engine: engine, number format and CPU threads of one worker.
        decoding: what the engine may write.
        reading: how the user's words are read.
        limits: how much one request may ask for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineSettings = EngineSettings()
    decoding: DecodingSettings = DecodingSettings()
    reading: ReadingSettings = ReadingSettings()
    limits: RequestLimits = RequestLimits()


class ModelConfig(BaseModel):
    """What TorchServe reads from model-config.yaml, by TorchServe's own names in camel case.

    Attributes:
        min_workers: worker processes that TorchServe starts.
        max_workers: most workers that the management API may ask for.
        batch_size: most requests in one call of the handler.
        max_batch_delay: milliseconds that a request waits for company; TorchServe takes 0 for
            "not set" and waits a hundred.
        response_timeout: seconds until a busy worker is killed.
        startup_timeout: seconds until a loading worker is killed.
        max_retry_timeout_in_sec: seconds for which a worker that cannot load is started again.
        job_queue_size: requests that wait; null takes config.properties' job_queue_size.
        device_type: where the workers run.
        device_ids: GPUs to use; null takes all of them.
        handler: the handler's own settings.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_alias=True
    )

    min_workers: PositiveInt = 1
    max_workers: PositiveInt = 1
    batch_size: PositiveInt = 1
    max_batch_delay: PositiveInt = 100
    response_timeout: PositiveInt = 120
    startup_timeout: PositiveInt = 120
    max_retry_timeout_in_sec: PositiveInt = 300
    job_queue_size: PositiveInt | None = None
    device_type: Literal["cpu", "gpu"] = "cpu"
    device_ids: list[NonNegativeInt] | None = None
    handler: HandlerConfig = HandlerConfig()

    @model_validator(mode="after")
    def _agree(self) -> "ModelConfig":
        if self.max_workers < self.min_workers:
            raise ValueError(
                f"maxWorkers {self.max_workers} is below minWorkers {self.min_workers}; raise it"
            )
        if self.max_batch_delay >= 1000 * self.response_timeout:
            raise ValueError(
                f"maxBatchDelay is {self.max_batch_delay} milliseconds, not below responseTimeout "
                f"of {self.response_timeout} seconds; maxBatchDelay is usually under 100"
            )
        return self


def load_model_config(path: Path) -> ModelConfig:
    """Return the file's settings.

    Raises:
        ConfigError: every problem of the file, one a line: what, got, expected, fix.
    """
    mapping = load_mapping(path)
    for key, reason in _NEVER.items():
        if key in mapping:
            raise ConfigError(f"{path}: {key} must not be set: {reason}")
    try:
        return ModelConfig.model_validate(mapping)
    except ValidationError as error:
        problems = [_explain(dict(problem)) for problem in error.errors()]
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems)) from None


def _explain(problem: dict[str, object]) -> str:
    location = problem["loc"]
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    where = ".".join(parts)
    got = problem["input"]
    if problem["type"] == "extra_forbidden":
        known = _known_keys(parts[:-1])
        close = get_close_matches(parts[-1], known, n=1, cutoff=0.6)
        hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(known)}"
        return f"unknown key '{where}'; {hint}"
    if not where:
        return str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: got {got!r} ({type(got).__name__}); {expectation(problem)}"


def _known_keys(section: list[str]) -> list[str]:
    models: dict[tuple[str, ...], type[BaseModel]] = {
        (): ModelConfig,
        ("handler",): HandlerConfig,
        ("handler", "engine"): EngineSettings,
        ("handler", "decoding"): DecodingSettings,
        ("handler", "reading"): ReadingSettings,
        ("handler", "limits"): RequestLimits,
    }
    fields = models[tuple(section)].model_fields
    return [field.alias or name for name, field in fields.items()]
