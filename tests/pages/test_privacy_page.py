"""The page Privacy: what it promises is what holds, and its button does what it says."""

from __future__ import annotations

import pytest

from engines import paths, runs
from engines.hosting import usage
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, text
from ui.page import local_storage, visitor

PRIVACY = "pages/privacy.py"


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that this browser knows, beside one that it does not."""
    run = finished_run.write(paths.runs() / runs.new_id())
    monkeypatch.setattr(local_storage, "recent", lambda **_: [run.id])
    return run


@pytest.mark.usefixtures("mine")
def test_it_says_what_holds_here(monkeypatch: pytest.MonkeyPatch) -> None:
    said = text(opened(PRIVACY))
    assert "until you delete them" in said
    assert "nothing leaves this machine" in said
    assert "What is left today" not in said
    monkeypatch.setenv("HEADSTART_KEEP_HOURS", "48")
    assert "for 48 hours after their last use" in text(opened(PRIVACY))


@pytest.mark.usefixtures("mine")
def test_a_visitor_sees_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(visitor, "myself", lambda: "")
    assert "This browser keeps no cookie" in text(opened(PRIVACY))
    monkeypatch.setattr(visitor, "myself", lambda: "ann")
    usage.spend("ann", "runs", 7, 0)
    usage.spend("ann", "bytes", 3 << 20, 0)
    page = opened(PRIVACY)
    assert {"7", "3 MiB", "30", "4,096 MiB", "20,000"} <= set(page.table[0].value.to_numpy().ravel())


def test_everything_goes_after_one_more_click(mine: RunFolder) -> None:
    other = finished_run.write(paths.runs() / runs.new_id())
    page = opened(PRIVACY)
    page.button[0].click().run()
    assert mine.exists
    next(button for button in page.button if button.label == "Keep it").click().run()
    assert mine.exists
    page.button[0].click().run()
    next(button for button in page.button if button.label == "Yes, delete everything").click().run()
    assert not page.exception
    assert (mine.exists, other.exists) == (False, True)
    assert "Deleted: 1 run, and" in text(page)
