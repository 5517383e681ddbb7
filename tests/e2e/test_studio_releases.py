"""Releases in a real browser: a version is tried, seen, refused, promoted and taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.gateway_server import ModelServer
from tests.support.studio_page import CHROMIUM, Studio, studio
from tests.support.two_versions import two_versions
from todserve.gateway.api.roles import Token
from todserve.gateway.gateway_settings import GatewaySettings

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def settings(model: ModelServer, tmp_path: Path) -> Iterator[GatewaySettings]:
    with two_versions(model, tmp_path) as logs:
        yield GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite",
            model_url=model.url,
            model_retries=0,
            releases=logs,
        )


def spoken(url: str) -> str:
    """Hold a dialogue of one turn that somebody found right; returns its id."""
    begun = requests.post(f"{url}/v1/dialogues", json={}, timeout=30).json()["dialogue_id"]
    body = {"user": "a train to ely", "message_id": "1"}
    said = requests.post(f"{url}/v1/dialogues/{begun}/turns", json=body, timeout=30)
    assert said.status_code == 200, said.text
    path = f"{url}/v1/dialogues/{begun}/turns/0/correction"
    assert requests.post(path, json={"verdict": "right"}, timeout=30).status_code == 200
    return str(begun)


def test_a_version_is_tried_refused_promoted_and_taken_back_and_each_step_is_read_out(
    browser: Browser, settings: GatewaySettings, model: ModelServer
) -> None:
    model.of_version["2.0"] = {"belief_state": {"train": {"day": {"value": "friday"}}}}
    with studio(settings) as url:
        page = Studio(browser.new_context(locale="en-GB").new_page(), url)
        page.open("#/releases")
        expect(page.page.get_by_role("row", name="tod/1.0 answers")).to_be_visible()
        assert page.violations() == []

        # All by keyboard: the buttons are reached by Tab and pressed by Enter.
        page.page.get_by_label("Share").select_option("100%")
        page.page.get_by_label("Reason, for the record").fill("new menu")
        page.page.get_by_label("Reason, for the record").press("Tab")
        page.page.keyboard.press("Enter")
        expect(page.status()).to_have_text("2.0 is asked 100% of turns again")
        dialogue = spoken(url)
        looked = page.page.get_by_role("button", name="Look again")
        for _ in range(100):  # the shadow is asked once the person has the answer
            looked.click()
            if page.page.get_by_text("1 of 1 turns are answered otherwise.").count():
                break
        page.page.get_by_text("a train to ely").click()
        shown = page.section("What 2.0 would have answered")
        expect(shown.get_by_role("definition").last).to_contain_text("train day friday")
        assert page.violations() == []

        page.page.get_by_role("button", name="Let it answer this share of new dialogues").click()
        expect(page.status()).to_have_text("2.0 answers 100% of new dialogues")
        expect(page.page.get_by_role("row", name="canary 100%")).to_contain_text("tod/2.0")

        page.page.get_by_role("button", name="Promote").click()
        expect(page.status()).to_have_text("2.0 was not promoted; 1.0 answers as before")
        against = page.page.get_by_role("link", name=f"Dialogue {dialogue[:8]}, turn 1")
        expect(against).to_have_attribute("href", f"#/chat/{dialogue}/0")
        assert page.violations() == []

        page.page.get_by_label("without asking it first").check()
        page.page.get_by_role("button", name="Promote").click()
        expect(page.status()).to_have_text("2.0 answers, in the place of 1.0")
        expect(page.page.get_by_role("row", name="tod/2.0 answers")).to_be_visible()

        page.page.get_by_label("Reason, for the record").fill("too slow")
        page.page.get_by_role("button", name="Roll back to the version before").click()
        expect(page.status()).to_have_text("1.0 answers again, in the place of 2.0")
        first = page.section("What was done").get_by_role("listitem").first
        expect(first).to_contain_text("1.0 answers again")
        expect(first).to_contain_text("too slow")
        page.page.context.close()
        assert page.complaints == []
        assert [asked for asked in page.asked if not asked.startswith(f"{url}/")] == []


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_a_phone_in_the_dark_shows_releases_without_sideways_scrolling_and_axe_finds_nothing(
    browser: Browser, settings: GatewaySettings, locale: str
) -> None:
    with studio(settings) as url:
        spoken(url)
        context = browser.new_context(
            locale=locale,
            color_scheme="dark",
            viewport={"width": 360, "height": 740},
            has_touch=True,
            is_mobile=True,
        )
        page = Studio(context.new_page(), url)
        page.open("#/releases")
        expect(page.page.get_by_role("table")).to_be_visible()
        assert not page.overflows()
        assert page.violations() == []
        context.close()


def test_who_may_not_change_versions_sees_them_and_no_button(
    browser: Browser, settings: GatewaySettings
) -> None:
    token = "label-lena-55d2"
    guarded = settings.model_copy(update={"tokens": (Token.of_line(f"label {token} lena"),)})
    with studio(guarded) as url:
        page = Studio(browser.new_context(locale="en-GB").new_page(), url)
        page.open("#/releases")
        page.page.get_by_label("Access token").fill(token)
        page.page.get_by_label("Access token").press("Enter")
        expect(page.page.get_by_text("This token may look, but not change")).to_be_visible()
        expect(page.page.get_by_role("row", name="tod/2.0")).to_be_visible()
        expect(page.page.get_by_role("button", name="Promote")).to_have_count(0)
        assert page.violations() == []
        page.page.context.close()
