"""What a stock archive holds: the checkpoint as it is, todserve's runtime and the stock turn.

Example: ``stage(Path("checkpoints/multiwoz"), folder)`` lays it out for torch-model-archiver.
"""

import shutil
from pathlib import Path

import todserve
from benchmarks.peers.base import PeerError
from todserve.runtime.checkpoint import CHECKPOINT_FILES, OPTIONAL_FILES, model_file_of
from todserve.serving.archive.packed_folder import WEIGHTS

HERE = Path(__file__).resolve().parent


def stage(checkpoint: Path, files: Path) -> Path:
    """Lay out everything but weights and handler in ``files`` and return it.

    Raises:
        PeerError: the checkpoint lacks a file.
    """
    package = Path(todserve.__file__).resolve().parent
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package / "runtime", files / "todserve" / "runtime", ignore=ignore)
    shutil.copyfile(package / "__init__.py", files / "todserve" / "__init__.py")
    peers = files / "benchmarks" / "peers"
    peers.mkdir(parents=True)
    for source in (HERE.parent / "__init__.py", HERE / "__init__.py", HERE / "stock_turn.py"):
        shutil.copyfile(source, files / source.relative_to(HERE.parents[1]))
    network = model_file_of(checkpoint)
    shutil.copyfile(package.parent / "model_defs" / network, files / network)
    for name in (WEIGHTS, *CHECKPOINT_FILES):
        if not (checkpoint / name).is_file():
            raise PeerError(f"{checkpoint} lacks {name}; the peers need a whole checkpoint")
    for name in (*CHECKPOINT_FILES, *OPTIONAL_FILES):
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, files / name)
    return files


def size_of(checkpoint: Path) -> int:
    """Return the bytes of the files a server without archive reads."""
    names = (WEIGHTS, *CHECKPOINT_FILES, *OPTIONAL_FILES)
    return sum(
        (checkpoint / name).stat().st_size for name in names if (checkpoint / name).is_file()
    )
