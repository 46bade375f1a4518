"""A room's board: who is shown and who is not, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.contract import Estimate
from engines.rooms import asides, board, database, ending, members, rooms
from engines.rooms.asides import Aside
from engines.rooms.board import Entry
from engines.rooms.members import Member
from engines.rooms.rooms import Room

ASIDE = Aside("vision.classification", "digits", Path("/learn.zip"), Path("/ask.zip"), 100, 300)


def entry(name: str, value: float, low: float, high: float) -> Entry:
    member = Member(name, "ROOM", ord(name[0]), name, 0.0, "", "", None, 0)
    return Entry(member, "run", "", 1, Estimate(value, low, high, 100))


def order(entries: list[Entry], *, higher: bool) -> list[tuple[int, str, bool]]:
    return [(p.rank, p.entry.member.name, p.apart) for p in board.ranked(entries, higher_is_better=higher)]


def test_the_worse_end_of_the_interval_decides_and_overlaps_are_told() -> None:
    shown = [
        entry("lucky", 1.0, 0.60, 1.0),  # all right, on few
        entry("sure", 0.90, 0.85, 0.94),
        entry("far", 0.50, 0.40, 0.60),
        entry("near", 0.80, 0.72, 0.86),
        Entry(entry("asked", 0, 0, 0).member, "run", "asked", 1, None),
    ]
    assert order(shown, higher=True) == [
        (1, "sure", False),
        (2, "near", False),  # 0.86 reaches into 0.85 to 0.94
        (3, "lucky", False),
        (4, "far", True),
    ]


def test_where_lower_is_better_the_upper_end_decides() -> None:
    shown = [entry("a", 0.20, 0.05, 0.50), entry("b", 0.25, 0.20, 0.30), entry("c", 0.40, 0.31, 0.55)]
    assert order(shown, higher=False) == [(1, "b", False), (2, "a", False), (3, "c", True)]


def test_who_comes_to_the_same_shares_a_place() -> None:
    shown = [entry("a", 0.8, 0.7, 0.9), entry("b", 0.8, 0.7, 0.9), entry("c", 0.7, 0.6, 0.8)]
    assert order(shown, higher=True) == [(1, "a", False), (1, "b", False), (3, "c", False)]
    assert board.ranked([], higher_is_better=True) == []


@pytest.fixture
def room() -> Room:
    return rooms.open_room("Tuesday")[0]


def values(room: Room) -> dict[str, tuple[float | None, int]]:
    """What is on the board: name -> value and tries."""
    shown = board.entries(room.code, ASIDE.task, ASIDE.sample)
    return {one.member.name: (one.score.value if one.score else None, one.tries) for one in shown}


def test_nobody_is_shown_unasked_and_each_can_take_theirs_back(room: Room) -> None:
    ann, bob = members.join(room.code, "ann", "Ann"), members.join(room.code, "bob", "Bob")
    assert values(room) == {}
    board.show(ann, ASIDE, "first")
    board.asks(ann, ASIDE, "asking")
    assert values(room) == {"Ann": (None, 1)}
    board.scored(ann.owner, ASIDE.task, "another", Estimate(0.1, 0, 0.2, 100))  # of a run that is not shown
    board.scored(ann.owner, ASIDE.task, "first", Estimate(0.9, 0.8, 0.95, 100))
    board.show(bob, ASIDE, "his", Estimate(0.7, 0.6, 0.8, 50))
    assert values(room) == {"Ann": (0.9, 1), "Bob": (0.7, 1)}
    board.show(ann, ASIDE, "second")  # takes the place of the first
    assert values(room) == {"Ann": (None, 2), "Bob": (0.7, 1)}
    board.take_back(ann, ASIDE)
    assert values(room) == {"Bob": (0.7, 1)}
    assert board.of_member(ann, ASIDE) is None
    board.scored(ann.owner, ASIDE.task, "second", Estimate(0.9, 0.8, 0.95, 100))  # answers that come too late
    assert values(room) == {"Bob": (0.7, 1)}
    for gone in (b"first", b"second", b"asking"):
        assert gone not in database.file().read_bytes()
    board.show(ann, ASIDE, "third")
    assert values(room)["Ann"] == (None, 3)
    members.leave(bob)
    assert [*values(room)] == ["Ann"]


def test_a_board_is_of_one_room_and_one_sample(room: Room) -> None:
    other = rooms.open_room()[0]
    board.show(members.join(room.code, "ann"), ASIDE, "run", Estimate(0.9, 0.8, 1.0, 10))
    assert len(board.entries(room.code, ASIDE.task, ASIDE.sample)) == 1
    assert board.entries(room.code, ASIDE.task, "photographs") == []
    assert board.entries(other.code, ASIDE.task, ASIDE.sample) == []


def test_no_path_is_made_of_what_an_address_says(room: Room) -> None:
    assert asides.every(room) == []
    into = asides.folder(room, ASIDE.task, "digits")
    into.mkdir(parents=True)
    (into / "about.json").write_text(json.dumps({"learn": "learn/digits.zip", "ask": "ask/digits.zip", "n": 1}))
    found = asides.of(room, ASIDE.task, "digits")
    assert found is not None
    assert (found.learn, found.n) == (into / "learn" / "digits.zip", 1)
    assert asides.learnt_from(room, ASIDE.task, str(found.learn)) == found
    assert asides.learnt_from(room, "text.sentiment", str(found.learn)) is None
    for name in ("../digits", "*", "..", "digits/", ""):
        assert asides.of(room, ASIDE.task, name) is None
    asides.keep_whole(room, "control.policy", "logs", Path("/logs.parquet"))
    assert [(one.sample, one.ask is None) for one in asides.every(room)] == [("logs", True), ("digits", False)]


def test_the_end_of_a_room_leaves_nothing_of_its_board(room: Room) -> None:
    board.show(members.join(room.code, "ann"), ASIDE, "quetzalcoatl", Estimate(0.9, 0.8, 1.0, 10))
    asides.keep_whole(room, ASIDE.task, "digits", Path("/quetzalcoatl.zip"))
    ending.begin(room.code)
    ending.forget(room.code)
    home = database.file().parent
    assert not [file for file in home.rglob("*") if file.is_file() and b"quetzalcoatl" in file.read_bytes()]
    assert not ending.folder(room.code).exists()
