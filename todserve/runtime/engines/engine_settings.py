"""Settings of an engine: which one decodes, in which number format, on how many threads, and how.

Stands beside the engines: the handler reads it from the archive's YAML (``handler.engine``), the
command line from its flags. Standard library and pydantic only.
Example: ``EngineSettings(engine="onnx", dtype="int8", threads=2)``.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator


class EngineName(StrEnum):
    """The engines there are."""

    TORCH = "torch"
    """PyTorch and transformers: the reference."""
    TORCHSCRIPT = "torchscript"
    """PyTorch alone, the network and its search compiled."""
    ONNX = "onnx"
    """ONNX Runtime, the search inside the graph; needs no PyTorch."""
    CTRANSLATE2 = "ctranslate2"
    """CTranslate2's own C++ search; needs no PyTorch."""


class Dtype(StrEnum):
    """The number format of the network; float16 is left out, T5 overflows it."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    """Weights of the matrix products in 8 bits, quantized when the checkpoint is exported."""
    AUTO = "auto"
    """int8 where the checkpoint's measured fidelity allows it, float32 elsewhere."""


DTYPES: Mapping[EngineName, tuple[Dtype, ...]] = {
    EngineName.TORCH: (Dtype.FLOAT32, Dtype.BFLOAT16),
    EngineName.TORCHSCRIPT: (Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
    EngineName.ONNX: (Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
    EngineName.CTRANSLATE2: (Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
}
"""What each engine can compute in."""


class EngineSettings(BaseModel):
    """How the network is run; unknown keys are rejected.

    Attributes:
        engine: which engine.
        dtype: number format of weights and activations. An exported engine computes in the
            format it was exported in; for it this says what `tod archive` is to export.
        threads: CPU threads of one worker; None leaves the engine's own default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName = EngineName.TORCH
    dtype: Dtype = Dtype.FLOAT32
    threads: PositiveInt | None = None

    @model_validator(mode="after")
    def _fit(self) -> "EngineSettings":
        possible = DTYPES[self.engine]
        if self.dtype not in possible:
            raise ValueError(
                f"engine {self.engine} does not compute in {self.dtype}; "
                f"expected one of {', '.join(possible)}"
            )
        return self


class ReadingSettings(BaseModel):
    """How the user's words are read; unknown keys are rejected.

    Attributes:
        spelling: misspelt words are read as they are meant, see ``runtime.speller``; of no effect
            on a checkpoint whose language is not English.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spelling: bool = True


class DecodingSettings(BaseModel):
    """How the engine chooses tokens; unknown keys are rejected.

    Attributes:
        constrained: only what the schema knows can be written: domains, slots, intents, acts and
            the values of categorical slots. See ``runtime.constraint``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    constrained: bool = False
