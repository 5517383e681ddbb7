"""OpenedArchive: the archive that TorchServe serves, opened for another server.

Every server beside TorchServe opens its archive with it: the checksum is verified, the files are
unpacked into a private folder, and the worker is loaded as the archive's model-config.yaml says, so
that the answers are the same. Nothing in the archive is run but by todserve's own code: its handler
and its copy of ``todserve.runtime`` are TorchServe's. Example:
``open_archive(Path("tod.mar")).name``.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from todserve.runtime.errors import ArchiveError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.untrusted.packed_files import unpack_zip
from todserve.runtime.worker.turn_worker import AskedBody, TurnWorker
from todserve.serving.archive.checksums import verify
from todserve.serving.archive.model_config import ModelConfig, load_model_config

_MANIFEST = Path("MAR-INF", "MANIFEST.json")
_CONFIG = "model-config.yaml"
_CANARY = {"user": "hello"}


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedArchive:
    """An archive in memory.

    Attributes:
        name: the model's.
        version: the model's.
        config: its model-config.yaml.
        worker: answers.
    """

    name: str
    version: str
    config: ModelConfig
    worker: TurnWorker


def open_archive(archive: Path) -> OpenedArchive:
    """Verify, unpack and load an archive, and have it answer a turn.

    By then everything is in memory or open, and what was unpacked goes: a process that is killed,
    as replicas are, leaves nothing behind.

    Raises:
        ArchiveError: it is missing, altered or no archive, or does not answer.
        ConfigError: its configuration or its checkpoint is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="tod-archive-") as folder:
        unpack_verified(archive, Path(folder))
        opened = open_unpacked(Path(folder))
        (reply,) = opened.worker.answer([AskedBody(content=_CANARY)])
    if reply.status is not HTTPStatus.OK:
        raise ArchiveError(
            f"{archive}: its first turn was answered with {int(reply.status)}; expected 200; the "
            "log says why; build the archive again with `tod archive`"
        )
    return opened


def unpack_verified(archive: Path, folder: Path) -> None:
    """Unpack an archive that is what its store's SHA256SUMS says.

    Raises:
        ArchiveError: it is missing, altered or no archive.
    """
    verify(archive.parent, (archive.name,))
    unpack_zip(archive, folder, error=ArchiveError)


def open_unpacked(folder: Path) -> OpenedArchive:
    """Load an archive that was unpacked into a folder.

    Raises:
        ArchiveError: it is no archive.
        ConfigError: its configuration or its checkpoint is wrong.
    """
    model = _model(read_json(folder / _MANIFEST))
    config = load_model_config(folder / _CONFIG)
    name, version = str(model["modelName"]), str(model.get("modelVersion", ""))
    worker = TurnWorker.load(
        folder, config.handler.model_dump(mode="json"), model_name=name, model_version=version
    )
    return OpenedArchive(name=name, version=version, config=config, worker=worker)


def _model(manifest: object) -> Mapping[str, object]:
    model = manifest.get("model") if isinstance(manifest, Mapping) else None
    if not isinstance(model, Mapping) or "modelName" not in model:
        raise ArchiveError(f"{_MANIFEST} names no model; expected an archive of `tod archive`")
    return model
