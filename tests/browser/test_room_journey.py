"""A room from its first minute to its last: `headstart room`, two phones, somebody stuck, something for everybody."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from engines import paths, runs
from engines.contract import Job
from engines.rooms import asides, members, rooms
from tests.browser.conftest import PATIENCE, press, settle
from tests.browser.test_accessibility import violations as found_by_axe
from tests.pages import finished_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def room_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("room-home")


@pytest.fixture(scope="module")
def room(room_home: Path) -> Iterator[dict[str, Any]]:
    """What `headstart room --json` says last; its app runs meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["room", "--name", "Tuesday", "--port", str(port), "--address", "127.0.0.1", "--json"]
    log = room_home / "app.log"
    environment = {**os.environ, "HEADSTART_HOME": str(room_home), "HEADSTART_SPARE_WORKERS": "0"}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "engines", *words]
        process = subprocess.Popen(command, cwd=paths.PROJECT, env=environment, stdout=output, stderr=output)
        try:
            yield _once_healthy(f"https://127.0.0.1:{port}", log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _once_healthy(url: str, log: Path) -> dict[str, Any]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2, context=trusting):
                line = next(line for line in log.read_text().splitlines() if line.startswith("{"))
                found: dict[str, Any] = json.loads(line)
                return found
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def people(browser: Browser) -> Iterator[list[BrowserContext]]:
    """Whoever teaches, on a laptop; Ann and Bob, on phones, his dark."""
    sizes: list[dict[str, Any]] = [
        {"viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 390, "height": 844}},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    ]
    made = [browser.new_context(ignore_https_errors=True, bypass_csp=True, **size) for size in sizes]
    for context in made:
        context.set_default_timeout(PATIENCE)
    yield made
    for context in made:
        context.close()


def joined(context: BrowserContext, link: str, name: str) -> Page:
    page = context.new_page()
    page.goto(link)
    page.get_by_role("textbox", name="Name, if you like").fill(name)
    press(page, "Join")
    expect(page.get_by_text(f"You are in Tuesday, as {name or 'Guest 2'}.")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return page


def violations(page: Page) -> list[str]:
    """What axe-core finds twice: a part that is being drawn anew, as the room's line is each few seconds, is dim for a
    moment, and no page is judged by that."""
    settle(page)
    first = found_by_axe(page)
    if not first:
        return []
    page.wait_for_timeout(1500)
    settle(page)
    again = set(found_by_axe(page))
    return [found for found in first if found in again]


@pytest.mark.timeout(900)
def test_a_room_from_its_start_to_its_end(
    people: list[BrowserContext], room: dict[str, Any], room_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(room_home))
    code = room["room"]
    teacher = people[0].new_page()
    teacher.goto(room["teach"])
    expect(teacher.get_by_role("img", name="QR code of the link to join")).to_be_visible(timeout=PATIENCE)
    expect(teacher.get_by_text("Nobody has joined yet.")).to_be_visible()
    settle(teacher)
    assert room["teach"].rpartition("=")[2] not in teacher.url  # the token has left the address
    teacher.reload()
    expect(teacher.get_by_text("Nobody has joined yet.")).to_be_visible(timeout=PATIENCE)

    ann, bob = joined(people[1], room["join"], "Ann"), joined(people[2], room["join"], "")
    found = [*violations(ann), *violations(bob)]
    (first, _second) = members.here(code)
    theirs = finished_run.write(paths.runs() / runs.new_id())
    theirs.write("job.json", Job(theirs.recipe, owner=first.owner).to_json())
    ann.goto(f"{room['address']}/vision?step=strategy")
    settle(ann)
    press(ann, "I am stuck")
    expect(ann.get_by_role("button", name="I am fine again")).to_be_visible(timeout=PATIENCE)
    expect(teacher.get_by_text("Ann is stuck at Vision, Strategy")).to_be_visible(timeout=PATIENCE)
    found += violations(teacher)
    press(teacher, "Helped")
    expect(ann.get_by_role("button", name="I am stuck")).to_be_visible(timeout=PATIENCE)

    teacher.get_by_text("Offer something to everybody").click()
    teacher.get_by_label("A line from you").fill("Now the head alone")
    teacher.get_by_label("A line from you").press("Tab")
    press(teacher, "Offer it")
    expect(bob.get_by_text("Now the head alone")).to_be_visible(timeout=PATIENCE)
    press(bob, "Take it")
    bob.wait_for_url("**/vision?task=vision.classification*", timeout=PATIENCE)
    settle(bob)
    expect(bob.get_by_text("Now the head alone")).to_have_count(0)
    expect(teacher.get_by_role("cell", name="Vision, Data")).to_be_visible(timeout=PATIENCE)
    assert theirs.id not in teacher.content()
    assert first.owner not in teacher.content()
    assert found == []

    asides.keep_whole(rooms.find(code), finished_run.TASK, "digits", Path(theirs.recipe.data))
    ann.goto(f"{room['address']}/vision?run={theirs.id}&step=result")
    expect(ann.get_by_text("Nobody sees it unless you press the button")).to_be_visible(timeout=PATIENCE)
    press(ann, "Show mine on the board")
    bob.goto(room["join"])
    for page in (bob, teacher):
        expect(page.locator(".room-board li")).to_have_text(re.compile("Ann"), timeout=PATIENCE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page) == []
    press(ann, "Take it back")
    expect(teacher.locator(".room-board li")).to_have_count(0, timeout=PATIENCE)

    press(teacher, "Pause")
    expect(ann.get_by_text("paused: runs wait")).to_be_visible(timeout=PATIENCE)
    teacher.get_by_text("End the room").click()
    teacher.get_by_text("Everybody has what they want to keep").click()
    press(teacher, "End it now")
    expect(teacher.get_by_text("The room has ended. Deleted: 1 run")).to_be_visible(timeout=PATIENCE)
    expect(ann.get_by_text("The room has ended.")).to_be_visible(timeout=PATIENCE)
    assert rooms.every() == []
    assert not theirs.path.exists()
    left = [file for file in room_home.rglob("*") if file.is_file()]
    assert [str(file) for file in left if b"Ann" in file.read_bytes() or code.encode() in file.read_bytes()] == [
        str(room_home / "app.log")  # this test's own copy of what was said in the terminal
    ]
