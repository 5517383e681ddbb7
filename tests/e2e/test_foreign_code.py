"""Nobody who reaches TorchServe's ports has it load code, and no operation of it is unjudged."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import requests
from playwright.sync_api import sync_playwright

from tests.support.foreign_code import PATIENCE, ForeignCode, Site
from tests.support.studio_page import CHROMIUM, launch
from tests.support.torchserve_operations import (
    GRPC,
    HANDLERS,
    OPERATIONS,
    UNDESCRIBED,
    Operation,
    call,
    described,
    field,
    of_the_jar,
    perform,
)
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
_REGISTER = "org.pytorch.serve.grpc.management.ManagementAPIsService/RegisterModel"


@pytest.fixture
def foreign(tmp_path: Path) -> ForeignCode:
    return ForeignCode(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as serving:
        yield serving


@pytest.fixture(autouse=True)
def untouched(server: RunningServer, store: Path, foreign: ForeignCode) -> Iterator[None]:
    """Whatever is tried: one model, no workflow, the store as it was, and nothing has run."""
    before = sorted(path.name for path in store.iterdir())
    yield
    url = server.management_url
    models = requests.get(f"{url}/models", timeout=PATIENCE).json()["models"]
    assert [model["modelName"] for model in models] == ["tod"]
    assert requests.get(f"{url}/workflows", timeout=PATIENCE).json() == {"workflows": []}
    assert sorted(path.name for path in store.iterdir()) == before
    assert not foreign.mark.exists()


def test_no_spelling_of_an_address_loads_a_model_or_a_workflow(
    server: RunningServer, foreign: ForeignCode, site: Site
) -> None:
    statuses = foreign.attempts(server.management_url, site.url)
    assert set(statuses) <= {400, 403, 404, 405}
    assert site.asked == []


def test_grpc_registers_no_model(server: RunningServer, foreign: ForeignCode, site: Site) -> None:
    for address in (f"file://{foreign.model}", str(foreign.folder / "unpacked"), "tod.mar"):
        status = call(server, _REGISTER, "management", field(9, address))
        assert status is grpc.StatusCode.PERMISSION_DENIED
    address = f"{site.url}/{foreign.model.name}"
    assert call(server, _REGISTER, "management", field(9, address)) is not grpc.StatusCode.OK
    assert site.asked == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_page_of_another_origin_loads_nothing_and_scales_nothing(
    server: RunningServer, foreign: ForeignCode, site: Site
) -> None:
    target = f"{server.management_url}/workflows?url=file://{foreign.workflow}"
    scale = f"{server.management_url}/models/tod?min_worker=0"
    (foreign.folder / "page.html").write_text(
        f"<!doctype html><title>-</title><form method=post action='{target}'><button>go</button>"
    )
    with sync_playwright() as playwright:
        browser = launch(playwright, "--host-resolver-rules=MAP evil.example 127.0.0.1")
        page = browser.new_page()
        page.goto(f"{site.url.replace('127.0.0.1', 'evil.example')}/page.html")
        asked = page.evaluate(
            "url => fetch(url, {method: 'PUT'}).then(() => 'sent', () => 'refused')", scale
        )
        with page.expect_navigation() as arrived:
            page.get_by_role("button").click()
        status = arrived.value.status
        browser.close()
    assert asked == "refused"  # by the browser, which got no leave for PUT
    assert status == 403
    assert all(worker.ready for worker in server.workers())


def test_every_operation_that_torchserve_describes_is_judged(server: RunningServer) -> None:
    assert described(server) == set(OPERATIONS)


def test_no_part_of_torchserve_that_answers_requests_is_unknown() -> None:
    handlers, methods = of_the_jar()
    assert handlers == HANDLERS
    assert methods == set(GRPC)


@pytest.mark.parametrize(
    ("operation", "status"),
    [*OPERATIONS.items(), *UNDESCRIBED.items()],
    ids=lambda one: " ".join(one) if isinstance(one, Operation) else str(one),
)
def test_an_operation_does_by_default_what_was_judged(
    server: RunningServer, operation: Operation, status: int
) -> None:
    assert perform(server, operation).status_code == status


@pytest.mark.parametrize("method", GRPC)
def test_a_grpc_method_does_by_default_what_was_judged(server: RunningServer, method: str) -> None:
    port, status = GRPC[method]
    management = port == "management"
    about = field(1, "none") + field(2, "1.0") if management and "List" not in method else b""
    if method == _REGISTER:
        about = field(9, "none.mar")
    assert call(server, method, port, about) is status
