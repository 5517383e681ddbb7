"""The studio in a real browser, on a real gateway and a real TorchServe with the shipped model."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Error, Route, expect
from pydantic import SecretStr

from tests.support.served_endpoint import ROOT, write_config
from tests.support.studio_page import CHROMIUM, Studio, studio
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
CHEAP = "i am looking for a cheap restaurant in the centre of town."
CHINESE = "i would like chinese food please."
PHONE = "great, can i have the phone number and the address?"
OpenStudio = Callable[..., Studio]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("studio")
    archive = build_archive(ROOT / "checkpoints" / "multiwoz", folder / "store")
    settings = ServerSettings(
        store=archive.parent,
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    with start(settings) as server:
        yield server


@pytest.fixture
def url(shipped: RunningServer, tmp_path: Path) -> Iterator[str]:
    with studio(settings(shipped, tmp_path)) as address:
        yield address


@pytest.fixture
def open_studio(browser: Browser, url: str) -> Iterator[OpenStudio]:
    """Open a page; afterwards it must have asked nobody else and complained about nothing."""
    opened: list[Studio] = []

    def make(place: str = "", at: str = url, **options: Any) -> Studio:
        page = browser.new_context(**{"locale": "en-GB", **options}).new_page()
        opened.append(Studio(page, at))
        opened[-1].open(place)
        return opened[-1]

    yield make
    for one in opened:
        one.page.context.close()
        assert [asked for asked in one.asked if not asked.startswith(f"{one.url}/")] == []
        assert one.complaints == []


def settings(server: RunningServer, folder: Path, **changes: Any) -> GatewaySettings:
    database = f"sqlite:///{folder}/dialogues.sqlite"
    return GatewaySettings(database=database, model_url=server.inference_url, **changes)


def remembered(url: str) -> list[dict[str, Any]]:
    """Return the turns of the one dialogue that the gateway remembers."""
    (dialogue,) = requests.get(f"{url}/v1/dialogues", timeout=30).json()["dialogues"]
    answer = requests.get(f"{url}/v1/dialogues/{dialogue['dialogue_id']}", timeout=30)
    turns: list[dict[str, Any]] = answer.json()["turns"]
    return turns


def test_a_person_sees_what_was_understood_of_the_selected_turn(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.say(CHEAP, CHINESE)
    expect(page.section("Intent")).to_contain_text("find restaurant")
    expect(page.section("Intent")).to_contain_text("%")
    food = page.section("Belief state").get_by_role("listitem").filter(has_text="food")
    expect(food).to_contain_text("new")
    area = page.section("Belief state").get_by_role("listitem").filter(has_text="area")
    expect(area).not_to_contain_text("new")
    expect(page.section("Database")).to_contain_text("charlie chan")
    expect(page.section("Acts of the reply").get_by_role("listitem").first).to_be_visible()
    expect(page.section("Reply")).to_contain_text("[value_name]")
    expect(page.section("Time").get_by_role("row", name="Understanding")).to_contain_text("ms")
    page.page.get_by_role("button", name="Turn 1", exact=True).click()
    expect(page.section("Belief state")).not_to_contain_text("chinese")
    page.say(PHONE)
    expect(page.section("Belief state")).to_contain_text("chinese")


def test_a_corrected_slot_stands_in_the_turns_run_again_until_undone(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio()
    page.say(CHEAP, CHINESE, PHONE)
    page.page.get_by_role("button", name="Turn 2", exact=True).click()
    # Not the food: the model would put right again what the words just before contradict.
    page.page.get_by_role("button", name="pricerange: cheap. Edit").click()
    value = page.section("Belief state").get_by_label("Value").nth(1)
    expect(value).to_be_focused()
    value.fill("expensive")
    page.page.get_by_role("button", name="Save and re-run from here").click()
    expect(page.status()).to_have_text("Corrected, and the later turns run again")
    expect(page.page.get_by_role("button", name="Edit: Belief state")).to_be_focused()
    price = page.section("Belief state").get_by_role("listitem").filter(has_text="pricerange")
    expect(price).to_contain_text("corrected")
    second, third = remembered(url)[1:]
    assert second["correction"]["belief_state"]["restaurant"]["pricerange"] == "expensive"
    later = third["correction"]["answer"]["belief_state"]["restaurant"]
    assert later["pricerange"]["value"] == "expensive"
    page.page.get_by_role("button", name="Undo").click()
    expect(page.page.get_by_role("button", name="pricerange: cheap. Edit")).to_be_visible()
    expect(page.page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.page.get_by_label("Message", exact=True)).to_be_focused()
    assert all(turn["correction"] is None for turn in remembered(url))


def test_a_correction_that_comes_late_stays_in_its_own_dialogue(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio()
    page.say(CHEAP)
    (other,) = requests.get(f"{url}/v1/dialogues", timeout=30).json()["dialogues"]
    page.page.get_by_role("button", name="New conversation").click()
    page.say(CHINESE)
    held: list[Route] = []
    page.page.route("**/correction", lambda route: held.append(route))
    page.page.get_by_role("button", name="food: chinese. Edit").click()
    page.section("Belief state").get_by_label("Value").last.fill("indian")
    page.page.get_by_role("button", name="Save", exact=True).click()
    page.page.evaluate("id => { location.hash = `#/chat/${id}` }", other["dialogue_id"])
    expect(page.page.get_by_role("article").first).to_contain_text(CHEAP)
    with page.page.expect_response("**/correction"):
        held[0].continue_()
    expect(page.page.get_by_role("article").first).to_contain_text(CHEAP)
    assert CHINESE not in page.page.get_by_role("log").inner_text()


def test_an_address_that_was_cut_short_opens_the_chat(open_studio: OpenStudio) -> None:
    expect(open_studio("#/chat/%E0%A4%A").page.get_by_label("Message", exact=True)).to_be_visible()


def test_intent_acts_and_reply_are_corrected_in_place(open_studio: OpenStudio, url: str) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.page.get_by_role("button", name="Edit: Intent").click()
    page.section("Intent").get_by_role("combobox").fill("book_restaurant")
    page.page.keyboard.press("Enter")
    expect(page.section("Intent")).to_contain_text("book restaurant")
    expect(page.section("Intent")).to_contain_text("The model said: find restaurant")
    page.page.get_by_role("button", name="Edit: Acts of the reply").click()
    acts = page.section("Acts of the reply")
    before = acts.get_by_role("listitem").count()
    acts.get_by_role("button", name="Remove the act").last.click()
    expect(acts.get_by_role("listitem")).to_have_count(before - 1)
    acts.get_by_role("button", name="Save").click()
    expect(acts).to_contain_text("corrected")
    page.page.get_by_role("button", name="Edit: Reply").click()
    page.section("Reply").get_by_role("textbox").fill("which food, in the [value_area]?")
    page.section("Reply").get_by_role("button", name="Save").click()
    expect(page.page.get_by_role("article")).to_contain_text("which food, in the [value_area]?")
    (turn,) = remembered(url)
    assert turn["correction"]["intent"] == "book_restaurant"
    assert len(turn["correction"]["dialogue_act"]) == before - 1
    assert turn["correction"]["response"] == "which food, in the [value_area]?"
    assert turn["reply"] != turn["correction"]["response"]


def test_a_correction_that_the_gateway_refuses_stays_open_and_says_why(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.page.get_by_role("button", name="Edit: Intent").click()
    field = page.section("Intent").get_by_role("combobox")
    field.fill("no_such_intent")
    field.press("Enter")
    expect(page.section("Intent").get_by_role("alert")).to_contain_text("intent")
    expect(field).to_have_value("no_such_intent")
    assert page.violations() == []
    assert remembered(url)[0]["correction"] is None


def test_escape_leaves_a_correction_without_a_trace(open_studio: OpenStudio, url: str) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.page.get_by_role("button", name="Edit: Reply").click()
    page.page.keyboard.type("never")
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("button", name="Edit: Reply")).to_be_focused()
    assert remembered(url)[0]["correction"] is None


def test_marked_dialogues_are_found_by_their_mark(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.page.get_by_role("button", name="Wrong").click()
    expect(page.page.get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "true")
    page.page.get_by_role("button", name="New conversation").click()
    page.say("i need a train to ely on friday.")
    page.page.get_by_role("button", name="Right").click()
    expect(page.page.get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "true")
    page.go("Dialogues")
    listed = page.page.locator(".dialogues > li")
    expect(listed).to_have_count(2)
    page.page.get_by_role("button", name="Wrong", exact=True).click()
    expect(listed).to_have_count(1)
    expect(page.status()).to_have_text("Dialogues: 1")
    listed.get_by_role("link", name=CHEAP).click()
    expect(page.page.get_by_role("article")).to_contain_text(CHEAP)
    expect(page.page.get_by_role("heading", level=1)).to_be_focused()


def test_every_filter_is_known_to_the_gateway(open_studio: OpenStudio) -> None:
    page = open_studio("#/dialogues")
    filters = page.page.get_by_role("group", name="Filter").get_by_role("button")
    assert filters.count() == 12
    for index in range(filters.count()):
        with page.page.expect_response("**/v1/dialogues?*") as answer:
            filters.nth(index).click()
        assert answer.value.status == 200
        expect(page.page.get_by_text("No dialogue here.")).to_be_visible()
    expect(page.page.get_by_role("alert")).to_have_count(0)


def test_a_dialogue_is_deleted_only_when_asked_twice(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.go("Dialogues")
    page.page.get_by_role("button", name="Delete this dialogue").click()
    expect(page.page.locator(".dialogues > li")).to_have_count(1)
    page.page.get_by_role("button", name="Really delete?").click()
    expect(page.page.get_by_text("No dialogue here.")).to_be_visible()


def test_two_models_are_compared_on_the_same_conversation(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.say(CHEAP, CHINESE, PHONE)
    page.go("Compare")
    page.page.get_by_label("The other model").fill("tod/1.0")
    page.page.get_by_role("button", name="Compare").click()
    expect(page.status()).to_have_text("All 3 turns are answered alike.")
    page.go("Chat")
    # The third turn's answer now stands on another state than the one it was given.
    page.page.get_by_role("button", name="Turn 2", exact=True).click()
    page.page.get_by_role("button", name="pricerange: cheap. Edit").click()
    page.section("Belief state").get_by_label("Value").nth(1).fill("expensive")
    page.section("Belief state").get_by_role("button", name="Save", exact=True).click()
    expect(page.page.get_by_role("button", name="pricerange: expensive. Edit")).to_be_visible()
    page.go("Compare")
    page.page.get_by_role("button", name="Compare").click()
    expect(page.status()).to_have_text("1 of 3 turns are answered differently.")
    row = page.page.get_by_role("row", name="Belief state differs")
    expect(row).to_contain_text("restaurant pricerange: cheap")
    expect(row).to_contain_text("restaurant pricerange: expensive")


def test_fresh_utterances_are_proposed_corrected_and_kept(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio("#/annotate")
    texts = ("a cheap place to sleep in the north", "i need a train to ely on friday")
    page.page.get_by_label("Utterances, one on each line").fill("\n".join(texts))
    page.page.get_by_role("button", name="Propose").click()
    proposal = page.page.get_by_role("form", name=texts[0])
    expect(page.page.get_by_role("form", name=texts[1])).to_be_visible()
    expect(proposal.get_by_label("Intent")).to_have_value("find_hotel")
    expect(proposal.locator("mark")).to_have_text(["cheap", "north"])
    proposal.get_by_label("Intent").fill("book_hotel")
    proposal.get_by_role("button", name="Remove the slot pricerange").click()
    proposal.get_by_role("button", name="Save the example").click()
    expect(page.status()).to_have_text(f"Saved: {texts[0]}")
    (kept,) = requests.get(f"{url}/v1/examples", timeout=30).json()["examples"]
    assert (kept["text"], kept["intent"]) == (texts[0], "book_hotel")
    assert kept["belief_state"] == {"hotel": {"area": "north"}}
    # Asking for a proposal leaves no dialogue behind.
    assert requests.get(f"{url}/v1/dialogues", timeout=30).json()["dialogues"] == []
    page.page.get_by_role("button", name=f"Remove the example: {texts[0]}").click()
    expect(page.page.get_by_role("heading", name="Saved examples")).to_have_count(0)


def test_a_booking_shows_its_form_and_what_came_of_it(
    shipped: RunningServer, tmp_path: Path, open_studio: OpenStudio
) -> None:
    # Its bookings are kept beside it.
    bot = shutil.copytree(ROOT / "examples" / "restaurant_booking", tmp_path / "bot")
    with studio(settings(shipped, tmp_path, bot=bot / "bot.yml")) as address:
        page = open_studio(at=address)
        page.say("i am looking for a cheap chinese restaurant in the centre of town.")
        page.say("please book a table there for 4 people on friday.")
        expect(page.section("Bot")).to_contain_text("book restaurant")
        expect(page.section("Bot")).to_contain_text("Still missing time", use_inner_text=True)
        page.say("at 18:30")
        expect(page.section("Bot")).to_contain_text("awaiting confirmation")
        assert page.violations() == []
        page.say("yes please")
        (turn,) = remembered(address)[3:]
        (reference,) = [one["value"] for one in turn["bot"]["events"] if one["event"] == "slot"]
        came = f"reference = {reference}"
        expect(page.section("Bot")).to_contain_text(came, use_inner_text=True)
        expect(page.page.get_by_role("article").last).to_contain_text(reference, ignore_case=True)
        page.say("i want to talk to a human")
        expect(page.page.get_by_role("article").last).to_contain_text("Handed to a person")


def test_corrected_dialogues_are_saved_as_a_file(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.say(CHEAP)
    page.page.get_by_role("button", name="Wrong").click()
    expect(page.status()).to_have_text("Wrong")
    page.go("Dialogues")
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Export JSONL").click()
    (line,) = Path(download.value.path()).read_text().splitlines()
    assert json.loads(line)["turns"][0]["user"] == CHEAP
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Export SGD").click()
    (line,) = Path(download.value.path()).read_text().splitlines()
    assert json.loads(line)["turns"][0]["utterance"] == CHEAP


def test_the_page_speaks_korean_and_remembers_it(open_studio: OpenStudio) -> None:
    page = open_studio(locale="ko-KR")
    assert page.page.locator("html").get_attribute("lang") == "ko"
    page.page.get_by_label("메시지", exact=True).fill("안녕하세요")
    page.page.get_by_role("button", name="보내기").click()
    expect(page.page.get_by_role("heading", name="턴 1 / 1")).to_be_visible()
    expect(page.page.get_by_role("article")).to_contain_text("안녕하세요")
    page.page.get_by_label("언어").select_option("en")
    expect(page.page.get_by_role("heading", name="Turn 1 of 1")).to_be_visible()
    page.page.reload()
    expect(page.page.get_by_role("heading", name="Turn 1 of 1")).to_be_visible()
    assert page.page.locator("html").get_attribute("lang") == "en"


def test_everything_is_reached_from_the_keyboard(open_studio: OpenStudio, url: str) -> None:
    page = open_studio()
    keys = page.page.keyboard
    expect(page.page.get_by_label("Message", exact=True)).to_be_focused()
    for count, text in enumerate((CHEAP, CHINESE, PHONE), start=1):
        keys.type(text)
        keys.press("Enter")
        expect(page.page.get_by_role("heading", name=f"Turn {count} of {count}")).to_be_visible()
        expect(page.page.get_by_label("Message", exact=True)).to_be_focused()
    keys.press("Alt+ArrowUp")
    expect(page.page.get_by_role("heading", name="Turn 2 of 3")).to_be_visible()
    expect(page.status()).to_have_text(f"Turn 2: {CHINESE}")
    tab_to(page, "pricerange: cheap. Edit")
    keys.press("Enter")
    keys.press("Control+A")
    keys.type("moderate")
    tab_to(page, "Save and re-run from here")
    keys.press("Enter")
    expect(page.page.get_by_role("button", name="pricerange: moderate. Edit")).to_be_visible()
    state = remembered(url)[2]["correction"]["answer"]["belief_state"]
    assert state["restaurant"]["pricerange"]["value"] == "moderate"


def tab_to(page: Studio, name: str) -> None:
    """Press Tab until the named button has the focus, which it must show."""
    for _ in range(60):
        page.page.keyboard.press("Tab")
        focused = page.page.locator(":focus")
        outline = focused.evaluate("(one) => getComputedStyle(one).outlineStyle")
        assert outline != "none"
        label = focused.get_attribute("aria-label") or focused.inner_text()
        if label.strip() == name:
            return
    raise AssertionError(f"Tab never led to {name}")


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_a_phone_needs_no_sideways_scrolling(open_studio: OpenStudio, locale: str) -> None:
    words = {"en-GB": ("Message", "Understanding"), "ko-KR": ("메시지", "이해한 내용")}[locale]
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = open_studio(locale=locale, **phone)
    assert not page.overflows()
    page.page.get_by_label(words[0], exact=True).fill(CHEAP)
    page.page.keyboard.press("Enter")
    page.page.get_by_role("button", name=words[1]).tap()
    expect(page.page.locator(".section-state")).to_be_in_viewport()
    assert not page.overflows()
    page.page.locator("#edit-state").tap()
    assert not page.overflows()
    for view in ("dialogues", "label", "compare", "annotate", "help"):
        page.open(f"#/{view}")
        assert not page.overflows()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_an_accessibility_audit_finds_nothing(
    open_studio: OpenStudio, scheme: str, width: int
) -> None:
    page = open_studio(color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.violations() == []
    page.page.get_by_role("button", name="i am looking for").click()
    page.page.get_by_role("article").wait_for()
    switch = page.page.get_by_role("button", name="Understanding")
    if switch.is_visible():
        assert page.violations() == []
        switch.click()
    page.page.get_by_role("button", name="Right").click()
    expect(page.status()).to_have_text("Right")
    assert page.violations() == []
    for name in ("Intent", "Belief state", "Acts of the reply", "Reply"):
        page.page.get_by_role("button", name=f"Edit: {name}").click()
        assert page.violations() == []
        page.page.get_by_role("button", name="Cancel").click()
    page.go("Dialogues")
    page.page.get_by_role("link", name="i am looking for").wait_for()
    assert page.violations() == []
    page.go("Compare")
    page.page.get_by_label("The other model").fill("tod/1.0")
    page.page.get_by_role("button", name="Compare").click()
    page.page.locator("summary").first.click()
    page.page.get_by_role("table").wait_for()
    assert page.violations() == []
    page.go("Annotate")
    page.page.get_by_label("Utterances, one on each line").fill("a cheap hotel in the north")
    page.page.get_by_role("button", name="Propose").click()
    page.page.get_by_role("form", name="a cheap hotel in the north").wait_for()
    assert page.violations() == []


def test_a_lost_answer_keeps_the_text_and_is_not_said_twice(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio()
    lost = page.lose_next_answer()
    field = page.page.get_by_label("Message", exact=True)
    field.fill(CHEAP)
    field.press("Enter")
    expect(page.page.get_by_role("alert")).to_contain_text("the gateway cannot be reached")
    expect(field).to_have_value(CHEAP)
    with page.page.expect_response("**/turns") as answer:
        page.page.get_by_role("button", name="Try again").click()
    assert answer.value.headers["idempotent-replay"] == "true"
    assert answer.value.request.post_data_json == lost[0].post_data_json
    expect(page.page.get_by_role("article")).to_have_count(1)
    expect(page.page.get_by_role("alert")).to_have_count(0)
    assert len(remembered(url)) == 1


def test_what_the_gateway_refuses_is_said_and_the_text_kept(open_studio: OpenStudio) -> None:
    page = open_studio()
    page.page.wait_for_load_state("networkidle")  # what the page asks first is answered
    page.page.get_by_label("Model").fill("nosuch")
    field = page.page.get_by_label("Message", exact=True)
    field.fill(CHEAP)
    field.press("Enter")
    expect(page.page.get_by_role("alert")).to_contain_text("nosuch")
    expect(field).to_have_value(CHEAP)


def test_markup_in_a_message_stays_text(open_studio: OpenStudio) -> None:
    page = open_studio()
    text = "<img src=x onerror=alert(1)><b>bold</b> [value_name] & a train to ely"
    page.say(text)
    expect(page.page.get_by_role("article")).to_contain_text(text)
    assert page.page.locator("img").count() == 0
    with pytest.raises(Error, match="TrustedHTML"):
        page.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b>no</b>')")
    assert "TrustedHTML" in page.complaints.pop()


def test_a_token_opens_the_api_but_the_page_needs_none(
    shipped: RunningServer, tmp_path: Path, open_studio: OpenStudio
) -> None:
    token = "a long and secret text"
    with studio(settings(shipped, tmp_path, tokens=(SecretStr(token),))) as guarded:
        assert requests.get(f"{guarded}/v1/dialogues", timeout=30).status_code == 401
        page = open_studio("#/dialogues", at=guarded)
        field = page.page.get_by_label("Access token")
        expect(field).to_be_focused()
        assert page.violations() == []
        field.fill("wrong")
        field.press("Enter")
        expect(page.page.get_by_role("alert")).to_contain_text("does not accept this token")
        field.fill(token)
        field.press("Enter")
        expect(page.page.get_by_text("No dialogue here.")).to_be_visible()
        page.go("Chat")
        page.say(CHEAP)
        kept = page.page.evaluate("[Object.values(localStorage), Object.values(sessionStorage)]")
        assert token not in kept[0]
        assert token in kept[1]


def test_the_page_comes_with_a_strict_policy_and_fresh_files(url: str) -> None:
    page = requests.get(url, timeout=30)
    assert page.url == f"{url}/studio/"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    same = requests.get(page.url, headers={"If-None-Match": page.headers["etag"]}, timeout=30)
    assert same.status_code == 304
    library = f"{page.url}vendor/preact-11.2.0/preact.mjs"
    kept = requests.get(library, timeout=30)
    assert kept.headers["content-type"].startswith("text/javascript")
    assert "immutable" in kept.headers["cache-control"]
    assert requests.get(f"{page.url}nothing.js", timeout=30).status_code == 404
