"""Uploads past every limit: in parallel, without a page, sent again, of false sizes. Spoken in ASGI to the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from engines.hosting import usage, visitors
from tests.awaited import awaited
from ui.hosting import gate as gates
from ui.hosting import headers
from ui.hosting.gate import Gate

CHUNK = 100_000
SESSION, DAY = 1_000_000, 3_000_000


class Streamlit:
    """Stands for it: holds in memory what arrives, and nothing of an upload that was refused."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.most = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        try:
            while more:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
                self.held[scope["path"]] = size
                self.most = max(self.most, sum(self.held.values()))
                await asyncio.sleep(0)
        except BaseException:
            self.held.pop(scope["path"], None)
            raise
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture(autouse=True)
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setenv("HEADSTART_SESSION_BYTES", str(SESSION))
    monkeypatch.setenv("HEADSTART_VISITOR_BYTES", str(DAY))
    headers.every.cache_clear()
    yield
    headers.every.cache_clear()


@pytest.fixture
def cookie() -> str:
    return visitors.new_cookie()


async def put(gate: Gate, path: str, size: int, cookie: str | None, says: str = "") -> int:
    """The status of an upload of so many bytes, whatever it says of its size."""
    left, status = size, 0
    head: list[tuple[bytes, bytes]] = [(b"content-length", (says or str(size)).encode())]
    head += [(b"cookie", f"{visitors.COOKIE}={cookie}".encode())] if cookie else []

    async def receive() -> Message:
        nonlocal left
        await asyncio.sleep(0)
        body, left = bytes(min(CHUNK, left)), max(0, left - CHUNK)
        return {"type": "http.request", "body": body, "more_body": left > 0}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope: dict[str, Any] = {"type": "http", "path": path, "method": "PUT", "headers": head, "scheme": "http"}
    await gate(scope, receive, send)
    return status


def path(session: str, file: str) -> str:
    return f"/_stcore/upload_file/{session}/{file}"


def test_many_at_once_hold_no_more_than_one_page_may(cookie: str) -> None:
    inner = Streamlit()
    gate = Gate(inner)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(put(gate, path("s", f"f{n}"), 300_000, cookie) for n in range(12)))

    statuses = awaited(all_at_once())
    assert set(statuses) == {204, 413}
    assert inner.most <= SESSION + CHUNK
    assert sum(inner.held.values()) <= SESSION


def test_many_pages_at_once_bring_no_more_than_a_day_holds(monkeypatch: pytest.MonkeyPatch, cookie: str) -> None:
    monkeypatch.setattr(gates, "COUNTED_AT_ONCE", 2 * CHUNK)
    inner = Streamlit()
    gate = Gate(inner)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(put(gate, path(f"s{n}", "f"), 900_000, cookie) for n in range(8)))

    statuses = awaited(all_at_once())
    assert statuses.count(413) >= 4
    visitor = visitors.visitor_of(cookie)
    assert visitor
    assert usage.spent(visitor, "bytes") <= DAY
    assert sum(inner.held.values()) <= DAY


@pytest.mark.parametrize("says", ["0", "1", "-1", "99999999999999999999", "many", "1e3"])
def test_what_a_request_says_of_its_size_changes_nothing(says: str, cookie: str) -> None:
    gate = Gate(Streamlit())
    assert awaited(put(gate, path("s", "a"), 900_000, cookie, says)) == 204
    assert awaited(put(gate, path("s", "b"), 200_000, cookie, says)) == 413
    assert awaited(put(gate, path("s", "c"), 50_000, cookie, says)) == 204  # what was refused is not held


def test_a_file_sent_again_replaces_itself_on_the_page_and_counts_again_in_the_day(cookie: str) -> None:
    gate = Gate(Streamlit())
    statuses = [awaited(put(gate, path("s", "same"), 900_000, cookie)) for _ in range(4)]
    assert statuses == [204, 204, 204, 413]


@pytest.mark.parametrize("without", [None, "", "x.y", "a" * 22 + "." + "0" * 64, "../../etc"])
def test_who_is_nobody_brings_nothing(without: str | None) -> None:
    inner = Streamlit()
    assert awaited(put(Gate(inner), path("s", "a"), 10, without)) == 403
    assert inner.held == {}


def test_a_new_cookie_has_a_day_of_its_own_and_so_the_host_has_a_floor(cookie: str) -> None:
    """Whoever throws the cookie away begins anew: what holds then is the floor of free disk, and the rate."""
    gate = Gate(Streamlit())
    for _ in range(3):
        awaited(put(gate, path("s", "same"), 900_000, cookie))
    assert awaited(put(gate, path("s", "same"), 900_000, cookie)) == 413
    assert awaited(put(gate, path("t", "same"), 900_000, visitors.new_cookie())) == 204


@pytest.mark.parametrize("end", ["", "/", "/../x", "/a/b/c", "//"])
def test_an_address_beside_the_uploads_is_no_way_around(end: str, cookie: str) -> None:
    """Whatever the gate does not take for an upload, Streamlit's route does not either: both want two parts."""
    inner = Streamlit()
    awaited(put(Gate(inner), f"/_stcore/upload_file{end}", 50_000, cookie))
    assert sum(inner.held.values()) <= SESSION
