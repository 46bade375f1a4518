"""Logging in on a public host, with a provider of the test's own: a visitor is then their account, in any browser."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from engines.hosting import usage, visitors
from tests.browser.conftest import PATIENCE, served, visit
from tests.hosting.oidc import CLIENT, SECRET, Provider, provider

pytestmark = pytest.mark.browser
TABLE = b"text,label\na fine day,good\na bad day,bad\n"


@pytest.fixture(scope="module")
def accounts() -> Iterator[Provider]:
    with provider() as found:
        yield found


@pytest.fixture(scope="module")
def hosted_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login-home")


@pytest.fixture(scope="module")
def hosted(hosted_home: Path, accounts: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    user = tmp_path_factory.mktemp("user")
    (user / ".streamlit").mkdir()
    lines = {
        "redirect_uri": "http://127.0.0.1:{port}/oauth2callback",
        "cookie_secret": "a long random text of the test's own",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "server_metadata_url": f"{accounts.url}/.well-known/openid-configuration",
    }
    told = "\n".join(f'{name} = "{value}"' for name, value in lines.items())
    (user / ".streamlit" / "secrets.toml").write_text(f"[auth]\n{told}\n")
    with served(hosted_home, "host.py", HEADSTART_PUBLIC="1", HOME=str(user)) as url:
        yield url


@pytest.fixture
def browsers(browser: Browser, hosted: str) -> Iterator[list[BrowserContext]]:
    made = [browser.new_context(base_url=hosted) for _ in range(2)]
    for context in made:
        context.set_default_timeout(PATIENCE)
    yield made
    for context in made:
        context.close()


def log_in(page: Page, name: str) -> None:
    visit(page, "/privacy")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(f"Logged in as {name}")).to_be_visible(timeout=PATIENCE)


def bring(context: BrowserContext, url: str, file: str) -> int:
    """The answer to an upload that this browser makes past the page."""
    cookies = "; ".join(f"{cookie.get('name')}={cookie.get('value')}" for cookie in context.cookies())
    asked = urllib.request.Request(f"{url}/_stcore/upload_file/nobody/{file}", TABLE, {"Cookie": cookies}, method="PUT")
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_who_logs_in_is_their_account_in_every_browser_and_who_does_not_only_looks(
    browsers: list[BrowserContext], hosted: str, hosted_home: Path, accounts: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(hosted_home))
    visitors._secret.cache_clear()
    first, second = (context.new_page() for context in browsers)
    visit(first, "/text?step=data")
    expect(first.get_by_text("to bring data and train, log in")).to_be_visible()
    assert bring(browsers[0], hosted, "one") == 403

    ann = visitors.account(accounts.url, "ann-1")
    for page in (first, second):
        log_in(page, "Ann")
        visit(page, "/text?step=data")
        page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
            {"name": "days.csv", "mimeType": "text/csv", "buffer": TABLE}
        )
        expect(page.get_by_text("days.csv").first).to_be_visible(timeout=PATIENCE)
    brought = usage.spent(ann, "bytes")
    assert brought >= 2 * len(TABLE)
    assert brought < 3 * (len(TABLE) + 500)  # both browsers' uploads, each once
    assert usage.visitors_today() == 1

    visit(second, "/privacy")
    second.get_by_role("button", name="Log out").click()
    expect(second.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE)
    visit(second, "/privacy")
    assert bring(browsers[1], hosted, "two") == 403
    accounts.subject, accounts.name = "bob-2", "Bob"
    log_in(second, "Bob")
    assert visitors.account(accounts.url, "bob-2") != ann
    assert "Ann" not in (hosted_home / "app.log").read_text()
