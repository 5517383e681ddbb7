"""What an evaluation asks for answers: a checkpoint in this process, or a server that runs it.

Stands before the rollout. Example: ``open_answering(folder, url="http://127.0.0.1:8080")`` sends
every turn to the server; without ``url`` the folder's own pipeline answers.
"""

from pathlib import Path
from typing import Protocol

from todserve.evaluation.remote_pipeline import OVER_REST, RemotePipeline
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.turn_answerer import Answerer


class ScoredAnswerer(Answerer, Protocol):
    """Answers turns with a checkpoint that is known, as a figure's signature needs it."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that answers."""

    def close(self) -> None:
        """Release what is held."""


def open_answering(
    checkpoint: Path,
    *,
    url: str | None = None,
    token_file: Path | None = None,
    name: str = "tod",
    settings: EngineSettings | None = None,
    constrained: bool = False,
    spelling: bool = True,
    checked: bool = True,
) -> ScoredAnswerer:
    """Return the server at ``url``, or without one, the checkpoint in this process.

    Args:
        checkpoint: a checkpoint folder; for a server, the one it was archived from.
        url: inference address.
        token_file: holds the server's inference token, where it asks for one.
        name: the model's name on the server.
        settings: engine, dtype, threads; of no use to a server, which has its own.
        constrained: hold every answer to the schema; a server does as it was told.
        spelling: read misspelt words as they are meant; a server does as it was told.
        checked: hold every reply against the facts, as a server always does.

    Raises:
        ConfigError: a wrong checkpoint, or not the one that the server has; ``constrained`` of a
            server, or ``spelling`` switched off.
        ServerError: the server is not there.
    """
    if url is None:
        return Pipeline.load(
            checkpoint,
            settings=settings,
            constrained=constrained,
            spelling=spelling,
            checked=checked,
        )
    if not checked:
        raise ConfigError("a server always checks its replies; leave out the server")
    if constrained:
        raise ConfigError(
            "a server decodes as its archive says; set handler.decoding.constrained there, or "
            "leave out the server"
        )
    if not spelling:
        raise ConfigError(
            "a server reads as its archive says; set handler.reading.spelling there, or leave out "
            "the server"
        )
    return RemotePipeline(url, name, checkpoint=checkpoint, token_file=token_file)


def signed_name(
    pipeline: ScoredAnswerer,
    folder: Path,
    *,
    url: str | None = None,
    settings: EngineSettings | None = None,
    constrained: bool = False,
    spelling: bool = True,
    checked: bool = True,
) -> str:
    """Return what a signature calls the answerer: ``6be1f66b1a28-onnx-int8-constrained``.

    Args:
        pipeline: answers.
        folder: its checkpoint or export.
        url: of the server, if one answers.
        settings: engine, dtype, threads; a number format other than float32 is named.
        constrained: whether every answer is held to the schema.
        spelling: whether misspelt words are read as they are meant.
        checked: whether every reply is held against the facts.
    """
    manifest = ExportManifest.of_folder(folder)
    parts = [pipeline.checkpoint.checksum]
    parts += [manifest.engine, manifest.dtype] if manifest else []
    if manifest is None and settings is not None and settings.dtype != "float32":
        parts.append(settings.dtype)
    parts += [OVER_REST] if url is not None else []
    parts += ["constrained"] if constrained else []
    parts += [] if spelling else ["as-typed"]
    parts += [] if checked else ["unchecked"]
    return "-".join(parts)
