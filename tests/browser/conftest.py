"""One server for all journeys, on a free port with a home of its own; a fresh browser profile for each."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from engines import paths, runs
from engines.jobs.serving import client
from tests.pages import compared_run, finished_run

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE = 180_000
"""Milliseconds an answer may take before it counts as hanging, on two cores that other tests use too."""
TRAINING = 400_000
"""Milliseconds a small run may take there, its comparison included."""
JOURNEY = 1500
"""Seconds for all that one test does in the browser."""
expect.set_options(timeout=30_000)  # where nothing else is said: five seconds are short while others train
PICTURES_WANTED = os.environ.get("HEADSTART_SCREENSHOTS") == "1"  # read before the tests' settings are put aside
SCREENSHOTS = paths.PROJECT / "docs" / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A journey waits for several things of which each may be slow: the limit of other tests is too short for it. And
    it gets a second try, which the summary counts: where two cores train meanwhile, Chromium may lose a click."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(JOURNEY))
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HEADSTART_HOME of the app under test."""
    return tmp_path_factory.mktemp("browser-home")


@pytest.fixture(scope="session")
def finished(home: Path) -> str:
    """The id of a finished run made by hand: for looking at, not for pictures that people see."""
    return finished_run.write(home / "runs" / runs.new_id()).id


@pytest.fixture(scope="session")
def compared(home: Path) -> str:
    """The id of a comparison made by hand."""
    return compared_run.write(home / "runs" / runs.new_id(), found=compared_run.answer()).id


@pytest.fixture(scope="session")
def address(home: Path) -> Iterator[str]:
    """Where the app runs."""
    with served(home) as url:
        yield url


@contextlib.contextmanager
def served(home: Path, script: str = "app.py", **settings: str) -> Iterator[str]:
    """The app with that HEADSTART_HOME and these settings, while it is entered: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        script,
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
        "--server.headless",
        "true",
    ]
    log = (home / "app.log").open("wb")
    models = os.environ.get("HEADSTART_MODELS") or str(home / "models")  # where tests put tiny ones
    environment = {**os.environ, "HEADSTART_HOME": str(home), "HEADSTART_MODELS": models, **settings}
    process = subprocess.Popen(command, cwd=paths.PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, home / "app.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HEADSTART_HOME", str(home))
            client.stop()


def _wait_until_healthy(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all journeys; gone before other tests start theirs: two drivers in a process do not get on."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a browser of its own for somebody: `visitor(width=390, color_scheme="dark")`."""
    made: list[BrowserContext] = []

    def make(width: int = 1280, **options: Any) -> BrowserContext:
        context = browser.new_context(
            base_url=address, viewport={"width": width, "height": 900}, accept_downloads=True, **options
        )
        context.set_default_timeout(30_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


def settle(page: Page) -> None:
    """Wait until the page is drawn and nothing is running."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE)  # no string to evaluate: host.py


def press(page: Page, button: str) -> None:
    """Click a button once the page stands still: what is drawn above it moves it from under the pointer."""
    settle(page)
    page.get_by_role("button", name=button).click()


def visit(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_role("heading", level=1).wait_for()
    settle(page)


def picture(page: Page, name: str) -> None:
    """A picture of the whole page for the README, when HEADSTART_SCREENSHOTS=1 asks for it."""
    if not PICTURES_WANTED:
        return
    settle(page)
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(max(height - 60, 500), 6000)})
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 400)))")  # plots resize
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)
