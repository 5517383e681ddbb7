"""ExportManifest: what an exported network says of itself, its ``export.json``.

``tod export`` writes it into the export's folder; the worker reads it before it opens an engine.
Example: ``ExportManifest.of_folder(folder).engine`` is ``onnx``; of a checkpoint it is None.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from todserve.runtime.engines.engine_spec import Dtype, EngineName
from todserve.runtime.errors import ConfigError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.untrusted.json_text import read_limited

MANIFEST_FILE = "export.json"


class ExportManifest(BaseModel):
    """What ``export.json`` says: engine, number format, checkpoint, and the files' checksums.

    Attributes:
        engine: what runs the export.
        dtype: float32 or int8.
        checkpoint: the first digits of the sha256 of the weights it was made of.
        exporter: version of todserve that made it.
        files: path below the folder -> sha256 of each of the engine's files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName
    dtype: Dtype
    checkpoint: str
    exporter: str
    files: Mapping[str, str]

    @classmethod
    def of_folder(cls, folder: Path) -> "ExportManifest | None":
        """Return a folder's manifest; None if it is no export.

        Raises:
            ConfigError: it cannot be read.
        """
        path = folder / MANIFEST_FILE
        if not path.is_file():
            return None
        try:
            manifest = cls.model_validate_json(read_limited(path))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; export the checkpoint again with this version"
            ) from error
        for name in manifest.files:
            inner_path(folder, name, said_by=f"{path}: files")
        export = manifest.engine.spec.export
        expected = frozenset() if export is None else export.files
        strange = sorted(set(manifest.files) - expected)
        if strange:
            raise ConfigError(
                f"{path}: files: got {strange[0]!r}; expected, for engine {manifest.engine}, "
                f"{', '.join(sorted(expected)) or 'none'}; export the checkpoint again"
            )
        return manifest

    def verify(self, folder: Path) -> None:
        """Compare every file with its checksum.

        Raises:
            ConfigError: one is missing or is not what was exported.
        """
        for name, expected in self.files.items():
            path = inner_path(folder, name, said_by=MANIFEST_FILE)
            if not path.is_file():
                raise ConfigError(f"{path} is missing; export the checkpoint again")
            found = sha256_of(path)
            if found != expected:
                raise ConfigError(
                    f"{path} has sha256 {found[:12]}..., {MANIFEST_FILE} says {expected[:12]}...; "
                    "the file is damaged or of another export: export the checkpoint again"
                )

    def save(self, folder: Path) -> None:
        """Write the file."""
        (folder / MANIFEST_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
