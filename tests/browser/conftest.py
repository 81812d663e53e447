"""A headless Chromium of the machine, and servers of a fake board that can be stopped and started again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from deploy.ports import free_ports

REPOSITORY = Path(__file__).resolve().parent.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
START_SECONDS = 20.0


class Server:
    """A process that serves a fake board."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, scene: str, *more: str) -> None:
        """Starts it and waits until it answers."""
        command = [sys.executable, "-m", "tests.services.api.fake_server", "--port", str(self.port), "--scene", scene, *more]
        self._process = subprocess.Popen(command, cwd=REPOSITORY)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/healthz", timeout=1).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends it at once, as a machine that loses its power would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="package")  # not longer: while playwright runs, its event loop would be in the way of asynchronous tests
def chromium() -> Iterator[Browser]:
    """The machine's Chromium."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine, so the board is not looked at (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is ended with the test: for what stops it, or changes what it keeps."""
    server = Server(free_ports(1)[0])
    yield server
    server.stop()


Serving = Callable[..., str]


@pytest.fixture(scope="package")
def serving() -> Iterator[Serving]:
    """`serving(scene, "--frozen")`: the address of a server that all tests which only look share, started when first asked for."""
    started: dict[tuple[str, ...], Server] = {}

    def address(*scene: str) -> str:
        if scene not in started:
            started[scene] = Server(free_ports(1)[0])
            started[scene].start(*scene)
        return started[scene].address

    yield address
    for server in started.values():
        server.stop()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """`open_page(address, width, height)`: a page on which any error of its script, and any request elsewhere, fails the test."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_one(address: str, width: int = 1920, height: int = 1080, *, before: str = "") -> Page:
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.on(
            "request", lambda request: wrong.append(request.url) if not request.url.startswith(address[: address.index("/", 8)]) else None
        )
        if before:
            page.add_init_script(before)
        page.goto(address)
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.close()
    assert wrong == []


def tile(page: Page, kpi: str) -> Locator:
    """The first tile of a KPI."""
    return page.locator(f'[data-kpi="{kpi}"]').first


def opener(page: Page, kpi: str) -> Locator:
    """What opens a tile, by mouse and by keyboard."""
    return tile(page, kpi).locator(".open")
