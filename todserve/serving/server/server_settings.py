"""ServerSettings: everything that starting a server depends on, in one frozen object.

``tod start`` and the tests make one.
Example: ``ServerSettings(store=Path("archive/store"), name="tod")``.
"""

from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.errors import ConfigError
from todserve.runtime.torchserve_files import given_or_shipped


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """What to serve, and how.

    Attributes:
        store: folder of archives and their SHA256SUMS.
        name: model to load; its archive is ``<name>.mar``, or another one's: ``tod=tod-2.0``.
        beside: further models to load beside it, or further versions of it.
        config: TorchServe's config.properties; where there is none of this name, the shipped one.
        log_config: TorchServe's log4j2 file, likewise.
        log_dir: where logs go and where ``stop`` finds what was started.
        ready_timeout: seconds until the model must have answered.
    """

    store: Path = Path("archive/store")
    name: str = "tod"
    beside: tuple[str, ...] = ()
    config: Path = Path("config.properties")
    log_config: Path = Path("archive/log4j2.xml")
    log_dir: Path = Path("logs")
    ready_timeout: float = 180.0

    def __post_init__(self) -> None:
        for name in ("config", "log_config"):
            object.__setattr__(self, name, given_or_shipped(getattr(self, name)))
        if self.ready_timeout <= 0:
            raise ConfigError(f"ready_timeout: got {self.ready_timeout}; expected seconds above 0")
        if not self.log_config.is_file():
            raise ConfigError(f"log configuration {self.log_config} does not exist")

        if len(set(self.archives)) < len(self.archives):
            given = ", ".join((self.name, *self.beside))
            raise ConfigError(f"models: got {given}; expected each archive once")

    @property
    def models(self) -> tuple[tuple[str, str], ...]:
        """Every model to load and the file name of its archive in the store, in the order given.

        Archives of one name are versions of one model; the first is the one that answers, until
        another is promoted.
        """
        given = [one.partition("=") for one in (self.name, *self.beside)]
        return tuple((name, f"{archive or name}.mar") for name, _, archive in given)

    @property
    def names(self) -> tuple[str, ...]:
        """Every model to load, once."""
        return tuple(dict.fromkeys(name for name, _ in self.models))

    @property
    def archives(self) -> tuple[str, ...]:
        """File names of the archives in the store."""
        return tuple(archive for _, archive in self.models)
