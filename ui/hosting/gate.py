"""What every request passes on a public host: a visitor, a rate, a total of uploads, and headers on the way back.

Plain ASGI, so that it stands before Streamlit's own routes and reads no body: bytes are counted as they pass.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict, defaultdict
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engines import messages
from engines.hosting import limits, logs, operation, refusals, usage, visitors
from engines.messages import _
from ui.hosting import headers, login

CLOSED = re.compile(r"/_stcore/(metrics|agent|script-health-check)(/|$)")
"""What tells strangers about the host."""
UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")
FOREIGN_SHARE = 10
"""How many visitors all those count as who bring no cookie of ours."""
COUNTED_AT_ONCE = 1 << 20
"""Bytes of an upload that are written down together: a chunk is far less, and each is a transaction on the disk."""
MOST_KEPT = 20_000
"""Visitors whose requests of the last minute are remembered."""


NO_COOKIE = _("This browser keeps no cookie: allow it one, and load the page again.")
NOT_LOGGED_IN = _("You are not logged in: log in at the top of the page, then bring your data.")


class TooMuch(Exception):
    """More bytes are coming than may. The message is what the browser is told."""


class Rate:
    """Requests in a minute, counted in a bucket that fills evenly (a token bucket)."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, who: str, a_minute: int) -> bool:
        """Counts one more. 0 a minute is no limit."""
        if not a_minute:
            return True
        now = time.monotonic()
        left, then = self._buckets.pop(who, (float(a_minute), now))
        left = min(float(a_minute), left + (now - then) * a_minute / 60)
        self._buckets[who] = (max(left - 1, 0.0), now)
        if len(self._buckets) > MOST_KEPT:
            self._buckets.popitem(last=False)
        return left >= 1


class Gate:
    """The middleware. Without HEADSTART_PUBLIC it only adds the headers and closes what tells about the host."""

    def __init__(self, app: ASGIApp):
        self.app = app
        logs.keep_quiet()
        self._rate = Rate()
        self._held: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """Session -> file -> bytes that the server holds in memory."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        if CLOSED.search(scope["path"]):
            operation.count("closed")
            await _refuse(scope, receive, send, 404, _("There is nothing here."))
            return
        cookie = _cookie(scope)
        visitor = visitors.visitor_of(cookie)
        if limits.public() and not self._allows(visitor):
            operation.count("rate")
            if visitor and UPLOAD.search(scope["path"]):
                refusals.remember(visitor, "rate")
            await _refuse(scope, receive, send, 429, _("Too many requests: wait a minute, then load the page again."))
            return
        fresh = None if visitor or scope["type"] == "websocket" else visitors.new_cookie()
        if scope["type"] == "http" and limits.public() and (found := UPLOAD.search(scope["path"])):
            await self._upload(found["session"], found["file"], visitor, scope, receive, _dressed(scope, send, None))
            return
        await self.app(scope, receive, _dressed(scope, send, fresh))

    def _allows(self, visitor: str | None) -> bool:
        a_minute = limits.requests_a_minute()
        return self._rate.allows(visitor or "", a_minute if visitor else FOREIGN_SHARE * a_minute)

    async def _upload(
        self, session: str, file: str, visitor: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """An upload, or its removal. What comes is counted chunk by chunk, whatever the request says of its size."""
        if scope["method"] == "DELETE":
            self._held[session].pop(file, None)
            if not self._held[session]:
                del self._held[session]
            await self.app(scope, receive, send)
            return
        asked = login.offered()
        visitor = visitors.account_of(visitor) if asked else visitor
        if visitor is None:
            operation.count("cookie")
            await _refuse(scope, receive, send, 403, messages.told(NOT_LOGGED_IN if asked else NO_COOKIE))
            return
        started, uncounted = False, 0
        self._held[session][file] = 0

        async def counted() -> Message:
            nonlocal uncounted
            message = await receive()
            if arrived := len(message.get("body", b"")):
                self._held[session][file] += arrived
                held, most = sum(self._held[session].values()), limits.session_bytes()
                if most and held > most:
                    refusals.remember(visitor, "page", held - self._held[session][file])
                    raise TooMuch(
                        _(
                            "This page holds {most:,} MiB of files, as many as it may: remove one first.",
                            most=most >> 20,
                        )
                    )
                uncounted += arrived
            if uncounted >= COUNTED_AT_ONCE or (uncounted and not message.get("more_body", False)):
                if not usage.spend(visitor, "bytes", uncounted, limits.visitor_bytes()):
                    refusals.remember(visitor, "day")
                    raise TooMuch(_("You have brought as much today as a visitor may here: come back tomorrow."))
                uncounted = 0
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except TooMuch as reason:
            self._held[session].pop(file, None)
            operation.count("upload")
            if not started:
                await PlainTextResponse(str(reason), 413)(scope, receive, send)


def _cookie(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(visitors.COOKIE)
            except CookieError:
                return None
            return found.value if found else None
    return None


def _dressed(scope: Scope, send: Send, fresh: str | None) -> Send:
    """`send`, with our headers, and for somebody new a cookie with a page."""

    async def dressed(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            own = list(headers.every())
            page = any(k == b"content-type" and v.startswith(b"text/html") for k, v in message["headers"])
            if fresh and (page or message["status"] == 304):  # a page that the browser has from before
                own.append((b"set-cookie", _set_cookie(scope, fresh).encode()))
            ours = {name for name, _ in own}
            message = {**message, "headers": [*((k, v) for k, v in message["headers"] if k not in ours), *own]}
        await send(message)

    return dressed


def _set_cookie(scope: Scope, value: str) -> str:
    """Seen by no script. In a frame of another site a browser sends it only where it says so, and over TLS."""
    told = dict(scope["headers"])
    secure = scope.get("scheme") == "https" or told.get(b"x-forwarded-proto") == b"https"
    framed = secure and headers.frame_ancestors() not in {"'none'", "'self'"}
    parts = [f"{visitors.COOKIE}={value}", "Path=/", f"Max-Age={visitors.KEEP_SECONDS}", "HttpOnly"]
    parts += ["SameSite=None" if framed else "SameSite=Lax", *([_("Secure")] if secure else [])]
    return "; ".join(parts)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        message: dict[str, Any] = {"type": "websocket.close", "code": 1008}
        await send(message)
        return
    await PlainTextResponse(sentence, status)(scope, receive, _dressed(scope, send, None))
