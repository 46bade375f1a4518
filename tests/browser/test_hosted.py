"""The app as strangers meet it: a gate before every page, each visitor's runs counted, nothing else in the way."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from engines import paths
from engines.hosting import usage, visitors
from tests.browser.conftest import PATIENCE, TRAINING, press, served, settle

pytestmark = pytest.mark.browser
PAGES = ("", "vision", "text", "speech", "forecasting", "control", "runs", "evidence")


@pytest.fixture(scope="module")
def hosted_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hosted-home")


@pytest.fixture(scope="module")
def hosted(hosted_home: Path) -> Iterator[str]:
    with served(hosted_home, "host.py", HEADSTART_PUBLIC="1", HEADSTART_VISITOR_RUNS="1") as url:
        yield url


@pytest.fixture
def stranger(browser: Browser, hosted: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=hosted)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def complaints(page: Page) -> list[str]:
    """What the browser says of the page from now on, where it breaks a policy or fails."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_no_page_needs_what_the_policy_forbids_or_calls_another_host(stranger: BrowserContext, hosted: str) -> None:
    page = stranger.new_page()
    said = complaints(page)
    called: set[str] = set()
    page.on("request", lambda request: called.add(urlsplit(request.url).netloc))
    for path in PAGES:
        page.goto(f"/{path}")
        settle(page)
    assert [line for line in said if "Content Security Policy" in line] == []
    assert called - {""} == {urlsplit(hosted).netloc}  # "" is what a page makes of its own: data: and blob:
    (cookie,) = [found for found in stranger.cookies() if found.get("name") == visitors.COOKIE]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")


def test_a_visitor_trains_and_is_told_when_the_day_is_over(
    stranger: BrowserContext, hosted: str, hosted_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [f"a {'fine' if n % 2 else 'bad'} day number {n},{'good' if n % 2 else 'bad'}" for n in range(60)]
    table = tmp_path / "days.csv"
    table.write_text("\n".join(["text,label", *rows]))
    page = stranger.new_page()
    for sentence in (None, "you have started 1 today, as many as a visitor may here"):
        page.goto("/text?step=data&set=epochs:1&set=baseline:none")
        settle(page)
        page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(table)
        press(page, "Train now")
        if sentence:
            expect(page.get_by_text(sentence)).to_be_visible(timeout=PATIENCE)
        else:
            page.wait_for_url("**run=*", timeout=PATIENCE)
            page.locator(".st-key-verdict").wait_for(timeout=TRAINING)  # behind its fence
    monkeypatch.setenv("HEADSTART_HOME", str(hosted_home))
    assert usage.visitors_today() == 1
    (job,) = [json.loads(file.read_text()) for file in paths.runs().glob("*/job.json")]
    assert len(job["owner"]) == 24
    found = health(hosted)
    assert (found["ok"], found["waiting"], found["running"]) == (True, 0, 0)


def health(url: str) -> dict[str, int]:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=10) as answer:
            told: dict[str, int] = json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
    return told
