"""The gate before the pages of a public host: strangers' requests, spoken in ASGI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from engines.hosting import usage, visitors
from tests.awaited import awaited
from ui.hosting import headers
from ui.hosting.gate import Gate, Rate

UPLOAD = "/_stcore/upload_file/session-1/file-1"


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for Streamlit: reads all that comes, answers with a page."""
    size = 0
    more = scope["type"] == "http"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    head = [(b"content-type", b"text/html; charset=utf-8"), (b"x-content-type-options", b"off")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": str(size).encode()})


class Answer:
    def __init__(self, sent: list[Message]):
        self.status = sent[0].get("status", sent[0]["type"])
        self.headers = {name.decode(): value.decode() for name, value in sent[0].get("headers", ())}
        self.body = b"".join(message.get("body", b"") for message in sent[1:]).decode()


def ask(
    gate: Gate, path: str = "/", method: str = "GET", body: Iterable[bytes] = (b"",), kind: str = "http", **head: str
) -> Answer:
    chunks = list(body)
    coming = [
        {"type": "http.request", "body": chunk, "more_body": at < len(chunks) - 1} for at, chunk in enumerate(chunks)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in head.items()]
    scope = {"type": kind, "path": path, "method": method, "headers": told, "scheme": "http"}
    awaited(gate(scope, receive, send))
    return Answer(sent)


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    headers.every.cache_clear()


@pytest.fixture
def cookie() -> str:
    return f"theme=dark; {visitors.COOKIE}={visitors.new_cookie()}"


def test_a_new_visitor_gets_a_signed_cookie_that_no_script_sees() -> None:
    answer = ask(Gate(inner))
    said = answer.headers["set-cookie"]
    value = said.split(";")[0].removeprefix(f"{visitors.COOKIE}=")
    assert visitors.visitor_of(value)
    assert said.endswith("HttpOnly; SameSite=Lax")
    assert ask(Gate(inner), x_forwarded_proto="https").headers["set-cookie"].endswith("HttpOnly; SameSite=Lax; Secure")


def test_who_has_a_cookie_of_ours_keeps_it_and_a_forged_one_is_replaced(cookie: str) -> None:
    assert "set-cookie" not in ask(Gate(inner), cookie=cookie).headers
    forged = f"{visitors.COOKIE}={'a' * 22}.{'0' * 64}"
    assert "set-cookie" in ask(Gate(inner), cookie=forged).headers
    assert visitors.visitor_of(None) is visitors.visitor_of("") is visitors.visitor_of("x.y") is None


def test_what_is_kept_of_a_visitor_opens_nothing() -> None:
    value = visitors.new_cookie()
    visitor = visitors.visitor_of(value)
    assert visitor
    assert visitor not in value
    assert visitors.visitor_of(f"{visitor}.{value.partition('.')[2]}") is None


def test_every_answer_carries_the_headers_once() -> None:
    for path in ("/", "/vision", "/_stcore/metrics"):
        told = ask(Gate(inner), path).headers
        policy = told["content-security-policy"]
        assert "unsafe-eval" not in policy
        assert "script-src 'self' blob: 'sha256-" in policy
        assert policy.endswith("frame-ancestors 'none'")
        assert (told["x-content-type-options"], told["referrer-policy"]) == ("nosniff", "no-referrer")


def test_who_may_show_the_app_in_a_frame_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_FRAME_ANCESTORS", "self https://example.org *;script-src")
    assert headers.frame_ancestors() == "'self' https://example.org"
    answer = ask(Gate(inner), x_forwarded_proto="https")
    assert answer.headers["set-cookie"].endswith("SameSite=None; Secure")


CLOSED = ["/_stcore/metrics", "/_stcore/agent/tools", "/_stcore/agent", "/base/_stcore/metrics"]


@pytest.mark.parametrize("path", CLOSED)
def test_what_tells_about_the_host_is_closed(path: str) -> None:
    assert ask(Gate(inner), path).status == 404
    assert ask(Gate(inner), path, kind="websocket").status == "websocket.close"


def test_uploads_are_counted_as_they_come_and_forgotten_when_removed(
    monkeypatch: pytest.MonkeyPatch, cookie: str
) -> None:
    monkeypatch.setenv("HEADSTART_SESSION_BYTES", "1000")
    gate = Gate(inner)
    chunks = [b"x" * 300] * 3
    assert ask(gate, UPLOAD, "PUT", chunks, cookie=cookie, content_length="1").body == "900"
    second = UPLOAD.replace("file-1", "file-2")
    answer = ask(gate, second, "PUT", chunks, cookie=cookie)
    assert (answer.status, answer.body) == (413, "This page holds 0 MiB of files, as many as it may: remove one first.")
    assert ask(gate, UPLOAD, "DELETE", cookie=cookie).status == 200
    assert ask(gate, second, "PUT", chunks, cookie=cookie).status == 200
    assert ask(gate, UPLOAD.replace("session-1", "other"), "PUT", chunks, cookie=cookie).status == 200


def test_a_visitors_day_is_counted_over_all_pages(monkeypatch: pytest.MonkeyPatch, cookie: str) -> None:
    monkeypatch.setenv("HEADSTART_VISITOR_BYTES", "1000")
    gate = Gate(inner)
    for session, status in (("a", 200), ("b", 413)):
        path = f"/_stcore/upload_file/{session}/file"
        assert ask(gate, path, "PUT", [b"x" * 600], cookie=cookie).status == status
    visitor = visitors.visitor_of(cookie.split("=")[-1])
    assert visitor
    assert usage.spent(visitor, "bytes") == 600
    usage.forget(visitor)
    assert usage.spent(visitor, "bytes") == 0


def test_an_upload_without_a_cookie_is_refused() -> None:
    answer = ask(Gate(inner), UPLOAD, "PUT", [b"x"])
    assert (answer.status, answer.body.split(":")[0]) == (403, "This browser keeps no cookie")


def test_too_many_requests_are_refused_and_nobody_elses(monkeypatch: pytest.MonkeyPatch, cookie: str) -> None:
    monkeypatch.setenv("HEADSTART_REQUESTS_A_MINUTE", "5")
    gate = Gate(inner)
    answers = [ask(gate, cookie=cookie).status for _ in range(6)]
    assert answers == [200] * 5 + [429]
    other = f"{visitors.COOKIE}={visitors.new_cookie()}"
    assert ask(gate, cookie=other).status == 200
    assert [ask(gate).status for _ in range(51)].count(429) == 1  # all who bring none share ten times as many


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("ui.hosting.gate.time.monotonic", lambda: clock[0])
    rate = Rate()
    assert [rate.allows("a", 60) for _ in range(61)].count(True) == 60
    clock[0] = 1.0
    assert [rate.allows("a", 60) for _ in range(2)] == [True, False]
    assert rate.allows("a", 0)


def test_at_home_nobody_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "")
    monkeypatch.setenv("HEADSTART_REQUESTS_A_MINUTE", "1")
    monkeypatch.setenv("HEADSTART_SESSION_BYTES", "1")
    gate = Gate(inner)
    assert [ask(gate, UPLOAD, "PUT", [b"xx"]).status for _ in range(3)] == [200] * 3


def scope_types(seen: list[Any]) -> Gate:
    async def app(scope: Scope, *_: Any) -> None:
        seen.append(scope["type"])

    return Gate(app)


def test_what_is_no_request_passes() -> None:
    seen: list[Any] = []
    awaited(scope_types(seen)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # nothing is read of it
    assert seen == ["lifespan"]
