"""EngineSpec: what the rest of todserve may ask about an engine, one object for each engine.

An engine is a folder beside this module (``onnx/``) with a ``SPEC`` in its ``NAME_spec.py``, and a
line in ``EngineName``. Nobody outside such a folder decides anything by an engine's name; they ask
its spec. Example: ``EngineName.ONNX.spec.needs == ("onnxruntime",)``.

Standard library alone, and so is every ``NAME_spec.py`` until one of its functions is called: a
worker that runs one engine pays for no other's packages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from todserve.runtime.engines.engine import Engine, LogitSource
    from todserve.runtime.engines.engine_settings import EngineSettings


class EngineName(StrEnum):
    """The engines there are, each named as its folder is; to add one is to add its line."""

    TORCH = "torch"
    """PyTorch and transformers: the reference."""
    TORCHSCRIPT = "torchscript"
    """PyTorch alone, the network and its search compiled."""
    ONNX = "onnx"
    """ONNX Runtime, the search inside the graph; needs no PyTorch."""
    CTRANSLATE2 = "ctranslate2"
    """CTranslate2's own C++ search; needs no PyTorch."""

    @property
    def spec(self) -> "EngineSpec":
        """What the engine's folder says of it."""
        found: EngineSpec = import_module(f"todserve.runtime.engines.{self}.{self}_spec").SPEC
        return found


REFERENCE = EngineName.TORCH
"""Every other engine is held to it, and it runs a checkpoint that nobody chose an engine for."""


class Dtype(StrEnum):
    """The number format of the network; float16 is left out, T5 overflows it."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    """Weights of the matrix products in 8 bits, quantized when the checkpoint is exported."""
    AUTO = "auto"
    """int8 where the checkpoint's measured fidelity allows it, float32 elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineExport:
    """How a checkpoint becomes what an engine runs.

    Attributes:
        write: (network, folder, dtype) -> the files it wrote below the folder that the engine
            needs; all of the checkpoint but its weights is there already. The network is a
            T5ForConditionalGeneration in float32, the dtype one of the engine's own.
        files: the paths of those files below the folder; no other file of an export is packed
            into an archive. An archive is code: a file named ``todserve/runtime/pipeline.py`` or
            ``torch.py`` would run in it.
    """

    write: "Callable[[torch.nn.Module, Path, Dtype], list[Path]]"
    files: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSpec:
    """One engine, as the settings, the export, the fidelity and the archive see it.

    Attributes:
        name: its line in EngineName and its folder.
        needs: packages, as pip knows them, that a worker must have for this engine beside those
            of every worker; an archive lists these and leaves out the other engines', and keeps
            PyTorch out of a worker whose engine does not need it.
        dtypes: the number formats it computes in, ``auto`` among them where it knows int8.
        open: (folder, settings, model_file) -> the engine over a checkpoint or export folder.
            ``model_file`` is where the network's class is, for an engine that needs it.
        export: how a checkpoint is written for it; None where it runs a checkpoint as it is.
        logits: folder -> what its network predicts along given tokens, to compare it with others.
        is_shared: whether several threads run its network at once, see ``engine.SharedEngine``: a
            worker then gives each a part of a batch. Other engines divide their products.
    """

    name: EngineName
    needs: tuple[str, ...]
    dtypes: tuple[Dtype, ...]
    open: "Callable[[Path, EngineSettings, Path | None], Engine]"
    export: EngineExport | None
    logits: "Callable[[Path], LogitSource]"
    is_shared: bool = False

    @property
    def needs_torch(self) -> bool:
        """Whether its workers load PyTorch."""
        return "torch" in self.needs

    @property
    def export_dtypes(self) -> tuple[Dtype, ...]:
        """The number formats a checkpoint can be written in for it; none without ``export``."""
        if self.export is None:
            return ()
        return tuple(one for one in self.dtypes if one is not Dtype.AUTO)


def exported_engines() -> tuple[EngineName, ...]:
    """Return the engines that need an export."""
    return tuple(name for name in EngineName if name.spec.export is not None)
