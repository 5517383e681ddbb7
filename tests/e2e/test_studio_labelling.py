"""Finding dialogues and labelling what is worth it, in a real browser on a real gateway."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.gateway_server import DESCRIPTION, ModelServer, counting
from tests.support.studio_page import CHROMIUM, Studio, studio
from todserve.gateway.api.roles import Token
from todserve.gateway.gateway_settings import GatewaySettings

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


def answering(request: dict[str, Any]) -> dict[str, Any]:
    """Answer as ``counting``; of a booking and of the weather as a model would."""
    answer, said = counting(request), request["user"]
    if "weather" in said:
        return answer | {"intent": {"name": "out_of_scope", "confidence": 0.9}}
    if "book" in said:
        return answer | {"intent": {"name": "book_train", "confidence": 0.9}}
    return answer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(answering) as server:
        yield server


@pytest.fixture
def url(model: ModelServer, tmp_path: Path) -> Iterator[str]:
    with studio(settings(model, tmp_path)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Studio]:
    opened = Studio(browser.new_context(locale="en-GB").new_page(), url)
    yield opened
    opened.page.context.close()
    assert opened.complaints == []


def settings(model: ModelServer, folder: Path, **changes: Any) -> GatewaySettings:
    database = f"sqlite:///{folder}/dialogues.sqlite"
    return GatewaySettings(
        database=database, model_url=model.url, requests_per_minute=0, model_retries=0, **changes
    )


def spoken(url: str, *texts: str, **headers: str) -> str:
    begun = requests.post(f"{url}/v1/dialogues", json={}, headers=headers, timeout=30).json()
    where = f"{url}/v1/dialogues/{begun['dialogue_id']}"
    for number, text in enumerate(texts):
        body = {"user": text, "message_id": str(number)}
        said = requests.post(f"{where}/turns", json=body, headers=headers, timeout=30)
        assert said.status_code == 200, said.text
    return str(begun["dialogue_id"])


def turns(url: str, dialogue_id: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{url}/v1/dialogues/{dialogue_id}", timeout=30)
    found: list[dict[str, Any]] = answer.json()["turns"]
    return found


def test_dialogues_are_searched_filtered_and_titled_by_what_they_are_about(
    page: Studio, url: str
) -> None:
    spoken(url, "a train to ely", "book it")
    spoken(url, "mumble")
    spoken(url, "how is the weather")
    page.open("#/dialogues")
    listed = page.page.locator(".dialogues > li")
    expect(listed).to_have_count(3)
    # The domain's title is the model's own.
    expect(listed.first).to_contain_text("trains · outside what it offers")
    expect(listed.last).to_contain_text("trains · find train, book train")
    page.page.get_by_role("searchbox").fill("ELY")
    expect(listed).to_have_count(1)
    expect(page.status().first).to_have_text("Dialogues: 1")
    page.page.get_by_role("searchbox").fill("nothing like it")
    expect(page.page.get_by_text("No dialogue here.")).to_be_visible()
    page.page.get_by_role("searchbox").fill("")
    expect(listed).to_have_count(3)
    page.page.get_by_label("Intent").select_option("book_train")
    expect(listed).to_have_count(1)
    page.page.get_by_label("Intent").select_option("")
    page.page.get_by_role("button", name="Outside").click()
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("outside what it offers")
    page.page.get_by_role("button", name="Flagged").click()
    expect(listed).to_have_count(2)
    assert page.violations() == []


def test_each_turn_has_a_mark_in_the_list_that_leads_to_it(page: Studio, url: str) -> None:
    dialogue = spoken(url, "a train", "mumble", "friday")
    where = f"{url}/v1/dialogues/{dialogue}/turns"
    requests.post(f"{where}/0/correction", json={"verdict": "right"}, timeout=30)
    requests.post(f"{where}/2/correction", json={"verdict": "wrong"}, timeout=30)
    page.open("#/dialogues")
    marks = page.page.get_by_role("list", name="Turns").get_by_role("link")
    expect(marks).to_have_count(3)
    for number, said in enumerate(("Turn 1, Right", "Turn 2, unsure", "Turn 3, Wrong")):
        expect(marks.nth(number)).to_have_accessible_name(said)
    marks.nth(1).click()
    expect(page.page.get_by_role("heading", name="Turn 2 of 3")).to_be_visible()
    expect(page.page.get_by_role("article").first).to_contain_text("Right")


def test_more_than_a_page_of_dialogues_is_shown_on_request(page: Studio, url: str) -> None:
    for number in range(31):
        spoken(url, f"train number {number}")
    page.open("#/dialogues")
    listed = page.page.locator(".dialogues > li")
    expect(listed).to_have_count(30)
    page.page.get_by_role("button", name="Show more").click()
    expect(listed).to_have_count(31)
    expect(page.page.get_by_role("button", name="Show more")).to_have_count(0)


def test_the_queue_is_worked_by_keys_alone(page: Studio, url: str) -> None:
    doubted = spoken(url, "a train", "mumble and garble")
    quarrel = spoken(url, "quarrel")
    mumbled = spoken(url, "mumble")
    page.open("#/label")
    keys, shown = page.page.keyboard, page.page.locator(".queued")
    expect(shown).to_contain_text("mumble and garble")
    expect(shown.get_by_text("unreadable")).to_be_visible()
    expect(page.page.get_by_text("3 turns left")).to_be_visible()
    assert page.violations() == []
    keys.press("w")
    expect(shown).not_to_contain_text("garble")
    expect(shown).to_contain_text("mumble")
    expect(page.page.get_by_text("2 turns left")).to_be_visible()
    keys.press("n")
    expect(shown).to_contain_text("quarrel")
    keys.press("p")
    expect(shown).to_contain_text("mumble")
    # A correction is written and saved, and letters in its field are letters.
    keys.press("i")
    expect(page.section("Intent").get_by_role("combobox")).to_be_focused()
    keys.press("Control+A")
    keys.type("book_train")
    keys.press("Enter")
    expect(page.section("Intent")).to_contain_text("corrected")
    keys.press("n")
    expect(shown).to_contain_text("quarrel")
    keys.press("r")
    expect(page.page.get_by_text("Nothing is left to look at.").first).to_be_visible()
    assert turns(url, doubted)[1]["correction"]["verdict"] == "wrong"
    assert turns(url, mumbled)[0]["correction"]["intent"] == "book_train"
    assert turns(url, quarrel)[0]["correction"]["verdict"] == "right"
    page.open("#/label")
    expect(page.page.get_by_text("Nothing is left to look at.").first).to_be_visible()
    keys.press("?")
    expect(page.page.get_by_role("heading", name="What the keys do")).to_be_visible()


def test_what_was_labelled_last_is_taken_back_wherever_it_was(page: Studio, url: str) -> None:
    first = spoken(url, "mumble and garble")
    second = spoken(url, "mumble")
    kept = requests.post(
        f"{url}/v1/dialogues/{second}/turns/0/correction", json={"intent": "book_train"}, timeout=30
    )
    assert kept.ok
    third = spoken(url, "quarrel")
    page.open("#/label")
    keys, shown = page.page.keyboard, page.page.locator(".queued")
    expect(shown).to_contain_text("mumble and garble")
    keys.press("w")
    expect(shown).to_contain_text("quarrel")
    keys.press("u")
    expect(shown).to_contain_text("mumble and garble")
    expect(page.page.get_by_text("2 turns left")).to_be_visible()
    keys.press("u")  # there is nothing more of this page's own
    keys.press("r")
    expect(shown).to_contain_text("quarrel")
    assert turns(url, first)[0]["correction"]["verdict"] == "right"
    assert turns(url, second)[0]["correction"]["intent"] == "book_train"
    assert turns(url, third)[0]["correction"] is None


def test_the_chat_shows_what_was_corrected_in_the_queue(page: Studio, url: str) -> None:
    page.open()
    page.say("mumble")
    page.go("Label")
    expect(page.page.locator(".queued")).to_contain_text("mumble")
    page.page.keyboard.press("w")
    expect(page.page.get_by_text("0 turns left")).to_be_visible()
    page.go("Chat")
    expect(page.page.get_by_role("article")).to_contain_text("Wrong")


def test_single_keys_can_be_switched_off_for_good(page: Studio, url: str) -> None:
    dialogue = spoken(url, "mumble")
    page.open("#/label")
    page.page.get_by_label("Single keys").uncheck()
    page.page.keyboard.press("r")
    page.page.reload()
    expect(page.page.locator(".queued")).to_contain_text("mumble")
    expect(page.page.get_by_label("Single keys")).not_to_be_checked()
    assert turns(url, dialogue)[0]["correction"] is None


def test_the_first_page_says_what_it_is_for_in_the_models_own_words(
    page: Studio, model: ModelServer
) -> None:
    prompts, titles = ["아이유 노래 알려줘"], {"train": "음악", "3i4k": ""}
    domains = {"train": {"people": None}, "3i4k": {}}
    model.description = DESCRIPTION | {"prompts": prompts, "titles": titles, "domains": domains}
    page.open()
    expect(page.page.get_by_text("It can talk about: 음악.")).to_be_visible()
    assert "cambridge" not in page.page.locator("main").inner_text().lower()
    expect(page.page.get_by_text("Judge and correct in place")).to_be_visible()
    page.page.get_by_role("button", name=prompts[0]).click()
    expect(page.section("Intent")).to_contain_text("음악")
    page.go("Help")
    expect(page.page.get_by_role("heading", name="What the studio is for")).to_be_visible()
    assert page.violations() == []


def test_a_model_that_is_not_served_is_named_as_such(
    page: Studio, url: str, model: ModelServer
) -> None:
    dialogue = spoken(url, "a train")
    model.unknown = "tod/9.0"
    page.open(f"#/compare/{dialogue}")
    page.page.get_by_label("The other model").fill("tod/9.0")
    page.page.get_by_role("button", name="Compare").click()
    expect(page.page.get_by_role("alert")).to_contain_text("serves no model “tod/9.0”")
    page.page.get_by_role("button", name="tod/1.0").click()
    page.page.get_by_role("button", name="Compare").click()
    expect(page.status().last).to_have_text("All 1 turns are answered alike.")
    assert page.violations() == []


def test_what_became_of_corrections_is_shown_for_a_model(page: Studio, url: str) -> None:
    dialogue = spoken(url, "a train", "book it")
    for turn, body in enumerate(({"intent": "find_train"}, {"intent": "general"})):
        where = f"{url}/v1/dialogues/{dialogue}/turns/{turn}/correction"
        assert requests.post(where, json=body, timeout=30).ok
    page.open("#/compare")
    page.page.get_by_label("The other model").fill("tod/1.0")
    page.page.get_by_role("button", name="Review corrections").click()
    expect(page.status().last).to_contain_text("1 now right, 1 still wrong")
    wrong = page.page.get_by_role("region", name="book it")
    expect(wrong).to_contain_text("People say general")
    assert page.violations() == []
    page.page.set_viewport_size({"width": 360, "height": 800})
    assert not page.overflows()
    wrong.get_by_role("link").click()
    expect(page.page).to_have_url(f"{url}/studio/#/chat/{dialogue}/1")


def test_corrected_dialogues_are_saved_as_the_next_models_corpus(page: Studio, url: str) -> None:
    dialogue = spoken(url, "a train")
    where = f"{url}/v1/dialogues/{dialogue}/turns/0/correction"
    assert requests.post(where, json={"verdict": "right"}, timeout=30).ok
    page.open("#/dialogues")
    page.page.get_by_label("Only corrected").check()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Export ZIP").click()
    assert download.value.suggested_filename == "dialogues-corrected.zip"
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


def test_two_people_judge_without_seeing_each_other_and_their_agreement_is_shown(
    browser: Browser, model: ModelServer, tmp_path: Path
) -> None:
    lines = ("label lena-55d2 lena", "label max-91ab max", "admin ada-77aa")
    tokens = tuple(map(Token.of_line, lines))
    with studio(settings(model, tmp_path, tokens=tokens)) as url:
        headers = {"Authorization": "Bearer ada-77aa"}
        dialogue = spoken(url, "mumble", "mumble more", **headers)
        for index, verdict in enumerate(("right", "wrong")):
            where = f"{url}/v1/dialogues/{dialogue}/turns/{index}/correction"
            hers = {"Authorization": "Bearer lena-55d2"}
            requests.post(where, json={"verdict": verdict}, headers=hers, timeout=30)
        page = Studio(browser.new_context(locale="en-GB").new_page(), url)
        page.open("#/label")
        page.page.get_by_label("Access token").fill("max-91ab")
        page.page.keyboard.press("Enter")
        expect(page.page.get_by_text("Nothing is left to look at.").first).to_be_visible()
        page.page.get_by_label("What others have judged").check()
        shown = page.page.locator(".queued")
        expect(shown).to_contain_text("mumble more")
        assert page.page.locator("[aria-pressed=true]").count() == 0
        expect(shown.locator("article").last).not_to_contain_text("Wrong")
        page.page.keyboard.press("w")
        expect(page.page.get_by_text("1 turns left")).to_be_visible()
        page.page.keyboard.press("r")
        expect(page.page.get_by_text("0 turns left")).to_be_visible()
        page.page.reload()
        people = page.page.get_by_role("region", name="Who labelled what")
        expect(people).to_contain_text("agree on 100% of 2 turns; Cohen’s kappa 1.00")
        page.page.context.close()


def test_what_was_understood_is_shown_while_the_reply_is_being_written(
    page: Studio, model: ModelServer
) -> None:
    written = threading.Event()
    model.between = lambda: written.wait(60)
    page.open()
    page.page.get_by_label("Message", exact=True).fill("a train")
    page.page.keyboard.press("Enter")
    said = "Understood: find train · trains people: 1 · 1 match"
    expect(page.page.get_by_text(said)).to_be_visible()
    assert page.page.get_by_role("article").count() == 0
    assert page.violations() == []
    written.set()
    expect(page.page.get_by_role("article")).to_contain_text("0 before: a train")
    expect(page.page.get_by_text(said)).to_have_count(0)


def test_a_turn_that_fails_after_it_was_understood_keeps_its_text(
    page: Studio, model: ModelServer
) -> None:
    model.between = lambda: None
    model.second_line = b'{"code": 507, "message": "out of memory"}'
    page.open()
    field = page.page.get_by_label("Message", exact=True)
    field.fill("a train")
    field.press("Enter")
    expect(page.page.get_by_role("alert")).to_contain_text("the model gave no answer")
    expect(field).to_have_value("a train")
    model.second_line = None
    page.page.get_by_role("button", name="Try again").click()
    expect(page.page.get_by_role("article")).to_contain_text("0 before: a train")
