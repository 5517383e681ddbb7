"""Staging: lays out what goes into an archive and has torch-model-archiver pack it.

Beside the way of a request: the first step of ``tod archive``.
Example layout: ``files/config.json``, ``files/todserve/runtime/turn.py``, ``input/tod_handler.py``.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import todserve
from todserve.runtime.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.checkpoint import CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.domain_model import DOMAIN_MODEL
from todserve.runtime.errors import ArchiveError

WEIGHTS = "model.safetensors"
CHECKPOINT_FILES = (
    "config.json",
    "tokenizer.json",
    "format.json",
    "schema.json",
    "knowledge.sqlite",
    "training.json",
)
# A checkpoint may lack these; what it has travels.
OPTIONAL_FILES = (CALIBRATION_FILE, DOMAIN_MODEL)
_PACKAGE = Path(todserve.__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The files of an archive that are no checkpoint; they lie in the checkout.

    Attributes:
        handler: TorchServe's ``--handler``.
        network: the network class, ``--model-file``.
        model_config: ``--config-file``.
        requirements: what the worker's Python must have, ``--requirements-file``.
        canary: the script that tries the unpacked archive.
        metrics: TorchServe's metrics configuration.
    """

    handler: Path
    network: Path
    model_config: Path
    requirements: Path
    canary: Path
    metrics: Path

    @classmethod
    def of_checkout(cls, model_config: Path | None = None) -> "Parts":
        """Return the parts of the checkout that this package belongs to."""
        root = _PACKAGE.parent
        return cls(
            handler=root / "handlers" / "tod_handler.py",
            network=root / "model_defs" / "plug_and_play_t5.py",
            model_config=model_config or root / "archive" / "model-config.yaml",
            requirements=root / "archive" / "requirements.txt",
            canary=root / "archive" / "canary.py",
            metrics=root / "archive" / "metrics.yaml",
        )

    def check(self) -> None:
        """Raise ArchiveError for the first part that is missing."""
        for path in (self.handler, self.network, self.model_config, self.requirements):
            if not path.is_file():
                raise ArchiveError(
                    f"{path} does not exist; archives are built from a checkout of the repository, "
                    "with todserve installed from it (`make setup`)"
                )


def pack(checkpoint: Path, parts: Parts, workspace: Path, *, name: str, version: str) -> Path:
    """Return the archive that torch-model-archiver made in ``workspace``.

    Raises:
        ArchiveError: a file is missing, or the archiver refused.
        ConfigError: the checkpoint's calibration is wrong or of other weights.
    """
    parts.check()
    files = _stage(checkpoint, workspace / "files")
    private = workspace / "tmp"  # the archiver deletes <tempdir>/<name> before it works there
    private.mkdir()
    command = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", name, "--version", version, "--export-path", str(workspace)]
    command += ["--handler", str(parts.handler), "--model-file", str(parts.network)]
    command += ["--serialized-file", str(checkpoint / WEIGHTS), "--extra-files", str(files)]
    command += ["--config-file", str(_renamed(parts.model_config, workspace))]
    command += ["--requirements-file", str(parts.requirements)]
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    environment["TMPDIR"] = str(private)
    done = subprocess.run(
        command, cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ArchiveError(f"torch-model-archiver failed:\n{done.stderr.strip()}")
    return workspace / f"{name}.mar"


def _renamed(model_config: Path, workspace: Path) -> Path:
    # The archive's bytes must not depend on what the file was called.
    copy = workspace / "model-config.yaml"
    shutil.copyfile(model_config, copy)
    return copy


def _stage(checkpoint: Path, files: Path) -> Path:
    missing = [name for name in (WEIGHTS, *CHECKPOINT_FILES) if not (checkpoint / name).is_file()]
    if missing:
        raise ArchiveError(
            f"{checkpoint} is no complete checkpoint; missing {', '.join(missing)}; "
            "`tod train CONFIG` writes them all"
        )
    # The worker would refuse a wrong file too, but only once everything is packed.
    Calibration.load(
        checkpoint / CALIBRATION_FILE, checkpoint=weights_checksum(checkpoint)[:CHECKSUM_LENGTH]
    )
    # --extra-files copies a folder's contents: the package has to lie one level down.
    package = files / "todserve"
    shutil.copytree(
        _PACKAGE / "runtime", package / "runtime", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("__init__.py", "py.typed"):
        shutil.copyfile(_PACKAGE / name, package / name)
    optional = [name for name in OPTIONAL_FILES if (checkpoint / name).is_file()]
    for name in (*CHECKPOINT_FILES, *optional):
        shutil.copyfile(checkpoint / name, files / name)
    return files
