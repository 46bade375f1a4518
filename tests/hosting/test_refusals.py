"""What a visitor is told of an upload that was refused: their own newest, why, and what is left."""

from __future__ import annotations

import pytest

from engines.hosting import refusals, usage, visitors
from tests.attacks.test_uploads import Streamlit, path, put
from tests.awaited import awaited
from ui.hosting import refused
from ui.hosting.gate import Gate
from ui.page import visitor

MIB = 1 << 20


@pytest.fixture
def cookie(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setenv("HEADSTART_SESSION_BYTES", str(3 * MIB))
    monkeypatch.setenv("HEADSTART_VISITOR_BYTES", str(4 * MIB))
    made = visitors.new_cookie()
    monkeypatch.setattr(visitor, "me", lambda: visitors.visitor_of(made) or "")
    monkeypatch.setattr(refused, "_by_cookie", lambda: "")
    return made


def test_the_page_and_the_day_each_say_what_is_left(cookie: str) -> None:
    gate = Gate(Streamlit())
    assert awaited(put(gate, path("s", "a"), 2 * MIB, cookie)) == 204
    assert awaited(put(gate, path("s", "b"), 2 * MIB, cookie)) == 413
    assert "a page may hold 3 MiB of files, and 1 are left" in refused._sentence()
    assert awaited(put(gate, path("t", "a"), 3 * MIB - 1, cookie)) == 413
    assert "a visitor may bring 4 MiB a day" in refused._sentence()
    me = visitors.visitor_of(cookie) or ""
    assert f"and {(4 * MIB - usage.spent(me, 'bytes')) / MIB:,.0f} are left" in refused._sentence()


def test_it_is_told_to_nobody_else_and_not_for_long(cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(Streamlit())
    assert awaited(put(gate, path("s", "a"), 4 * MIB, cookie)) == 413
    me = visitors.visitor_of(cookie) or ""
    other = visitors.visitor_of(visitors.new_cookie()) or ""
    assert refusals.last(me) == ("page", 0)
    assert refusals.last(other) is None
    monkeypatch.setattr(refusals, "KEPT_SECONDS", 0.0)
    assert refusals.last(me) is None
    assert refused._sentence() == "The file did not arrive: bring it again."


def test_requests_past_the_rate_and_a_browser_without_a_cookie(cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_REQUESTS_A_MINUTE", "1")
    gate = Gate(Streamlit())
    assert [awaited(put(gate, path("s", name), 10, cookie)) for name in "ab"] == [204, 429]
    assert "too many requests" in refused._sentence()
    monkeypatch.setattr(visitor, "me", lambda: "")
    assert "keeps no cookie" in refused._sentence()
