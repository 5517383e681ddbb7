"""A real gateway with the studio on it, and a page of a real browser that looks at it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, Request, Route, expect

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_process import make_server
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.studio.studio_page import mount_studio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

expect.set_options(timeout=30_000)  # as long as everything else may take on a busy machine


@contextmanager
def studio(settings: GatewaySettings) -> Iterator[str]:
    """Serve a gateway and its studio on a free port, and yield its address."""
    app = create_app(settings)
    mount_studio(app)
    server = make_server(settings, app)
    with socket.socket() as listener:
        listener.bind((settings.host, 0))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def launch(playwright: Playwright, *flags: str) -> Browser:
    """Start the machine's own browser."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])


class Studio:
    """The page as a person uses it; remembers every address it asked and every complaint."""

    def __init__(self, page: Page, url: str) -> None:
        page.set_default_timeout(30_000)
        self.page = page
        self.url = url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.context.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)

    def open(self, place: str = "") -> None:
        """Open a view, e.g. ``#/dialogues``."""
        self.page.goto(f"{self.url}/studio/{place}")
        self.page.get_by_role("heading", level=1).wait_for()

    def say(self, *texts: str) -> None:
        """Say something after another, each once the one before is answered."""
        for text in texts:
            count = self.page.get_by_role("article").count() + 1
            self.page.get_by_label("Message", exact=True).fill(text)
            self.page.keyboard.press("Enter")
            self.page.get_by_role("heading", name=f"Turn {count} of {count}").wait_for()

    def go(self, view: str) -> None:
        """Go to a view by its tab."""
        self.page.get_by_role("navigation").get_by_role("link", name=view).click()

    def section(self, name: str) -> Any:
        """Return one part of the understanding."""
        return self.page.get_by_role("region", name=name, exact=True)

    def status(self) -> Any:
        """Return what a screen reader was told last."""
        return self.page.get_by_role("status")

    def overflows(self) -> bool:
        """Say whether the page can be scrolled sideways."""
        wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide

    def violations(self) -> list[str]:
        """Return what axe finds, each as rule and place."""
        self.page.evaluate(_AXE)
        found = self.page.evaluate(
            """async () => (await axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            })).violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target}`))"""
        )
        return [str(one) for one in found]

    def lose_next_answer(self) -> list[Request]:
        """Let the next message reach the gateway, but not its answer the page."""
        lost: list[Request] = []

        def lose(route: Route) -> None:
            if lost:
                route.continue_()
                return
            lost.append(route.request)
            route.fetch()
            route.abort()

        self.page.route("**/turns", lose)
        return lost

    def _listen(self, message: Any) -> None:
        # The browser itself reports every refused request; the page shows those to the person.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)
