"""Archive staging: lays out what goes into an archive, and calls torch-model-archiver to pack it.

The first step of ``tod archive``.
Example layout: ``files/config.json``, ``files/todserve/runtime/pipeline.py``,
``input/tod_handler.py``.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import todserve
from todserve.runtime.checkpoint import (
    CHECKPOINT_FILES,
    CHECKSUM_LENGTH,
    MODEL_FILES,
    OPTIONAL_FILES,
    model_file_of,
    weights_checksum,
)
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.engines.engine_spec import EngineName, EngineSpec
from todserve.runtime.errors import ArchiveError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.language.schema import Schema
from todserve.runtime.networks.export_manifest import MANIFEST_FILE, ExportManifest
from todserve.runtime.torchserve_files import torchserve_file
from todserve.runtime.values.value_reader import PACKAGES, packages
from todserve.serving.archive.packed_folder import WEIGHTS

_PACKAGE = Path(todserve.__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The files of an archive that are no checkpoint; they belong to todserve.

    Attributes:
        handler: TorchServe's ``--handler``.
        networks: the folder of the network classes; the checkpoint's one is ``--model-file``.
        model_config: ``--config-file``.
        requirements: what the worker's Python must have, ``--requirements-file``.
        canary: the script that tries the unpacked archive.
        metrics: TorchServe's metrics configuration.
        worker_start: what a worker's Python runs first.
        without_torch: what keeps PyTorch out of a worker that does not use it.
    """

    handler: Path
    networks: Path
    model_config: Path
    requirements: Path
    canary: Path
    metrics: Path
    worker_start: Path
    without_torch: Path

    @classmethod
    def shipped(cls, model_config: Path | None = None) -> "Parts":
        """Return the parts that belong to this package: a checkout's, or those of its wheel."""
        return cls(
            handler=torchserve_file("handlers", "tod_handler.py"),
            networks=torchserve_file("model_defs"),
            model_config=model_config or torchserve_file("archive", "model-config.yaml"),
            requirements=torchserve_file("archive", "requirements.txt"),
            canary=torchserve_file("archive", "canary.py"),
            metrics=torchserve_file("archive", "metrics.yaml"),
            worker_start=torchserve_file("archive", "sitecustomize.py"),
            without_torch=torchserve_file("archive", "lazy_torch.py"),
        )

    def check(self) -> None:
        """Raise ArchiveError for the first part that is missing."""
        networks = tuple(self.networks / name for name in MODEL_FILES)
        needed = (self.handler, *networks, self.model_config, self.requirements)
        for path in (*needed, self.worker_start, self.without_torch):
            if not path.is_file():
                raise ArchiveError(
                    f"{path} does not exist; install todserve again (in a checkout: `make setup`)"
                )


def pack(
    checkpoint: Path,
    parts: Parts,
    workspace: Path,
    *,
    engine: EngineSpec,
    name: str,
    version: str,
) -> Path:
    """Return the archive that torch-model-archiver made in ``workspace``.

    Args:
        checkpoint: the folder to pack, in the form the engine runs.
        parts: what is no checkpoint.
        workspace: an empty folder.
        engine: what runs the archive.
        name: of the model.
        version: of the model.

    Raises:
        ArchiveError: a file is missing, or the archiver refused.
        ConfigError: the checkpoint's calibration is wrong or of other weights.
    """
    parts.check()
    manifest = ExportManifest.of_folder(checkpoint)
    files = _stage(checkpoint, workspace / "files", manifest)
    shutil.copyfile(parts.worker_start, files / parts.worker_start.name)
    if not engine.needs_torch:
        shutil.copyfile(parts.without_torch, files / parts.without_torch.name)
    private = workspace / "tmp"  # the archiver deletes <tempdir>/<name> before it works there
    private.mkdir()
    command = [sys.executable, "-P", "-m", "model_archiver.model_packaging"]
    command += ["--model-name", name, "--version", version, "--export-path", str(workspace)]
    command += ["--handler", str(parts.handler), "--model-file"]
    command += [str(parts.networks / model_file_of(checkpoint))]
    command += ["--extra-files", str(files)]
    if manifest is None:
        command += ["--serialized-file", str(checkpoint / WEIGHTS)]
    command += ["--config-file", str(_renamed(parts.model_config, workspace))]
    command += ["--requirements-file", str(_requirements(parts, engine, checkpoint, workspace))]
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


def _requirements(parts: Parts, engine: EngineSpec, checkpoint: Path, workspace: Path) -> Path:
    """Return the list of what every worker needs, this archive's engine and its values' types."""
    others = {package for name in EngineName for package in name.spec.needs} - {*engine.needs}
    others |= PACKAGES - packages(Schema.load(checkpoint / "schema.json"))
    lines = parts.requirements.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if _package(line) not in others]
    path = workspace / "requirements.txt"
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return path


def _package(line: str) -> str:
    return line.partition("==")[0].strip()


def _stage(checkpoint: Path, files: Path, manifest: ExportManifest | None = None) -> Path:
    identity = manifest.checkpoint if manifest else weights_checksum(checkpoint)[:CHECKSUM_LENGTH]
    # The worker would refuse a wrong file too, but only once everything is packed.
    Calibration.load(checkpoint / CALIBRATION_FILE, checkpoint=identity)
    if manifest is not None:
        manifest.verify(checkpoint)
    # --extra-files copies a folder's contents: the package has to lie one level down.
    package = files / "todserve"
    shutil.copytree(
        _PACKAGE / "runtime", package / "runtime", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("__init__.py", "py.typed"):
        shutil.copyfile(_PACKAGE / name, package / name)
    names = [name for name in (*CHECKPOINT_FILES, *OPTIONAL_FILES) if (checkpoint / name).is_file()]
    if manifest is not None:
        names += [MANIFEST_FILE, *manifest.files]
    targets = {
        name: inner_path(files, name, said_by=f"{checkpoint}", error=ArchiveError) for name in names
    }
    for name, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkpoint / name, target)
    return files
