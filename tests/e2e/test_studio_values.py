"""What values mean beside the words, and the page in German, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.gateway_server import DESCRIPTION, ModelServer, counting
from tests.support.studio_page import CHROMIUM, Studio, studio
from todserve.gateway.gateway_settings import GatewaySettings

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


def typed(request: dict[str, Any]) -> dict[str, Any]:
    """Answer as a model would whose schema gives slots types."""
    day = {"value": "next friday", "confidence": 0.9}
    day |= {"normalised": {"type": "date", "value": "2026-12-04"}}
    price = {"value": "25 quid", "confidence": 0.9}
    price |= {"normalised": {"type": "amount", "value": "25", "currency": "GBP"}}
    phone = {"domain": "train", "slot": "phone", "value": "12345"}
    phone |= {"reason": "unreadable", "detail": "it has too few digits"}
    return counting(request) | {
        "belief_state": {"train": {"day": day, "price": price}},
        "refused": [phone],
    }


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(typed) as server:
        server.description = DESCRIPTION | {"types": {"train": {"day": "date"}}}
        yield server


@pytest.fixture(scope="module")
def url(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("values")
    database = f"sqlite:///{folder}/dialogues.sqlite"
    with studio(GatewaySettings(database=database, model_url=model.url)) as address:
        yield address


def test_the_panel_shows_words_and_meaning_and_what_could_not_be_read(
    browser: Browser, url: str, model: ModelServer
) -> None:
    page = Studio(browser.new_context(timezone_id="Asia/Seoul").new_page(), url)
    page.open()
    page.say("next friday, 25 quid, call 12345")
    # What day it is, the person's clock says.
    assert model.requests[-1]["now"].endswith("+09:00")
    state = page.section("Belief state")
    expect(state).to_contain_text("next friday")
    expect(state).to_contain_text("2026-12-04")
    expect(state).to_contain_text("25 GBP")
    expect(state).to_contain_text("Not taken: phone 12345")
    expect(state).to_contain_text("not readable as its type (it has too few digits)")
    page.say("and then?")
    sent = model.requests[-1]["state"]["train"]["day"]
    assert sent["normalised"] == {"type": "date", "value": "2026-12-04"}
    assert page.violations() == []
    assert page.complaints == []


def test_the_page_speaks_german_and_remembers_it(browser: Browser, url: str) -> None:
    page = Studio(browser.new_context(locale="de-AT").new_page(), url)
    page.open()
    assert page.page.locator("html").get_attribute("lang") == "de"
    page.page.get_by_label("Nachricht", exact=True).fill("Guten Tag")
    page.page.get_by_role("button", name="Senden").click()
    expect(page.page.get_by_role("heading", name="Zug 1 von 1")).to_be_visible()
    expect(page.section("Dialogzustand")).to_contain_text("Nicht übernommen: phone 12345")
    page.page.get_by_label("Sprache").select_option("en")
    expect(page.page.get_by_role("heading", name="Turn 1 of 1")).to_be_visible()
    page.page.get_by_label("Language").select_option("de")
    page.page.reload()
    expect(page.page.get_by_role("link", name="Gespräch", exact=True)).to_be_visible()
    assert page.complaints == []
