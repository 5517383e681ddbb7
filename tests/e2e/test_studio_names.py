"""Names that mean something to JavaScript are names like any others, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.gateway_server import DESCRIPTION, ModelServer, counting
from tests.support.studio_page import CHROMIUM, Studio, studio
from todserve.gateway.gateway_settings import GatewaySettings

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
NAMES = ("constructor", "__proto__", "toString", "hasOwnProperty", "valueOf")


def inherited(request: dict[str, Any]) -> dict[str, Any]:
    """Answer as a model would whose schema and database bear those names."""
    answer = counting(request)
    turn = len(request.get("history", []))
    rows: list[dict[str, str]] = [{name: f"cell {name}" for name in NAMES}, {"name": "plain"}]
    slots = {name: {"value": f"value {turn}", "confidence": 0.8} for name in NAMES}
    return answer | {
        "belief_state": dict.fromkeys(NAMES[turn:], slots),
        "database": {
            "domain": "train",
            "matches": len(rows),
            "results": rows[::-1] if turn else rows,
        },
    }


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with ModelServer(inherited) as model:
        domains = {name: dict.fromkeys(NAMES) for name in NAMES}
        model.description = DESCRIPTION | {"domains": domains}
        database = f"sqlite:///{tmp_path}/dialogues.sqlite"
        with studio(GatewaySettings(database=database, model_url=model.url)) as address:
            yield address


def test_the_panels_show_whatever_a_column_a_domain_or_a_slot_is_called(
    browser: Browser, url: str
) -> None:
    page = Studio(browser.new_page(), url)
    page.open()
    page.say("a train")
    for name in NAMES:
        expect(page.section("Database")).to_contain_text(f"cell {name}")
    page.say("another train")
    expect(page.section("Database")).to_contain_text("plain")
    state = page.section("Belief state")
    expect(state.locator("h4")).to_have_count(len(NAMES))
    expect(state).to_contain_text("value 1")
    assert "function" not in page.page.locator("main").inner_text()
    assert "[object" not in page.page.locator("main").inner_text()
    assert page.complaints == []


def test_a_correction_of_such_a_slot_is_stored(browser: Browser, url: str) -> None:
    page = Studio(browser.new_page(), url)
    page.open()
    page.say("a train")
    page.section("Belief state").get_by_role("button", name="Edit: Belief state").click()
    page.section("Belief state").get_by_label("Value").first.fill("another")
    page.page.get_by_role("button", name="Save", exact=True).click()
    expect(page.section("Belief state")).to_contain_text("another")
    (listed,) = requests.get(f"{url}/v1/dialogues", timeout=30).json()["dialogues"]
    found = requests.get(f"{url}/v1/dialogues/{listed['dialogue_id']}", timeout=30).json()
    corrected = found["turns"][0]["correction"]["belief_state"]
    assert set(corrected) == set(NAMES)
    assert all(set(slots) == set(NAMES) for slots in corrected.values())
    assert page.complaints == []


def test_the_page_of_the_api_works_under_its_policy_and_in_no_frame(
    browser: Browser, url: str
) -> None:
    opened = browser.new_page()
    page = Studio(opened, url)
    opened.goto(f"{url}/docs")
    expect(opened.get_by_role("button", name="POST /v1/dialogues Begin")).to_be_visible()
    assert page.complaints == []
    assert {one.split("/")[2] for one in page.asked if one.startswith("http")} == {
        url.removeprefix("http://")
    }
    for framed in ("/docs", "/studio/", "/health"):
        opened.goto("about:blank")
        with opened.expect_request(f"{url}{framed}"):
            opened.set_content(f"<iframe src='{url}{framed}'></iframe>")
        opened.wait_for_timeout(300)
        # What the browser shows in its place.
        assert opened.frames[-1].url == "chrome-error://chromewebdata/"


def test_every_route_says_the_same_to_a_browser(url: str) -> None:
    document = requests.get(f"{url}/openapi.json", timeout=30).json()
    paths = [*document["paths"], "/docs", "/studio/", "/openapi.json", "/nowhere", "/redoc", "/"]
    paths += ["/static-offline-docs/swagger-ui.css", "/static-offline-docs/../x", "/studio/x"]
    for path in paths:
        for method in ("GET", "POST"):
            answer = requests.request(method, url + path, allow_redirects=False, timeout=30)
            said = answer.headers
            assert said["X-Content-Type-Options"] == "nosniff", path
            assert said["X-Frame-Options"] == "DENY", path
            assert "frame-ancestors 'none'" in said["Content-Security-Policy"], path
            assert said["Referrer-Policy"] == "no-referrer", path
            if path.startswith(("/v1", "/webhooks", "/health", "/ready")):
                assert said["Cache-Control"] == "no-store", path
