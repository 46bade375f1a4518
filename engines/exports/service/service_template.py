"""Answers over HTTP what the model beside this file says.

    pip install -r requirements.txt
    python service.py [--host 127.0.0.1] [--port 8000]

POST /predict asks it; / says how to people, /openapi.json to programs; /health says that it is ready. What is sent is
looked at and forgotten. In the environment: MOST_BYTES of a request (33554432), MOST_EXAMPLES in one (256), SECONDS
that its body may take to arrive (60).
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import math
import os
import re
import sys
import tempfile
import traceback
from collections.abc import AsyncGenerator
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import usage  # type: ignore[import-not-found]  # noqa: E402  (it lies beside this file)

MOST_BYTES = int(os.environ.get("MOST_BYTES", 32 << 20))
MOST_EXAMPLES = int(os.environ.get("MOST_EXAMPLES", 256))
SECONDS = float(os.environ.get("SECONDS", 60))
AT_ONCE = 16
"""Requests that are held at once; the model answers one after another."""
TYPES = {
    "texts": ("application/json", "text/plain", "text/csv", "multipart/form-data"),
    "table": ("text/csv", "text/tab-separated-values", "application/octet-stream", "multipart/form-data"),
    "pictures": ("image/*", "application/octet-stream", "multipart/form-data"),
    "sounds": ("audio/*", "application/octet-stream", "multipart/form-data"),
}[RUN["takes"]]
"""What a request may be, by its Content-Type."""
PAGES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
HOW = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow: auto; padding: .8rem; background: rgba(128, 128, 128, .15); border-radius: .4rem }}
</style>
<h1>{title}</h1>
<p>{about}</p>
<p>Send {what} to <code>POST /predict</code>, as {types}:</p>
<pre>{curl}</pre>
<p>It answers a row an example, or one sentence that says why not: 413 above {most:,} bytes, 415 for another kind of
content, 422 where nothing can be read. <a href="openapi.json">openapi.json</a> says the same to programs.</p>
"""
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


class Refused(Exception):
    """A request that gets no answer: its status, and one sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


# --- what was sent --------------------------------------------------------------------------------


async def body_of(request: Request) -> bytes:
    """All of it. Raises Refused: too large, or too slow."""
    too_large = Refused(413, f"The request is larger than {MOST_BYTES:,} bytes: send less at once.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MOST_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refused(408, f"The request took longer than {SECONDS:g} seconds to arrive.") from None
    if not body:
        raise Refused(422, f"The request is empty: send {RUN['what']}.")
    return bytes(body)


def kind_of(request: Request) -> str:
    """Its Content-Type, without what follows it. Raises Refused for one that is not taken."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    whole = {taken for taken in TYPES if not taken.endswith("/*")}
    if kind in whole or f"{kind.partition('/')[0]}/*" in TYPES:
        return kind
    given = f"{kind[:60]!r} is not taken" if kind else "The request has no Content-Type"
    raise Refused(415, f"{given}: send {RUN['what']} as {' or '.join(TYPES)}.")


async def files_of(request: Request, body: bytes) -> list[tuple[str, bytes]]:
    """The files of a form, by their names. Raises Refused."""

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, once(), max_files=MOST_EXAMPLES, max_fields=1, max_part_size=MOST_BYTES)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, UnicodeDecodeError) as error:
        why = str(getattr(error, "message", "")) or "it is no form"
        raise Refused(
            422, f"The form cannot be read ({why.rstrip('.')}): send each file in a field called file."
        ) from None
    found = []
    try:
        for name, value in form.multi_items():
            if isinstance(value, str):
                raise Refused(422, f"The field {name[:60]!r} is no file: send each file in a field called file.")
            found.append((name_of(value.filename or "file"), await value.read()))
    finally:
        await form.close()
    if not found:
        raise Refused(422, "There is no file in the form: send each file in a field called file.")
    return found


def name_of(given: str) -> str:
    """A file's own name, without folders and what no terminal should print."""
    last = given.replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[\x00-\x1f\x7f]", "", last)[:200] or "file"


def texts_of(kind: str, body: bytes) -> list[tuple[str, str]]:
    """The texts in a body that is one, or JSON. Raises Refused."""
    if kind == "text/plain":
        return [("text 1", body.decode("utf-8", errors="replace").strip())]
    accepted = 'send {"text": "…"} or {"texts": ["…", "…"]}.'
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(422, f"The request is no JSON: {accepted}") from None
    texts = [given["text"]] if isinstance(given, dict) and "text" in given else None
    texts = given["texts"] if texts is None and isinstance(given, dict) and "texts" in given else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(422, f"There are no texts in the request: {accepted}")
    clean = (text.encode("utf-8", errors="replace").decode("utf-8") for text in texts)  # half a surrogate is none
    return [(f"text {number}", text.strip()) for number, text in enumerate(clean, 1)]


# --- what the model says --------------------------------------------------------------------------


@cache
def model() -> Any:
    return usage.model()


def answered(kind: str, body: bytes, files: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """A row an example. Raises Refused."""
    takes = RUN["takes"]
    if takes == "texts" and kind in {"application/json", "text/plain"}:
        return rows_of(texts_of(kind, body))
    files = files or [(f"{RUN['one']}{'.csv' if takes in {'texts', 'table'} else ''}", body)]
    with tempfile.TemporaryDirectory() as place:
        named = []
        for number, (name, content) in enumerate(files):
            ending = re.fullmatch(r"\.[A-Za-z0-9]{1,8}", Path(name).suffix)
            path = Path(place) / f"{number}{ending[0] if ending else ''}"
            path.write_bytes(content)
            named.append((name, path))
        if takes in {"pictures", "sounds"}:
            return rows_of(named)
        if len(named) > 1:
            raise Refused(422, f"There are {len(named)} files in the form: send one table.")
        ((name, path),) = named
        try:
            if takes == "texts":
                return rows_of(usage.texts_in(path, usage.RUN["columns"]))
            return limited(list(model()(path)))
        except ValueError as error:
            raise Refused(422, f"{name}: {str(error).removeprefix(f'{path.name}: ')}.") from None


def rows_of(items: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    if len(items) > MOST_EXAMPLES:
        raise Refused(422, f"There are {len(items):,} in the request: send {MOST_EXAMPLES:,} at most at once.")
    return limited(list(usage.each(items, model())))


def limited(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raises Refused where nothing could be read."""
    if not rows:
        raise Refused(422, f"There is nothing in it: send {RUN['what']}.")
    if all("error" in row for row in rows):
        raise Refused(422, f"{rows[0]['file']}: {rows[0]['error']}.")
    return rows


def plain(value: Any) -> Any:
    """JSON has no infinity, and none of what is no number."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: plain(own) for name, own in value.items()}
    return [plain(own) for own in value] if isinstance(value, list) else value


def answer(found: Any, status: int = 200) -> Response:
    text = json.dumps(plain(found), ensure_ascii=False)
    return Response(text, status, SAFE, "application/json")


async def predict(request: Request) -> Response:
    try:
        kind = kind_of(request)
        body = await body_of(request)
        files = await files_of(request, body) if kind == "multipart/form-data" else []
        rows = await anyio.to_thread.run_sync(answered, kind, body, files, limiter=one_at_a_time())
    except Refused as refused:
        return answer({"error": str(refused)}, refused.status)
    except ClientDisconnect:
        return Response(status_code=499)
    except Exception:
        traceback.print_exc()
        return answer({"error": "The model could not answer this; the service's log says why."}, 500)
    return answer({"predictions": rows})


@cache
def one_at_a_time() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(1)


# --- how to ask it --------------------------------------------------------------------------------


async def health(_request: Request) -> Response:
    return answer({"status": "ready"})


async def openapi(_request: Request) -> Response:
    def refused(why: str) -> dict[str, Any]:
        error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
        return {"description": why, "content": {"application/json": {"schema": error}}}

    row = {"type": "object", "properties": {"file": {"type": "string"}, "error": {"type": "string"}}}
    rows = {"type": "object", "properties": {"predictions": {"type": "array", "items": row}}}
    texts = {"type": "object", "properties": {"texts": {"type": "array", "items": {"type": "string"}}}}
    one = {"type": "array", "items": {"type": "string", "format": "binary"}}
    form = {"type": "object", "properties": {"file": one}, "required": ["file"]}
    schemas = {"application/json": texts, "multipart/form-data": form, "text/plain": {"type": "string"}}
    bodies = {kind: {"schema": schemas.get(kind, {"type": "string", "format": "binary"})} for kind in TYPES}
    asking = {
        "summary": f"Ask the model: {RUN['what']}",
        "operationId": "predict",
        "requestBody": {"required": True, "content": bodies},
        "responses": {
            "200": {"description": "A row an example", "content": {"application/json": {"schema": rows}}},
            "413": refused(f"More than {MOST_BYTES:,} bytes"),
            "415": refused("Another kind of content"),
            "422": refused("Content of which nothing can be read"),
        },
    }
    ready = {"summary": "Whether it answers", "operationId": "health", "responses": {"200": {"description": "Ready"}}}
    info = {"title": RUN["title"], "version": "1", "description": RUN["about"]}
    return answer(
        {"openapi": "3.1.0", "info": info, "paths": {"/predict": {"post": asking}, "/health": {"get": ready}}}
    )


async def how(_request: Request) -> Response:
    """The same for people, on a page that loads nothing from elsewhere."""
    title, about, what, curl = map(html.escape, (RUN["title"], RUN["about"], RUN["what"], RUN["curl"]))
    text = HOW.format(title=title, about=about, what=what, curl=curl, types=" or ".join(TYPES), most=MOST_BYTES)
    return Response(text, 200, SAFE, "text/html; charset=utf-8")


async def page(request: Request) -> Response:
    """A file of the page on which people try it, where it has one."""
    file = HERE / (request.url.path.removeprefix("/") or "page.html")
    if not file.is_file():
        raise HTTPException(404)
    return Response(file.read_bytes(), 200, SAFE, f"{PAGES[file.suffix]}; charset=utf-8")


async def about(_request: Request) -> Response:
    return answer({"title": RUN["title"], "about": RUN["about"], "takes": RUN["takes"]})


async def not_found(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentences = {404: "There is nothing here: / says how the model is asked.", 405: "POST /predict is how it is asked."}
    return answer({"error": sentences.get(status, "This cannot be answered.")}, status)


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),
        Route("/health", health),
        Route("/openapi.json", openapi),
        Route("/docs", how),
        Route("/about.json", about),
        Route("/", page if RUN["app"] else how),
        Route("/page.js", page),
        Route("/page.css", page),
    ],
    exception_handlers={HTTPException: not_found},
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=RUN["title"])
    arguments.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    arguments.add_argument("--port", type=int, default=8000)
    given = arguments.parse_args()
    model()  # loaded before anybody waits for it
    uvicorn.run(
        app, host=given.host, port=given.port, limit_concurrency=AT_ONCE, timeout_keep_alive=5, server_header=False
    )


if __name__ == "__main__":
    main()
