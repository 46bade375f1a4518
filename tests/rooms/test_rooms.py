"""A room: its code and token, who is in it, what whoever teaches says of it, and that all of it outlives a process."""

from __future__ import annotations

import string
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import paths
from engines.contract import InputError
from engines.rooms import codes, database, members, rooms
from engines.rooms.rooms import Broadcast


def test_a_code_is_read_however_it_is_typed_and_nothing_else_is_one() -> None:
    code = codes.new_code()
    assert len(code) == codes.LENGTH
    assert not set(code) & set("AEIOUS015")
    assert codes.read(f" {code[:2].lower()}-{code[2:]} ") == code
    assert [codes.read(said) for said in ("", code[:4], code + "B", "AEIOU", "../..", "BCDF\0")] == [""] * 6


@given(st.text(string.printable, max_size=12))
def test_a_read_code_is_empty_or_a_code(said: str) -> None:
    found = codes.read(said)
    assert found == "" or (len(found) == codes.LENGTH and set(found) <= set(codes.LETTERS))


def test_asking_for_rooms_makes_no_file() -> None:
    assert rooms.every() == []
    assert members.of_visitor("ann") is None
    assert not database.file().exists()


def test_a_room_outlives_its_process_and_keeps_its_token_only_as_a_digest() -> None:
    room, token = rooms.open_room("  Tuesday \n morning\x07 ", hours=2, address="https://192.0.2.7:8501")
    script = f"from engines.rooms import rooms; print(rooms.find({room.code.lower()!r}).name)"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=paths.PROJECT)
    assert other.stdout.strip() == "Tuesday morning"
    assert room.until == pytest.approx(time.time() + 7200, abs=60)
    assert token.encode() not in database.file().read_bytes()
    assert database.file().stat().st_mode & 0o077 == 0


def test_only_its_token_lets_somebody_teach_and_their_browser_is_known_then() -> None:
    room, token = rooms.open_room()
    other, another = rooms.open_room()
    for wrong in ("", token[:-1], another, token.swapcase()):
        assert not rooms.let_teach(room.code, "tina", wrong)
    assert rooms.taught_by("tina") == []
    assert rooms.let_teach(room.code, "tina", f" {token}\n")
    assert [found.code for found in rooms.taught_by("tina")] == [room.code]
    assert rooms.taught_by("") == []
    rooms.add_token(room.code, another)
    assert rooms.let_teach(room.code, "tom", another)
    assert rooms.let_teach(room.code, "tim", token)
    assert other.code != room.code


def test_the_hosts_token_has_to_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for short in ("", "x" * (codes.FEWEST - 1)):
        monkeypatch.setenv("HEADSTART_INSTRUCTOR_TOKEN", short)
        assert not codes.may_start(short)
    monkeypatch.setenv("HEADSTART_INSTRUCTOR_TOKEN", "x" * codes.FEWEST)
    assert codes.may_start("x" * codes.FEWEST)
    assert not codes.may_start("y" * codes.FEWEST)


@pytest.mark.parametrize("hours", [0.0, -1.0, 1e9, float("nan"), float("inf")])
def test_hours_beyond_reason_are_refused_in_a_sentence(hours: float) -> None:
    with pytest.raises(InputError, match="hours: found"):
        rooms.open_room(hours=hours)
    assert rooms.every() == []


def test_members_are_somebody_else_in_each_room_and_the_same_when_they_come_again() -> None:
    room, _token = rooms.open_room()
    other, _token = rooms.open_room()
    ann = members.join(room.code, "ann", "Ann")
    bob = members.join(room.code, "bob")
    assert (ann.number, ann.name, bob.number, bob.name) == (1, "Ann", 2, "")
    assert len({ann.owner, bob.owner, "ann", "bob"}) == 4
    again = members.join(room.code.lower(), "ann", "Annie")
    assert (again.owner, again.number, again.name) == (ann.owner, 1, "Annie")
    elsewhere = members.join(other.code, "ann")
    assert elsewhere.owner != ann.owner
    assert [member.owner for member in members.here(room.code)] == [bob.owner]
    assert [member.owner for member in members.everybody(room.code)] == [ann.owner, bob.owner]
    members.leave(elsewhere)
    assert members.of_visitor("ann") is None


def test_who_is_where_and_stuck_is_kept() -> None:
    room, _token = rooms.open_room()
    ann = members.join(room.code, "ann")
    members.at(ann, "vision", "train")
    members.stuck(ann, True)
    (first,) = members.here(room.code)
    assert (first.page, first.step, first.away) == ("vision", "train", False)
    assert first.stuck == pytest.approx(time.time(), abs=30)
    members.stuck(ann, True)
    assert members.here(room.code)[0].stuck == first.stuck  # asked twice, they keep their place
    members.stuck(ann, False)
    assert members.here(room.code)[0].stuck is None


def test_nobody_joins_a_room_that_is_over_full_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    room, _token = rooms.open_room()
    for code, visitor, sentence in (
        ("BCDFG" if room.code != "BCDFG" else "BCDFH", "ann", "there is no room with this code"),
        ("hello!", "ann", "there is no room with this code"),
        (room.code, "", "this browser keeps no cookie"),
    ):
        with pytest.raises(InputError, match=sentence):
            members.join(code, visitor)
    monkeypatch.setattr(members, "MOST_MEMBERS", 1)
    members.join(room.code, "ann")
    with pytest.raises(InputError, match="1 are in it already"):
        members.join(room.code, "bob")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3 * 3600 + 1)
    with pytest.raises(InputError, match="this room is over"):
        members.join(room.code, "ann")
    rooms.extend(room.code, 0.5)
    assert rooms.find(room.code).until == pytest.approx(now + 3.5 * 3600 + 1, abs=60)  # from now on, not from then
    members.join(room.code, "ann")


def test_the_last_that_was_offered_is_offered_until_it_is_taken() -> None:
    room, _token = rooms.open_room()
    ann = members.join(room.code, "ann")
    assert rooms.offered(room.code) is None
    rooms.broadcast(room.code, Broadcast("vision.classification", "digits"))
    rooms.broadcast(room.code, Broadcast("text.sentiment", "", strategy="partial", settings={"blocks": 2}, note="Try"))
    offer = rooms.offered(room.code)
    assert offer is not None
    assert (offer.task, offer.settings, offer.note) == ("text.sentiment", {"blocks": 2}, "Try")
    assert offer.number > ann.had
    members.have(ann, offer.number)
    assert members.here(room.code)[0].had == offer.number
