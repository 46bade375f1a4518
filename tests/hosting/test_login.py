"""Where a host has people log in, a visitor is their account: at the gate, in what they bring, in what they start."""

from __future__ import annotations

import pytest

from engines import paths
from engines.contract import InputError, Job, Recipe, Strategy
from engines.hosting import usage, visitors
from tests.hosting.test_gate import UPLOAD, ask, inner
from tests.pages.opening import File
from ui.hosting import login
from ui.hosting.gate import Gate
from ui.page import uploads, visitor

ISSUER = "https://accounts.example.org"
TABLE = [b"x" * 600]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(login, "offered", lambda: True)
    visitors._accounts.clear()


def browser() -> tuple[str, str]:
    """A browser's cookie, and the visitor it would be."""
    value = visitors.new_cookie()
    known = visitors.visitor_of(value)
    assert known
    return f"{visitors.COOKIE}={value}", known


def test_an_account_is_its_issuer_and_subject_and_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = visitors.account(ISSUER, "ann")
    assert ann == visitors.account(ISSUER, "ann")
    others = {visitors.account(ISSUER, "bob"), visitors.account("https://other.example.org", "ann")}
    others |= {visitors.account(ISSUER + "ann", ""), visitors.account("", ISSUER + "ann")}
    assert len({ann, *others}) == 5
    monkeypatch.setattr(visitors, "_secret", lambda _: b"another host's")
    assert visitors.account(ISSUER, "ann") != ann


def test_who_has_not_logged_in_brings_nothing_past_the_page() -> None:
    cookie, _ = browser()
    answer = ask(Gate(inner), UPLOAD, "PUT", TABLE, cookie=cookie)
    assert (answer.status, answer.body.split(":")[0]) == (403, "You are not logged in")


def test_two_browsers_of_one_account_share_a_day_and_logging_out_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_VISITOR_BYTES", "1000")
    gate, ann = Gate(inner), visitors.account(ISSUER, "ann")
    for number, status in enumerate((200, 413)):
        cookie, known = browser()
        visitors.remember_account(known, ann)
        path = f"/_stcore/upload_file/page-{number}/file"
        assert ask(gate, path, "PUT", TABLE, cookie=cookie).status == status
    assert usage.spent(ann, "bytes") == 600
    visitors.remember_account(known, "")
    assert ask(gate, UPLOAD, "PUT", TABLE, cookie=cookie).status == 403


def test_only_the_last_accounts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MOST_ACCOUNTS", 2)
    for number in range(3):
        visitors.remember_account(str(number), "ann")
    assert [visitors.account_of(str(number)) for number in range(3)] == [None, "ann", "ann"]


def test_nothing_is_kept_or_queued_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "account", lambda: "")
    with pytest.raises(InputError, match=r"^visitor: you are not logged in; log in at the top of the page"):
        uploads.keep([File("days.csv", b"text,label\n")])
    with pytest.raises(InputError, match="you are not logged in"):
        visitor.submit(Job(Recipe("vision.classification", "/data", "tf_efficientnet_lite0", Strategy.FEATURES)))
    assert list(paths.uploads().iterdir()) == []
    monkeypatch.setattr(login, "account", lambda: "ann")
    assert uploads.origin(uploads.keep([File("days.csv", b"text,label\n")])).owner == "ann"
