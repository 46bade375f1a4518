"""`headstart room`: what it opens and how it starts the app, short of starting it (tests/browser does)."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import pytest
from cryptography import x509

from engines import paths
from engines.cli import teaching
from engines.contract import InputError
from engines.rooms import database, members, network, rooms


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_it_opens_a_room_for_the_local_network_with_a_certificate(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "own_address", lambda: "192.0.2.9")
    opened = teaching.prepare("Tuesday", 2.0, port, None, False, False)
    assert opened.link == f"https://192.0.2.9:{port}/room?code={opened.room.code}"
    assert opened.room.address == f"https://192.0.2.9:{port}"
    assert rooms.let_teach(opened.room.code, "tina", opened.own_link.rpartition("=")[2])
    chain, key = (paths.home() / "room-tls" / name for name in ("certificate.pem", "key.pem"))
    words = set(opened.command)
    assert {f"--server.sslCertFile={chain}", f"--server.sslKeyFile={key}", "--server.address=0.0.0.0"} <= words
    assert "--browser.serverAddress=192.0.2.9" in words  # or Streamlit asks hosts outside for its own address
    assert opened.environment["HEADSTART_PUBLIC"] == "1"
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key)  # the two belong together
    assert key.stat().st_mode & 0o077 == 0
    said = teaching.told(opened)
    assert any(opened.room.code in line for line in said)
    assert any(opened.own_link in line for line in said)
    assert any("no camera" in line for line in said)


def test_started_again_it_goes_on_with_the_room_that_is_open(port: int) -> None:
    first = teaching.prepare("Tuesday", 2.0, port, "127.0.0.1", False, False)
    members.join(first.room.code, "ann")
    again = teaching.prepare("", 3.0, port, "127.0.0.1", True, False)
    assert again.room.code == first.room.code
    assert again.room.name == "Tuesday"
    assert again.address == f"http://127.0.0.1:{port}"
    assert not [word for word in again.command if "ssl" in word]
    assert rooms.let_teach(first.room.code, "tina", first.token)
    assert rooms.let_teach(first.room.code, "tina", again.token)
    assert teaching.prepare("", 3.0, port, "127.0.0.1", True, True).room.code != first.room.code


def test_a_port_that_is_taken_and_a_short_token_are_said_in_a_sentence(
    port: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=f"127.0.0.1:{taken}: nothing can listen there"):
        teaching.prepare("", 3.0, taken, "127.0.0.1", True, False)
    with pytest.raises(InputError, match="nothing can listen there"):
        teaching.prepare("", 3.0, port, "no-such-name.invalid", True, False)
    monkeypatch.setenv("HEADSTART_INSTRUCTOR_TOKEN", "short")
    with pytest.raises(InputError, match="HEADSTART_INSTRUCTOR_TOKEN: it has 5 characters"):
        teaching.prepare("", 3.0, port, "127.0.0.1", True, False)
    assert rooms.every() == []


def test_a_certificate_is_made_anew_only_where_it_no_longer_holds() -> None:
    chain, _key = network.certificate("192.0.2.9")
    first = chain.read_bytes()
    names = x509.load_pem_x509_certificate(first).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "192.0.2.9"}
    assert network.certificate("192.0.2.9")[0].read_bytes() == first
    assert network.certificate("127.0.0.1")[0].read_bytes() == first
    assert network.certificate("192.0.2.10")[0].read_bytes() != first
    chain.write_text("broken")
    assert b"BEGIN CERTIFICATE" in network.certificate("laptop.local")[0].read_bytes()


def test_the_picture_in_the_terminal_is_the_code_of_the_link() -> None:
    import segno

    link = "https://192.0.2.9:8501/room?code=BCDFG"
    lines = teaching._picture(link).splitlines()
    dark = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    rows = [[dark[block][half] for block in line] for line in lines for half in (0, 1)]
    wanted = [list(row) for row in segno.make(link, error="m", micro=False).matrix_iter(border=2)]
    assert rows[: len(wanted)] == [[int(bool(module)) for module in row] for row in wanted]


def test_rooms_that_have_long_been_over_are_ended_by_the_next() -> None:
    old, _token = rooms.open_room("Old")
    fresh, _token = rooms.open_room("Just over")
    with database.writing() as table:
        day = time.time() - teaching.OLD_SECONDS - 60
        table.execute("UPDATE rooms SET until = ? WHERE code = ?", (day, old.code))
        table.execute("UPDATE rooms SET until = ? WHERE code = ?", (time.time() - 60, fresh.code))
    teaching._tidy()
    assert [room.code for room in rooms.every()] == [fresh.code]
