"""Archive build: packs checkpoint, runtime and handler into a .mar, and has it answer a turn.

``tod archive CHECKPOINT`` calls it. Lint, export where the engine wants it, stage, pack, repack,
try in a clean process, and only then publish.
Example: ``build_archive(Path("checkpoints/multiwoz"), Path("archive/store"))``.
"""

import re
import shutil
import tempfile
import time
from pathlib import Path

from todserve.runtime.console import tell
from todserve.runtime.errors import ArchiveError
from todserve.serving.archive import checksums
from todserve.serving.archive.archive_packing import Parts, pack
from todserve.serving.archive.archive_trial import try_archive, unpack
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.archive.packed_folder import check_folder, prepare
from todserve.serving.archive.repack import repack

DEFAULT_STORE = Path("archive/store")
DEFAULT_NAME = "tod"
DEFAULT_VERSION = "1.0"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")  # torch-model-archiver's own rule
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


def build_archive(
    checkpoint: str | Path,
    out_dir: str | Path = DEFAULT_STORE,
    name: str = DEFAULT_NAME,
    version: str = DEFAULT_VERSION,
    *,
    model_config: Path | None = None,
    parts: Parts | None = None,
) -> Path:
    """Return the published archive ``out_dir/name.mar``; the same inputs give the same bytes.

    Nothing in ``out_dir`` changes unless the archive has loaded and answered.

    Args:
        checkpoint: folder that ``tod train`` or ``tod export`` wrote.
        out_dir: the model store; made if needed.
        name: the model's name in URLs.
        version: the model's version, digits and dots.
        model_config: instead of the checkout's archive/model-config.yaml.
        parts: instead of the checkout's handler, network and configuration.

    Raises:
        ConfigError: model-config.yaml does not fit.
        ArchiveError: a file is missing, the export is not true enough to its checkpoint, or the
            archive cannot load or answer.
    """
    _check_identity(name, version)
    chosen = parts or Parts.shipped(model_config)
    chosen.check()
    settings = load_model_config(chosen.model_config).handler.engine
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tod-archive-") as folder:
        workspace = Path(folder).resolve()
        ready = prepare(Path(checkpoint).resolve(), settings, workspace)
        packed = pack(
            ready, chosen, workspace, engine=settings.engine.spec, name=name, version=version
        )
        clean = workspace / "clean.mar"
        repack(packed, clean)
        try_archive(unpack(clean, workspace / "unpacked"), chosen)
        return _publish(clean, out_dir / f"{name}.mar")


def run(
    *,
    checkpoint: Path,
    out_dir: Path = DEFAULT_STORE,
    name: str = DEFAULT_NAME,
    version: str = DEFAULT_VERSION,
    model_config: Path | None = None,
) -> Path:
    """Build the archive and print what was built."""
    started = time.monotonic()
    _check_identity(name, version)
    check_folder(Path(checkpoint))
    tell(f"packing {checkpoint} and trying one turn, which takes about half a minute ...")
    archive = build_archive(checkpoint, out_dir, name, version, model_config=model_config)
    digest = checksums.read(out_dir)[archive.name]
    size = archive.stat().st_size / 1e6
    tell(f"{archive}  {size:.1f} MB  sha256 {digest[:16]}...  {time.monotonic() - started:.1f} s")
    return archive


def _check_identity(name: str, version: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArchiveError(f"name: got {name!r}; expected letters, digits, '.', '_' and '-'")
    if not _VERSION.fullmatch(version):
        raise ArchiveError(f"version: got {version!r}; expected digits and dots, such as 1.0")


def _publish(archive: Path, target: Path) -> Path:
    # The copy may cross file systems; the rename after it does not.
    hidden = target.with_name(f".{target.name}.new")
    shutil.copyfile(archive, hidden)
    hidden.replace(target)
    checksums.record(target.parent, target)
    return target
