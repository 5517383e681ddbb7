"""What an evaluation asks for answers: a checkpoint in this process, or a server that runs it.

``tod evaluate`` opens it once and sends every turn of a benchmark to it. Example:
``AnswererSource(checkpoint=folder, url="http://127.0.0.1:8080").open()`` sends every turn to the
server; without ``url`` the folder's own pipeline answers.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswererSource:
    """Who answers the turns that are scored: a checkpoint here, or the server that it was sent to.

    Attributes:
        checkpoint: a checkpoint folder or an export of it; for a server, the one it was archived
            from.
        url: inference address of the server; None lets the checkpoint answer in this process.
        token_file: holds the server's inference token, where it asks for one.
        name: the model's name on the server.
        settings: engine, dtype, threads; of no use to a server, which has its own.
        constrained: hold every answer to the schema; a server does as it was told.
        spelling: read misspelt words as they are meant; a server does as it was told.
        checked: hold every reply against the facts, as a server always does.
    """

    checkpoint: Path
    url: str | None = None
    token_file: Path | None = None
    name: str = "tod"
    settings: EngineSettings | None = None
    constrained: bool = False
    spelling: bool = True
    checked: bool = True

    def open(self) -> ScoredAnswerer:
        """Return what answers; to be closed.

        Raises:
            ConfigError: a wrong checkpoint, or not the one that the server has; ``constrained`` of
                a server, or ``spelling`` switched off.
            ServerError: the server is not there.
        """
        if self.url is None:
            return Pipeline.load(
                self.checkpoint,
                settings=self.settings,
                constrained=self.constrained,
                spelling=self.spelling,
                checked=self.checked,
            )
        if not self.checked:
            raise ConfigError("a server always checks its replies; leave out the server")
        if self.constrained:
            raise ConfigError(
                "a server decodes as its archive says; set handler.decoding.constrained there, or "
                "leave out the server"
            )
        if not self.spelling:
            raise ConfigError(
                "a server reads as its archive says; set handler.reading.spelling there, or leave "
                "out the server"
            )
        return RemotePipeline(
            self.url, self.name, checkpoint=self.checkpoint, token_file=self.token_file
        )

    def signed_name(self, opened: ScoredAnswerer) -> str:
        """Return what a signature calls what was opened: ``6be1f66b1a28-onnx-int8-constrained``.

        A number format other than float32 is named, and whatever is not as a server has it.
        """
        manifest = ExportManifest.of_folder(self.checkpoint)
        parts = [opened.checkpoint.checksum]
        parts += [manifest.engine, manifest.dtype] if manifest else []
        settings = self.settings
        if manifest is None and settings is not None and settings.dtype != "float32":
            parts.append(settings.dtype)
        parts += [OVER_REST] if self.url is not None else []
        parts += ["constrained"] if self.constrained else []
        parts += [] if self.spelling else ["as-typed"]
        parts += [] if self.checked else ["unchecked"]
        return "-".join(parts)
