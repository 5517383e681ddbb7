"""The spec of the CTranslate2 engine: how it opens and exports, and what packages it needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from todserve.runtime.engines.engine_spec import Dtype, EngineExport, EngineName, EngineSpec

if TYPE_CHECKING:
    import torch

    from todserve.runtime.engines.engine import Engine, LogitSource
    from todserve.runtime.engines.engine_settings import EngineSettings


def _open(folder: Path, settings: "EngineSettings", model_file: Path | None) -> "Engine":
    from todserve.runtime.engines.ctranslate2.ctranslate2_engine import CTranslate2Engine

    return CTranslate2Engine(folder, threads=settings.threads)


def _write(network: "torch.nn.Module", folder: Path, dtype: Dtype) -> list[Path]:
    from todserve.runtime.engines.ctranslate2.ctranslate2_export import export_ctranslate2

    return export_ctranslate2(network, folder, dtype=dtype)


def _logits(folder: Path) -> "LogitSource":
    from todserve.runtime.engines.ctranslate2.ctranslate2_logits import CTranslate2Logits

    return CTranslate2Logits(folder)


SPEC = EngineSpec(
    name=EngineName.CTRANSLATE2,
    needs=("ctranslate2",),
    dtypes=(Dtype.FLOAT32, Dtype.INT8, Dtype.AUTO),
    open=_open,
    export=EngineExport(
        write=_write,
        files=frozenset(
            f"ctranslate2/{name}" for name in ("model.bin", "config.json", "shared_vocabulary.json")
        ),
    ),
    logits=_logits,
)
