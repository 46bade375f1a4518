"""deploy/nginx.conf, run by Debian's nginx before the app: what a stranger meets there, and cannot do to others."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import InvalidStatus

from benchmarks.browsers import Browser, served
from engines import paths
from engines.hosting import visitors
from tests.awaited import awaited

pytestmark = pytest.mark.proxy
DEPLOY = paths.PROJECT / "deploy"
PATIENCE = 60
OTHER = "127.0.0.2"
"""Another address of this machine, for who misbehaves."""
SLOW = 400


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def write_certificate(folder: Path) -> None:
    """A self-signed one for 127.0.0.1."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "headstart test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    (folder / "tls.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, plain[1], plain[0]))


def of_here(conf: str, folder: Path, app: int, http_port: int, https_port: int) -> str:
    """The file as it is, but for where things are on this machine, and for less patience and a smaller cap, so that a
    test need not wait for them."""
    changes = {
        "app:8501": f"127.0.0.1:{app}",
        "listen 80 ": f"listen 127.0.0.1:{http_port} ",
        "listen 443 ": f"listen 127.0.0.1:{https_port} ",
        "/etc/nginx/tls/": f"{folder}/tls/",
        "/tmp/nginx": f"{folder}/nginx",
        "/dev/stderr": f"{folder}/error.log",
        "client_header_timeout 10s": "client_header_timeout 3s",
        "client_max_body_size 500m": "client_max_body_size 2m",
    }
    for old, new in changes.items():
        assert old in conf, old
        conf = conf.replace(old, new)
    return f"daemon off;\n{conf}"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where nginx listens with TLS, an app of recorded runs behind it: the address."""
    folder = tmp_path_factory.mktemp("proxy")
    folder.chmod(0o755)  # nginx's workers are another user
    (home := folder / "home").mkdir()
    write_certificate(folder / "tls")
    ports = free_port(), free_port()
    with served(home, HEADSTART_PUBLIC="1", HEADSTART_SHOWCASE="1") as server:
        app = int(server.url.rpartition(":")[2])
        file = folder / "nginx.conf"
        file.write_text(of_here((DEPLOY / "nginx.conf").read_text(encoding="utf-8"), folder, app, *ports))
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(file), "-p", str(folder)], stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ports[1]), timeout=1):
                    break
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield f"https://127.0.0.1:{ports[1]}"
        finally:
            process.terminate()
            process.wait(timeout=10)
            assert process.stderr
            process.stderr.close()


@pytest.fixture(scope="module")
def trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it has signed itself
    return context


class Asked:
    """One request from an address of this machine, through nginx."""

    def __init__(self, proxy: str, trusted: ssl.SSLContext, path: str, method: str = "GET", source: str = "127.0.0.1",
                 **more: object):  # fmt: skip
        port = int(proxy.rpartition(":")[2])
        link = http.client.HTTPSConnection(
            "127.0.0.1", port, context=trusted, timeout=PATIENCE, source_address=(source, 0)
        )
        start = time.monotonic()
        with contextlib.closing(link):
            link.request(method, path, **more)  # type: ignore[arg-type]
            answer = link.getresponse()
            self.status, self.headers = answer.status, {k.lower(): v for k, v in answer.getheaders()}
            try:
                self.text = answer.read().decode(errors="replace")
            except http.client.IncompleteRead as cut:  # nginx closes on whoever goes on sending
                self.text = cut.partial.decode(errors="replace")
        self.seconds = time.monotonic() - start


def test_a_page_comes_with_tls_and_a_cookie_that_only_tls_carries(proxy: str, trusted: ssl.SSLContext) -> None:
    answer = Asked(proxy, trusted, "/vision")
    assert answer.status == 200
    assert "max-age" in answer.headers["strict-transport-security"]
    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    assert visitors.COOKIE in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].endswith("Secure")
    assert answer.headers["server"] == "nginx"
    for path in ("/_stcore/metrics", "/_stcore/agent/tools"):
        assert Asked(proxy, trusted, path).status == 404


def test_a_browser_opens_pages_over_its_websocket(proxy: str, trusted: ssl.SSLContext) -> None:
    async def opened() -> float:
        browser = Browser(proxy, trusted)
        seconds = await browser.open("text") + await browser.open("vision")
        await browser.close()
        return seconds

    assert 0 < awaited(opened()) < PATIENCE


def test_a_file_above_the_cap_gets_a_sentence(proxy: str, trusted: ssl.SSLContext) -> None:
    upload = "/_stcore/upload_file/some-session/some-file"
    told = Asked(proxy, trusted, upload, "PUT", headers={"Content-Length": str(600 << 20)})
    assert (told.status, told.text) == (413, "This file is larger than this host takes.\n")
    pieces = (b"x" * (1 << 16) for _ in range(64))  # no length is said: counted as it comes
    known = {"Cookie": Asked(proxy, trusted, "/vision").headers["set-cookie"].partition(";")[0]}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        told = Asked(proxy, trusted, upload, "PUT", body=pieces, headers=known, encode_chunked=True)
        assert told.status in {403, 413}  # the app, which has no such session open, may be the first to say no
    assert Asked(proxy, trusted, "/vision", "POST", body=b"x" * (2 << 20)).status == 413


def test_its_cap_is_the_apps() -> None:
    conf = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    app = re.search(r"maxUploadSize = (\d+)", (paths.PROJECT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert app
    assert f"client_max_body_size {app[1]}m;" in conf


def test_many_who_never_finish_asking_hold_nobody_up_and_are_let_go(proxy: str, trusted: ssl.SSLContext) -> None:
    """Slow-loris: connections that begin a request and go on for ever."""
    before = min(Asked(proxy, trusted, "/_stcore/health").seconds for _ in range(3))
    slow = []
    try:
        for number in range(SLOW):
            link = socket.create_connection(("127.0.0.1", int(proxy.rpartition(":")[2])), PATIENCE, (OTHER, 0))
            slow.append(trusted.wrap_socket(link) if number % 4 == 0 else link)  # some even greet
            slow[-1].sendall(b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: " if number % 4 == 0 else b"\x16")
        answer = Asked(proxy, trusted, "/_stcore/health")
        assert answer.status == 200
        assert answer.seconds < 10 * before + 2
        deadline = time.monotonic() + PATIENCE
        for link in slow:
            link.settimeout(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ConnectionError, ssl.SSLError):  # cut off, which is as good
                while link.recv(1 << 16):  # what is said of the timeout, then the end
                    pass
    finally:
        for link in slow:
            link.close()


def test_a_browser_that_opens_200_sockets_gets_50_and_others_their_pages(proxy: str, trusted: ssl.SSLContext) -> None:
    async def greedy_and_another() -> tuple[int, float]:
        greedy = [Browser(proxy, trusted, source=OTHER) for _ in range(200)]
        taken = 0
        try:
            for browser in greedy:
                with contextlib.suppress(InvalidStatus):
                    await browser.connect()
                    taken += 1
            other = Browser(proxy, trusted)
            seconds = await other.open("vision")
            await other.close()
        finally:
            await asyncio.gather(*(browser.close() for browser in greedy))
        return taken, seconds

    taken, seconds = awaited(greedy_and_another())
    assert taken == 50
    assert seconds < PATIENCE


def test_the_log_holds_no_address_and_no_id(
    proxy: str, trusted: ssl.SSLContext, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Asked(proxy, trusted, "/vision?run=AAAAAAAAAAAAAAAAAAAAAA")
    logs = list(tmp_path_factory.getbasetemp().glob("proxy*/**/*.log"))
    assert logs
    assert not [log for log in logs if "AAAAAAAAAAAAAAAAAAAAAA" in log.read_text() or OTHER in log.read_text()]


def test_the_compose_file_keeps_the_app_in() -> None:
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    app = told["services"]["app"]
    assert (app["read_only"], app["user"], app["cap_drop"]) == (True, "1000:1000", ["ALL"])
    assert "ports" not in app
    assert app["networks"] == ["inside"]
    assert told["networks"]["inside"] == {"internal": True}
    assert app["environment"]["HEADSTART_PUBLIC"] == "1"
