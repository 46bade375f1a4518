"""A public host under attack, in a browser: what is another visitor's, and what somebody has made to run there."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from engines import paths, registry, runs
from engines.contract import Skipped
from engines.datasets.folder import DatasetFolder
from engines.reporting import html, model_card
from engines.runs import RunFolder
from tests.attacks import secrets
from tests.browser.conftest import PATIENCE, served, settle
from tests.pages import finished_run

pytestmark = pytest.mark.browser
PAGES = ("", "vision", "text", "speech", "forecasting", "control", "showing", "my_data", "explore", "kinds", "runs",
         "evidence", "privacy", "story", "glossary")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacked-home")


@pytest.fixture(scope="module")
def theirs(home: Path) -> secrets.Belongings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(home))
        return secrets.of_somebody()


@pytest.fixture(scope="module")
def host(home: Path, theirs: secrets.Belongings) -> Iterator[str]:
    assert theirs.run.exists
    with served(home, "host.py", HEADSTART_PUBLIC="1", HEADSTART_FREE_BYTES="1") as url:
        yield url


@pytest.fixture
def stranger(browser: Browser, host: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=host)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


ROUTES = (
    "/api/health", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/agent/tools", "/runs/{}",
    "/media/{}", "/media/{}.png", "/component/{}", "/static/{}", "/app/static/{}", "/uploads/{}", "/..%2f..%2fruns/{}",
    "/media/..%2f..%2f{}", "/_stcore/upload_file/{}/{}", "/showcase/{}", "/{}", "/static/..%2f..%2f..%2fhost.py",
    "/static/%2e%2e/%2e%2e/%2e%2e/host.py",
)  # fmt: skip


@pytest.mark.timeout(900)
def test_no_page_and_no_route_tells_of_anothers(
    stranger: BrowserContext, host: str, home: Path, theirs: secrets.Belongings
) -> None:
    """Whatever comes over the wire is looked through, websockets too; and what the host has written down of it."""
    page, told = stranger.new_page(), []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived", lambda payload: told.append(payload if isinstance(payload, bytes) else payload.encode())
        )

    page.on("websocket", listen)
    for path in PAGES:
        page.goto(f"/{path}")
        settle(page)
        told.append(page.content().encode())
    guess = theirs.run.id.swapcase()
    for address in (f"/vision?run={guess}", f"/vision?data={guess}", f"/my_data?dataset={guess}"):
        page.goto(address)
        settle(page)
        told.append(page.content().encode())
    assert len(told) > 2 * len(PAGES)
    for content in told:
        assert secrets.leaked(content, theirs) == []
    for route in ROUTES:
        for secret in (theirs.run.id, theirs.upload, "a.png"):
            status, body = fetched(f"{host}{route.format(secret, secret)}")
            found = [other for other in secrets.leaked(body, theirs) if other != secret]
            assert found == [], route
            assert b"st.App(" not in body, route
            if secret in body.decode("latin-1"):  # Streamlit gives its one page at any address, and repeats none
                pytest.fail(f"{route} repeats what was asked, with status {status}")
    for name, text in secrets.logs(home).items():
        assert secrets.leaked(text, theirs) == [], name


def fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_every_route_says_what_it_answers_with(host: str) -> None:
    for route in ("/", "/vision", "/api/health", "/_stcore/health", "/_stcore/metrics", "/nowhere", "/media/x.svg"):
        try:
            with urllib.request.urlopen(f"{host}{route}", timeout=30) as answer:
                told = answer.headers
        except urllib.error.HTTPError as error:
            told = error.headers
        assert told["content-type"], route
        assert told["content-type"].split(";")[0] in {"text/html", "text/plain", "application/json"}, route
        assert told["x-content-type-options"] == "nosniff", route


def test_a_page_of_another_origin_opens_no_session(host: str) -> None:
    """Neither a websocket, through which all that a page does goes, nor an upload without the page's own token."""
    stream = f"ws{host.removeprefix('http')}/_stcore/stream"
    connect(stream, origin=Origin(host)).close()
    with pytest.raises(InvalidStatus):
        connect(stream, origin=Origin("https://evil.example"))
    request = urllib.request.Request(f"{host}/_stcore/upload_file/a/b", b"x", method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=30)


# --- what was made to run ---------------------------------------------------------------------------

EVIL = (
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(2)><script>alert(3)</script></svg>",
    "[x](javascript:alert(4))",
    '"><script>alert(5)</script>',
    '=HYPERLINK("javascript:alert(6)","x")',
    "$$\\href{javascript:alert(7)}{x}$$ ${alert(8)} {{alert(9)}} :material/warning: **b**",
)


def evil_run() -> RunFolder:
    """A finished run all of whose names would run in a browser that took them for markup."""
    run = finished_run.write(paths.runs() / runs.new_id(), title=EVIL[0])
    names = dict(zip(finished_run.CLASSES, EVIL[1:5], strict=True))
    result = run.result
    assert result
    rows = [row | {"class": names[row["class"]]} for row in result.details["per_class"]]
    more = {"classes": list(names.values()), "per_class": rows, "load_snippet": EVIL[3], "input": EVIL[1]}
    evil = replace(
        result,
        details=result.details | more,
        notes=list(EVIL),
        skipped=[Skipped(each, each) for each in EVIL],
        device=EVIL[5],
    )
    file = run.path / "predictions.parquet"
    table = pq.read_table(file).to_pandas()
    table = table.rename(columns={f"p_{old}": f"p_{new}" for old, new in names.items()})
    for column in ("label", "predicted"):
        table[column] = table[column].map(names)
    table["file"] = [f"{EVIL[number % len(EVIL)]}{number}.png" for number in range(len(table))]
    table.to_parquet(file)
    run.write("result.json", evil.to_json())
    task = registry.task(finished_run.TASK)
    card = task.describe(finished_run.MODEL)
    run.write("README.md", model_card.write(evil, run.recipe, card, task.info, run.path))
    history = [event.data for event in run.events() if event.kind == "epoch"]
    run.write("report.html", html.write(evil, run.recipe, card, task.info, history, run.path))
    return run


def trapped(page: Page) -> list[str]:
    """Every dialog that opens from now on."""
    opened: list[str] = []

    def close(dialog: object) -> None:
        opened.append(dialog.message)  # type: ignore[attr-defined]  # Playwright's Dialog
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", close)
    return opened


@pytest.fixture(scope="module")
def at_home(home: Path) -> Iterator[str]:
    """Without the gate, whose policy would stop a script by itself: what is shown has to be harmless without it."""
    with served(home, "app.py") as url:
        yield url


@pytest.mark.timeout(900)
def test_nothing_that_somebody_typed_runs_in_a_browser(
    browser: Browser, at_home: str, home: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(home))
        run = evil_run()
        dataset = DatasetFolder.create("texts", EVIL[0])
        for number, evil in enumerate(EVIL):
            dataset.add_class(evil[:60])
            dataset.add(f"{evil} {number}".encode(), f"{number}.txt", evil[:60])
    context = browser.new_context(base_url=at_home)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    alarms = trapped(page)
    page.goto("/")
    settle(page)
    page.evaluate("alert('the trap works')")
    assert alarms.pop() == "the trap works"
    for address in (
        f"/vision?run={run.id}",
        f"/my_data?dataset={dataset.id}",
        f"/showing?dataset={dataset.id}",
        "/runs",
    ):
        page.goto(address)
        settle(page)
        for link in page.locator("a[href^='javascript:' i]").all():
            pytest.fail(f"{address}: {link.evaluate('link => link.outerHTML')}")
        assert page.locator("img[src='x'], svg[onload]").count() == 0, address
    assert "alert(" in page_text(page, f"/vision?run={run.id}")  # it was shown, as the text that it is
    assert alarms == []
    card = (run.path / "README.md").read_text().split("\n---\n", 1)[1]  # as the hub shows it: without its metadata
    for shown in ((run.path / "report.html").read_text(), MarkdownIt("commonmark", {"html": True}).render(card)):
        (tmp_path / "shown.html").write_text(shown, encoding="utf-8")
        page.goto((tmp_path / "shown.html").as_uri())
        page.wait_for_load_state("load")
        expect(page.locator("body")).to_contain_text("alert(")
        assert alarms == []
    context.close()


def page_text(page: Page, address: str) -> str:
    page.goto(address)
    settle(page)
    return page.inner_text("body")
