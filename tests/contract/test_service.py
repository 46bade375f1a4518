"""A model as a service: it answers odd files as predict does, and whatever else is sent in one sentence."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.exports import export_service
from engines.runs import RunFolder
from tests.contract.conftest import OWNER, Subject
from tests.contract.test_exports import alike, identity, said_in

NO_TORCH = (
    "import runpy, sys; sys.modules['torch'] = None; sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
ONNX = {"vision.classification", "vision.detection", "text.sentiment", "control.policy"}
"""Tasks whose service answers without PyTorch."""
ONE_EACH = {
    "texts": "text.sentiment",
    "pictures": "vision.classification",
    "sounds": "speech.speaker",
    "table": "example.shapes",
}
"""What a service is asked with -> the task on which that is tried: the program is the same for all."""


@pytest.fixture(scope="module")
def folder(features: RunFolder, subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return subject.task.export(features.path, "app", tmp_path_factory.mktemp("exported") / "app")


@pytest.fixture(scope="module")
def service(folder: Path, subject: Subject) -> Iterator[httpx.Client]:
    """Where Headstart cannot be seen; without torch where ONNX Runtime is enough."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    without = ["-c", NO_TORCH] if subject.task.info.name in ONNX else []
    command = [sys.executable, "-I", "-W", "ignore", *without, str(folder / "service.py"), "--port", str(port)]
    limits = {"MOST_BYTES": str(1 << 22), "MOST_EXAMPLES": "20", "SECONDS": "2"}
    log = folder.parent / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder.parent, env=os.environ | limits, stdout=output, stderr=output)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        deadline = time.monotonic() + 90
        while True:
            try:
                assert client.get("/health").json() == {"status": "ready"}
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        try:
            yield client
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def takes(service: httpx.Client) -> str:
    """What it is asked with."""
    return str(service.get("/about.json").json()["takes"])


def asked(service: httpx.Client, data: Path) -> httpx.Response:
    """The files, or the table, as a form."""
    given = sorted(data.iterdir()) if data.is_dir() else [data]
    return service.post("/predict", files=[("file", (path.name, path.read_bytes())) for path in given])


def test_it_answers_odd_files_as_predict_does(
    service: httpx.Client, features: RunFolder, subject: Subject, tmp_path: Path
) -> None:
    data = subject.tiny.write_odd(tmp_path / "odd")
    expected = {(row["file"], row.get("step")): row for row in subject.task.load(features.path).predict(data)}
    answer = asked(service, data)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["predictions"]
    assert {(row["file"], row.get("step")) for row in rows} == expected.keys()
    for row in rows:
        own = expected[row["file"], row.get("step")]
        assert ("error" in row) == ("error" in own), (row, own)
        for name in row.keys() - {"error"}:
            assert alike(row[name], own[name], max(1e-5, subject.tiny.close * (subject.tiny.close > 1e-4))), (name, row)
    assert asked(service, data).json() == answer.json(), "the second time too"


@pytest.mark.tasks(*ONE_EACH.values())
def test_one_example_alone_is_asked_without_a_form(
    service: httpx.Client, subject: Subject, takes: str, tmp_path: Path
) -> None:
    data = subject.tiny.write_odd(tmp_path / "odd")
    if takes == "texts":
        form = asked(service, data).json()["predictions"]
        texts = [row["text"] for row in form if "text" in row]
        rows = service.post("/predict", json={"texts": texts}).json()["predictions"]
        assert [row["label"] for row in rows] == [row["label"] for row in form if "text" in row]
        plain = service.post("/predict", content=texts[0].encode(), headers={"Content-Type": "text/plain"})
        assert plain.json()["predictions"][0] == rows[0]
        return
    path, kind = {"table": (data, "text/csv"), "pictures": (data / "large.jpg", "image/jpeg")}.get(
        takes, (data / "stereo.wav" if data.is_dir() else data, "audio/wav")
    )
    rows = service.post("/predict", content=path.read_bytes(), headers={"Content-Type": kind}).json()["predictions"]
    known = asked(service, data).json()["predictions"]
    own = [row for row in known if takes == "table" or row["file"] == path.name]
    assert [{**row, "file": ""} for row in rows] == [{**row, "file": ""} for row in own]


HOSTILE: dict[str, tuple[int, dict[str, Any]]] = {
    "nothing": (415, {}),
    "an empty body": (422, {"content": b"", "headers": {"Content-Type": "application/octet-stream"}}),
    "a page": (415, {"content": b"<html>", "headers": {"Content-Type": "text/html"}}),
    "too much": (413, {"content": b"x" * ((1 << 22) + 1), "headers": {"Content-Type": "application/octet-stream"}}),
    "too much, unannounced": (413, {"content": iter([b"x" * (1 << 20)] * 5)}),
    "a form without its border": (422, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
    "a form cut short": (
        422,
        {
            "content": b'--b\r\nContent-Disposition: form-data; name="f',
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
    ),
    "a form without a file": (422, {"files": {"file": (None, b"me")}}),
    "a file of nothing": (422, {"files": {"file": ("a.png", b"")}}),
    "a file of noise": (422, {"files": {"file": ("../../etc/passwd\r\n.png", bytes(range(256)) * 9)}}),
    "too many files": (422, {"files": [("file", (f"{n}.png", b"x")) for n in range(30)]}),
}


@pytest.mark.tasks(*ONE_EACH.values())
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_requests_are_answered_in_a_sentence(service: httpx.Client, takes: str, what: str) -> None:
    status, request = HOSTILE[what]
    if what == "too much, unannounced":
        kind = {"texts": "text/plain", "table": "text/csv"}.get(takes, "application/octet-stream")
        request = {"content": iter([b"x" * (1 << 20)] * 5), "headers": {"Content-Type": kind}}
    elif takes == "texts" and request.get("headers", {}).get("Content-Type") == "application/octet-stream":
        request = request | {"headers": {"Content-Type": "text/plain"}}
    answer = service.post("/predict", **request)
    assert answer.status_code == status, answer.text
    sentence = answer.json()["error"]
    assert re.fullmatch(r"[^\n\r]+\.", sentence), sentence
    assert "Traceback" not in sentence
    assert service.get("/health").status_code == 200


@pytest.mark.tasks(*ONE_EACH.values())
@pytest.mark.parametrize(
    "body", ["{", "[]", "{}", '{"texts": []}', '{"texts": [1]}', '{"texts": "a"}', "null", "[" * 100_000, '"\\ud800"']
)
def test_json_that_holds_no_texts_is_told(service: httpx.Client, takes: str, body: str) -> None:
    answer = service.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (422 if takes == "texts" else 415)
    assert takes != "texts" or answer.json()["error"].endswith('send {"text": "…"} or {"texts": ["…", "…"]}.')


@pytest.mark.tasks(*ONE_EACH.values())
def test_a_slow_or_broken_caller_holds_nobody_up(service: httpx.Client, takes: str) -> None:
    host, port = service.base_url.host, service.base_url.port
    with socket.create_connection((host, port), timeout=20) as slow:
        sent = "text/plain" if takes == "texts" else "application/octet-stream"
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {sent}\r\nContent-Length: 9\r\n\r\n"
        slow.sendall(head.encode() + b"abc")
        assert service.get("/health").status_code == 200
        assert b" 408 " in slow.recv(4096)
    with socket.create_connection((host, port), timeout=20) as broken:
        broken.sendall(b"\x00\xff no http at all\r\n\r\n")
        assert b" 400 " in broken.recv(4096)
    assert service.get("/health").status_code == 200


@pytest.mark.tasks(*ONE_EACH.values())
def test_its_pages_say_how_it_is_asked_and_load_nothing_from_elsewhere(service: httpx.Client, folder: Path) -> None:
    said = service.get("/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    assert {"200", "413", "415", "422"} <= said["paths"]["/predict"]["post"]["responses"].keys()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^curl .+/predict$", readme, re.MULTILINE)
    for name in ("/", "/docs", "/page.js", "/page.css"):
        answer = service.get(name)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"(src|href)=.?https?:|@import|url\(", answer.text), name
    for name in ("/service.py", "/usage.py", "/..%2fservice.py", "/recipe.json", "/page.py"):
        assert service.get(name).status_code == 404
    assert service.get("/predict").status_code == 405


def test_it_holds_nothing_of_its_owner_and_says_what_it_needs(folder: Path, subject: Subject) -> None:
    assert OWNER not in (folder / "service.py").read_text(encoding="utf-8")
    assert said_in(folder, identity(subject)) == set()
    needs = (folder / "requirements.txt").read_text(encoding="utf-8")
    assert {"starlette", "uvicorn", "python-multipart"} <= set(re.findall(r"^([\w-]+)==", needs, re.MULTILINE))
    assert ("torch==" in needs) == (subject.task.info.name not in ONNX)
    assert "service.py" in (folder / "Dockerfile").read_text(encoding="utf-8")
    assert json.loads((folder / "recipe.json").read_text(encoding="utf-8"))["data"] is None


@pytest.mark.tasks(ONE_EACH["table"])
def test_a_service_has_no_page_to_try_it_and_an_app_has(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    service = export_service.export(subject.task, features.path, tmp_path / "service")
    assert not (service / "page.html").exists()
    assert {"service.py", "usage.py", "Dockerfile", "README.md"} <= {path.name for path in service.iterdir()}


@pytest.mark.browser
@pytest.mark.tasks(ONE_EACH["pictures"], ONE_EACH["sounds"])
def test_people_try_it_on_a_phone(service: httpx.Client, takes: str, subject: Subject, tmp_path: Path) -> None:
    """A file, the camera or the microphone, in Chromium; nothing is asked of anybody else."""
    from playwright.sync_api import expect, sync_playwright

    data = subject.tiny.write_odd(tmp_path / "odd")
    fakes = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=fakes)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(120_000)
        hosts, said = set[str](), list[str]()
        page.on("request", lambda request: hosts.add(request.url.removeprefix("blob:").rpartition("/")[0]))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(str(service.base_url))
        page.locator("#file").set_input_files([*data.glob("large.jpg"), *data.glob("stereo.wav")])
        page.locator("#answers li strong").wait_for()
        page.locator("#start").click()
        if takes == "pictures":
            page.locator("#take").click()
            page.locator("#answers img[alt='camera.jpg']").wait_for()
        else:
            expect(page.locator("#said")).to_have_text(re.compile(r"[1-9]\.\d s"), timeout=120_000)
            page.locator("#start").click()
            page.locator("#answers", has_text="recording.wav").wait_for()
        expect(page.locator("#said")).to_contain_text("Answered in")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.close()
    assert said == []
    assert {host for host in hosts if host} == {str(service.base_url).rstrip("/")}
