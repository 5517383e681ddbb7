"""What answers turns at an address or a path: a server, an archive or a checkpoint folder.

``tod replay --against`` opens its target with it, and ``todserve.load`` its archive. Example:
``with open_answerer("archive/store/tod.mar") as model: model.answer([TurnRequest(user="hi")])``.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.untrusted.json_text import read_json
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.client.client import Client

_MANIFEST = Path("MAR-INF") / "MANIFEST.json"


def load(path: str | Path, *, settings: EngineSettings | None = None) -> Pipeline:
    """Return a pipeline of an archive or a checkpoint folder, in this process.

    An archive answers with its own checkpoint, engine and decoding; the code is that of this
    installation, not the archive's copy of it.

    Args:
        path: an archive (``tod.mar``) or a checkpoint folder.
        settings: engine, dtype, threads, instead of those of the archive or the folder.

    Raises:
        ConfigError: nothing is there, or no checkpoint that can be opened.
        ArchiveError: an archive that cannot be unpacked.
    """
    path = Path(path)
    if path.is_dir():
        return Pipeline.load(path, settings=settings)
    if not path.is_file():
        raise ConfigError(
            f"{path}: nothing is there; expected an archive (tod.mar) or a checkpoint folder"
        )
    folder = Path(tempfile.mkdtemp(prefix="tod-archive-"))
    try:
        pipeline = _of_archive(path, unpack(path, folder), settings)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # Its files are read as long as it answers.
    weakref.finalize(pipeline, shutil.rmtree, folder, ignore_errors=True)
    return pipeline


@contextmanager
def open_answerer(
    against: str,
    *,
    name: str = "tod",
    token: str | None = None,
    token_file: Path | None = None,
) -> Iterator[Answerer]:
    """Yield what answers turns at ``against``; it is closed afterwards.

    Args:
        against: a server's URL, an archive (``.mar``) or a checkpoint folder.
        name: the model's name on a server.
        token: inference token of a server.
        token_file: holds it instead, and is read again when it expires.

    Raises:
        ConfigError: none of the three, or a checkpoint that cannot be opened.
        ArchiveError: an archive that cannot be unpacked.
    """
    if against.startswith(("http://", "https://")):
        with Client(against, name=name, token=token, token_file=token_file) as client:
            yield client
    elif Path(against).exists():
        with closing(load(against)) as pipeline:
            yield pipeline
    else:
        raise ConfigError(
            f"{without_secrets(against)}: nothing is there; expected a server's URL (http://...), "
            "an archive (tod.mar) or a checkpoint folder"
        )


def _of_archive(archive: Path, folder: Path, settings: EngineSettings | None) -> Pipeline:
    try:
        model = read_json(folder / _MANIFEST)["model"]
        name, version = str(model["modelName"]), str(model.get("modelVersion", ""))
    except (OSError, ValueError, KeyError) as error:
        raise ArchiveError(
            f"{archive}: no usable {_MANIFEST} ({error}); build it again with `tod archive`"
        ) from None
    handler = load_model_config(folder / "model-config.yaml").handler
    return Pipeline.load(
        folder,
        settings=settings or handler.engine,
        constrained=handler.decoding.constrained,
        spelling=handler.reading.spelling,
        model_name=name,
        model_version=version,
    )
