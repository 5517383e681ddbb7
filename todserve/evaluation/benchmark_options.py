"""Benchmark options: those that all benchmarks share, and how an option becomes a flag of ``tod``.

A benchmark adds its own in a subclass. Example:
``quick: Annotated[bool, Typed("a fixed sample of 100 dialogues")] = False`` is ``--quick``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError, first_problem

if TYPE_CHECKING:  # opening one loads a network, listing the benchmarks does not
    from todserve.evaluation.answerer import AnswererSource


@dataclass(frozen=True, slots=True)
class Typed:
    """How a field is typed at a command line; a field without one is for Python alone.

    Attributes:
        help: says what it is for.
        metavar: stands for its value in a help text.
        flag: where it is not the field's own name.
        positional: it is given by its place, without a flag.
    """

    help: str
    metavar: str = ""
    flag: str = ""
    positional: bool = False


class BenchmarkOptions(BaseModel):
    """What every benchmark can be told; unknown names are rejected.

    Attributes:
        checkpoint: a checkpoint folder or an export of it; for a server, the one it was archived
            from.
        url: let the server there answer.
        token_file: holds that server's inference token, where it asks for one.
        name: the model's name on that server.
        engine: how the network is run, see `EngineSettings`; its default when None.
        dtype: the number format, likewise.
        threads: CPU threads, likewise.
        limit: score at most so many, always the same ones.
        split: which part of the corpus, as the corpus calls it.
        out: write the figures as JSON to this file.
        corpora: where the corpora are; the environment variable TOD_DATA when None.
        progress: show a progress bar on stderr.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: Annotated[Path, Typed("the checkpoint's folder", "DIR")] = Path(
        "checkpoints/multiwoz"
    )
    url: Annotated[
        str | None, Typed("score the server there; --checkpoint is its local copy", "URL")
    ] = None
    token_file: Annotated[
        Path | None, Typed("the server's key_file.json, or a file with its token", "FILE")
    ] = None
    name: Annotated[str, Typed("the model's name on the server", "NAME")] = "tod"
    engine: Annotated[str | None, Typed("what runs the network", "ENGINE")] = None
    dtype: Annotated[str | None, Typed("its number format", "DTYPE")] = None
    threads: Annotated[int | None, Typed("CPU threads of a process", "N")] = None
    limit: Annotated[int | None, Typed("at most N dialogues or rows", "N")] = None
    split: Annotated[str, Typed("dev, or test for a final report", "NAME")] = "dev"
    out: Annotated[
        Path | None,
        Typed("the figures as JSON; printed alone where no FILE is given", "FILE", flag="--json"),
    ] = None
    corpora: Annotated[
        Path | None, Typed("the folder that holds the corpora; TOD_DATA if not given", "DIR")
    ] = None
    progress: bool = True

    def settings(self) -> EngineSettings | None:
        """Return how the network is run; None where nothing is said of it.

        Raises:
            ConfigError: an engine that does not exist or compute so, or one told to a server.
        """
        said = {
            name: value
            for name in ("engine", "dtype", "threads")
            if (value := getattr(self, name)) is not None
        }
        if not said:
            return None
        if self.url is not None:
            raise ConfigError(
                f"a server runs the network as its archive says; got {', '.join(said)} beside "
                "its address; leave out one of the two"
            )
        try:
            return EngineSettings.model_validate(said)
        except ValidationError as error:
            raise ConfigError(first_problem(error)) from error

    def answerer(
        self, *, constrained: bool = False, spelling: bool = True, checked: bool = True
    ) -> "AnswererSource":
        """Return who answers; the arguments are those of `AnswererSource`.

        Raises:
            ConfigError: as of `settings`.
        """
        from todserve.evaluation.answerer import AnswererSource

        return AnswererSource(
            checkpoint=self.checkpoint,
            url=self.url,
            token_file=self.token_file,
            name=self.name,
            settings=self.settings(),
            constrained=constrained,
            spelling=spelling,
            checked=checked,
        )

    def without(self, *names: str, why: str) -> None:
        """Refuse options that would change nothing.

        Args:
            names: of options that must not have been given.
            why: says where they have no meaning, e.g. ``typed steps have no splits``.

        Raises:
            ConfigError: one of them was given.
        """
        for name in names:
            if name in self.model_fields_set:
                raise ConfigError(f"got {name} {getattr(self, name)!r}, but {why}; leave it out")
