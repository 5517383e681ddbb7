"""The files TorchServe works with: network classes, handler, settings of archive and server.

In a checkout they stand at its root (``model_defs/``, ``handlers/``, ``archive/``,
``config.properties``). A wheel has no root: the same files, copied when it is built, lie inside the
package. Inside an archive neither is there, and the worker is told its files by TorchServe.
Example: ``torchserve_file("model_defs", "plug_and_play_t5.py").is_file()``.
"""

from pathlib import Path

FOLDER = "torchserve_files"
"""The package's own folder of them; ``setup.py`` fills it in a wheel, and no checkout has it."""

_PACKAGE = Path(__file__).resolve().parents[1]


def torchserve_file(*parts: str) -> Path:
    """Return where one of the files is, whether or not it exists."""
    root = _PACKAGE / FOLDER
    return (root if root.is_dir() else _PACKAGE.parent).joinpath(*parts)


def given_or_shipped(path: Path, *, base: Path = Path()) -> Path:
    """Return ``path`` below ``base``; where it does not exist and is relative, the shipped one.

    So ``config.properties`` is the user's own where the working directory has one, and ours in an
    empty folder.
    """
    given, shipped = base / path, torchserve_file(*path.parts)
    return shipped if not path.is_absolute() and not given.exists() and shipped.is_file() else given
