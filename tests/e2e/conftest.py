import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, sync_playwright

from benchmarks.replicas.postgres import Postgres, programs
from tests.support.served_endpoint import MODEL_CONFIG, ROOT, MakeSettings, free_ports, write_config
from tests.support.studio_page import launch
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start


@pytest.fixture(scope="session")
def store(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with tod.mar. Read only."""
    folder = tmp_path_factory.mktemp("serving")
    config = folder / "model-config.yaml"
    config.write_text(MODEL_CONFIG)
    return build_archive(tiny_checkpoint, folder / "store", model_config=config).parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; every test opens contexts of its own in it."""
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture
def make_settings(store: Path, tmp_path: Path) -> MakeSettings:
    """Settings of a server of the test's own; keywords change config.properties."""

    def make(
        *, other_store: Path | None = None, beside: tuple[str, ...] = (), **changes: str
    ) -> ServerSettings:
        return ServerSettings(
            store=other_store or store,
            beside=beside,
            config=write_config(tmp_path, **changes),
            log_config=ROOT / "archive" / "log4j2.xml",
            log_dir=tmp_path / "logs",
            ready_timeout=240,
        )

    return make


@pytest.fixture(scope="session")
def server(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that most tests share, started in an environment that must not matter."""
    folder = tmp_path_factory.mktemp("server")
    decoy = folder / "decoy" / "todserve"
    decoy.mkdir(parents=True)
    (decoy / "__init__.py").write_text("raise RuntimeError('the decoy was imported')")
    settings = ServerSettings(
        store=store,
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(decoy.parent))
        environment.setenv("PYTHONWARNINGS", "error")
        environment.setenv("TS_CONFIG_FILE", "/nowhere.properties")
        environment.setenv("http_proxy", "http://127.0.0.1:9")
        running = start(settings)
    with running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL that tests share; each takes ``another`` database."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed")
    # The range of ports of the benchmarks is for what runs alone.
    with Postgres(folder, port=free_ports(1)[0]) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """A session that no proxy of the environment can reroute. Give every call a timeout."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def copied_store(store: Path, tmp_path: Path) -> Path:
    """A store of the test's own."""
    return shutil.copytree(store, tmp_path / "store")
