"""EngineSettings: which engine decodes, in which number format, on how many threads.

Stands beside the engines: the handler reads it from the archive's YAML (``handler.engine``), the
command line from its flags. Standard library and pydantic only.
Example: ``EngineSettings(dtype="bfloat16", threads=2)``.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, PositiveInt


class EngineName(StrEnum):
    """The engines there are."""

    TORCH = "torch"
    """PyTorch and transformers: the reference."""


class Dtype(StrEnum):
    """The number format of the network; float16 is left out, T5 overflows it."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class EngineSettings(BaseModel):
    """How the network is run; unknown keys are rejected.

    Attributes:
        engine: which engine.
        dtype: number format of weights and activations.
        threads: CPU threads of one worker; None leaves the engine's own default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName = EngineName.TORCH
    dtype: Dtype = Dtype.FLOAT32
    threads: PositiveInt | None = None
