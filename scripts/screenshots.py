"""Screenshots: takes docs/images/studio*.png from a real conversation with the shipped model.

A server must be up with both models (``tod archive checkpoints/korean --name korean``, then ``tod
start --name tod korean``); then ``.venv/bin/python scripts/screenshots.py``. The gateway is this
process's own, and what it remembers is thrown away. Needs Chromium and Playwright.
"""

import argparse
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
from playwright.sync_api import Browser, Page, sync_playwright

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_process import make_server
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.studio.studio_page import mount_studio

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
BOT = ROOT / "examples" / "restaurant_booking"
SAYS = (
    "i am looking for a cheap restaurant in the centre of town.",
    "i would like chinese food please.",
    "great, can i have the phone number and the address?",
    "i also need a train to ely on friday.",
    "from cambridge, leaving after 13:15.",
)
BOOKS = (
    "i am looking for a cheap chinese restaurant in the centre of town.",
    "please book a table there for 4 people on friday.",
    "at 18:30",
)
OTHERS = (
    ("is there a museum in the west?", "how much is it to get in?"),
    ("what is the weather like on mars", "and who won the match yesterday"),
    ("i want a plce to stay, cheap, with parking", "hmm maybe 3 nights or so from tuesday", "book"),
)
"""Dialogues for the list and the queue, some of them hard to understand."""
SAYS_IN_KOREAN = (
    "안녕! 아이유가 부른 노래 알려줘",
    "댄스 장르의 곡들도 검색해줄래?",
    "가수 최원이 부른 노래에는 뭐가 있어?",
)
DESKTOP = {"width": 1280, "height": 1120}
PHONE = {"width": 360, "height": 740}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextmanager
def gateway(model_url: str, *, name: str = "tod", bot: bool = False) -> Iterator[str]:
    """Serve the studio on a free port, and yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        # The example keeps its bookings beside itself.
        path = shutil.copytree(BOT, Path(folder) / "bot") / "bot.yml"
        yield from serve(
            GatewaySettings(
                database=f"sqlite:///{folder}/dialogues.sqlite",
                model_url=model_url,
                model_name=name,
                bot=path if bot else None,
            )
        )


def serve(settings: GatewaySettings) -> Iterator[str]:
    """Yield the address of a gateway that runs meanwhile."""
    app = create_app(settings)
    mount_studio(app)
    server = make_server(settings, app)
    with socket.create_server((settings.host, 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def converse(page: Page, url: str, texts: Sequence[str] = SAYS) -> str:
    """Hold a conversation, and return its address."""
    page.goto(f"{url}/studio/")
    for number, text in enumerate(texts, start=1):
        page.get_by_label("Message", exact=True).fill(text)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=f"Turn {number} of {number}").wait_for()
    page.get_by_role("button", name="Right").click()
    page.get_by_role("article").last.get_by_text("Right").wait_for()
    page.get_by_label("Message", exact=True).focus()
    return page.url


def tell(url: str) -> None:
    """Hold the other dialogues, and judge a turn of each."""
    with httpx.Client(base_url=f"{url}/v1", trust_env=False, timeout=60) as api:
        for texts in OTHERS:
            dialogue = api.post("/dialogues", json={}).json()["dialogue_id"]
            for number, text in enumerate(texts):
                body = {"user": text, "message_id": str(number)}
                api.post(f"/dialogues/{dialogue}/turns", json=body).raise_for_status()
            where = f"/dialogues/{dialogue}/turns/0/correction"
            api.post(where, json={"verdict": "right"}).raise_for_status()


def picture(
    browser: Browser, address: str, name: str, *, shown: str = "article", **context: Any
) -> None:
    """Save one picture once ``shown`` is there; keywords are Playwright's own of a context."""
    page = browser.new_context(**context).new_page()
    page.goto(address)
    page.locator(shown).last.wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / name)
    page.context.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the model endpoint")
    url = parser.parse_args().url
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        english = {"locale": "en-GB", "viewport": DESKTOP}
        with gateway(url) as address:
            there = converse(browser.new_page(locale="en-GB"), address)
            picture(browser, there, "studio.png", **english)
            picture(browser, there, "studio-dark.png", **english, color_scheme="dark")
            picture(browser, there, "studio-phone.png", **{**english, "viewport": PHONE})
            tell(address)
            low = {"locale": "en-GB", "viewport": {**DESKTOP, "height": 760}}
            listed = f"{address}/studio/#/dialogues"
            picture(browser, listed, "studio-dialogues.png", shown=".marks", **low)
            picture(browser, f"{address}/studio/#/label", "studio-label.png", **low)
        with gateway(url, name="korean") as address:
            there = converse(browser.new_page(locale="en-GB"), address, SAYS_IN_KOREAN)
            picture(browser, there, "studio-ko.png", **{**english, "locale": "ko-KR"})
        with gateway(url, bot=True) as address:
            there = converse(browser.new_page(locale="en-GB"), address, BOOKS)
            picture(browser, there, "studio-bot.png", **english)
        browser.close()


if __name__ == "__main__":
    main()
