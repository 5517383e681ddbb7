"""From labelled dialogues to a TorchServe endpoint that answers a whole dialogue turn.

Serve a model, train one, talk to one: everything a program needs is a name of this package, and
docs/api.md shows each. Nothing is imported before its name is used, so ``import todserve`` takes no
time, and whoever only talks to a server needs no network's packages.
Example: ``bot = todserve.Conversation(todserve.connect("http://127.0.0.1:8080"))``, and then
``print(bot.say("a cheap hotel in the north"))``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todserve.evaluation.benchmark_registry import run_benchmark as evaluate
    from todserve.runtime.errors import (
        ArchiveError,
        ConfigError,
        CorpusError,
        RequestError,
        ServerError,
        TodError,
        TrainingError,
    )
    from todserve.runtime.language.prompts import Exchange
    from todserve.runtime.pipeline import Pipeline
    from todserve.runtime.turn_answerer import Answerer
    from todserve.runtime.wire.request import TurnRequest
    from todserve.runtime.wire.response import TurnResponse
    from todserve.runtime.wire.turn_events import Piece, Understood, Whole
    from todserve.serving.archive.archive_build import build_archive
    from todserve.serving.client.client import AsyncClient, Client, connect
    from todserve.serving.client.conversation import Answer, Conversation
    from todserve.serving.client.served_answerer import load
    from todserve.training.training_run import run_training as train

    __version__: str

__all__ = [
    "Answer",
    "Answerer",
    "ArchiveError",
    "AsyncClient",
    "Client",
    "ConfigError",
    "Conversation",
    "CorpusError",
    "Exchange",
    "Piece",
    "Pipeline",
    "RequestError",
    "ServerError",
    "TodError",
    "TrainingError",
    "TurnRequest",
    "TurnResponse",
    "Understood",
    "Whole",
    "__version__",
    "build_archive",
    "connect",
    "evaluate",
    "load",
    "train",
]

# Name -> where it is defined, as above, and its name there. An archive carries `runtime` alone.
_PLACES = {
    "Answer": ("todserve.serving.client.conversation", "Answer"),
    "Answerer": ("todserve.runtime.turn_answerer", "Answerer"),
    "ArchiveError": ("todserve.runtime.errors", "ArchiveError"),
    "AsyncClient": ("todserve.serving.client.client", "AsyncClient"),
    "Client": ("todserve.serving.client.client", "Client"),
    "ConfigError": ("todserve.runtime.errors", "ConfigError"),
    "Conversation": ("todserve.serving.client.conversation", "Conversation"),
    "CorpusError": ("todserve.runtime.errors", "CorpusError"),
    "Exchange": ("todserve.runtime.language.prompts", "Exchange"),
    "Piece": ("todserve.runtime.wire.turn_events", "Piece"),
    "Pipeline": ("todserve.runtime.pipeline", "Pipeline"),
    "RequestError": ("todserve.runtime.errors", "RequestError"),
    "ServerError": ("todserve.runtime.errors", "ServerError"),
    "TodError": ("todserve.runtime.errors", "TodError"),
    "TrainingError": ("todserve.runtime.errors", "TrainingError"),
    "TurnRequest": ("todserve.runtime.wire.request", "TurnRequest"),
    "TurnResponse": ("todserve.runtime.wire.response", "TurnResponse"),
    "Understood": ("todserve.runtime.wire.turn_events", "Understood"),
    "Whole": ("todserve.runtime.wire.turn_events", "Whole"),
    "build_archive": ("todserve.serving.archive.archive_build", "build_archive"),
    "connect": ("todserve.serving.client.client", "connect"),
    "evaluate": ("todserve.evaluation.benchmark_registry", "run_benchmark"),
    "load": ("todserve.serving.client.served_answerer", "load"),
    "train": ("todserve.training.training_run", "run_training"),
}


def _attribute(name: str) -> object:
    """Import what ``name`` stands for; it is kept, and asked for here only once."""
    value: object
    if name == "__version__":
        value = _version()
    elif name in _PLACES:
        value = _imported(name)
    else:
        raise AttributeError(f"module 'todserve' has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker knows the names from above, and finds those that are wrong
    __getattr__ = _attribute


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _imported(name: str) -> object:
    module, inner = _PLACES[name]
    try:
        return getattr(import_module(module), inner)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "todserve":
            raise AttributeError(
                f"todserve.{name} is not in this copy of the package: an archive carries what its "
                "worker needs and no more"
            ) from error
        extra = "train" if name in ("train", "evaluate") else "serve"
        raise ModuleNotFoundError(
            f"todserve.{name} needs the package {missing!r}, which is not installed; install "
            f"'todserve[{extra}]'",
            name=missing,
        ) from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("todserve")
    except PackageNotFoundError:  # a checkout or an archive that nobody installed
        return "unknown"
