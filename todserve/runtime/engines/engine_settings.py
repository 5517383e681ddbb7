"""Settings of an engine: which one decodes, in which number format, on how many threads, and how.

The worker reads them from the archive's YAML (``handler.engine``), the command line from its flags,
and the pipeline opens its engine by them. Standard library and pydantic only. Example:
``EngineSettings(engine="onnx", dtype="int8", threads=2)``.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from todserve.runtime.engines.engine_spec import REFERENCE, Dtype, EngineName


class EngineSettings(BaseModel):
    """How the network is run; unknown keys are rejected.

    Attributes:
        engine: which engine.
        dtype: number format of weights and activations. An exported engine computes in the
            format it was exported in; for it this says what `tod archive` is to export.
        threads: CPU threads of one worker; None leaves the engine's own default. Where the engine
            can be shared they answer parts of a batch, else they divide its products.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName = REFERENCE
    dtype: Dtype = Dtype.FLOAT32
    threads: PositiveInt | None = None

    @property
    def parts(self) -> int:
        """Into how many parts a worker divides a batch; one where the engine is not shared."""
        return (self.threads or 1) if self.engine.spec.is_shared else 1

    def of_a_part(self) -> Self:
        """Return the settings of what answers one part, on one thread."""
        return self if self.parts == 1 else self.model_copy(update={"threads": 1})

    @model_validator(mode="after")
    def _fit(self) -> "EngineSettings":
        possible = self.engine.spec.dtypes
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
