"""The room on the pages: joining, the line on its members' pages, what is offered, and whoever teaches."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, runs
from engines.contract import Job
from engines.rooms import members, rooms
from engines.rooms.members import Member
from engines.rooms.rooms import Broadcast
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from ui.page import address, samples, visitor
from ui.rooms import instructor, line, page, taking

PAGE = "pages/room.py"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that tells its visitors apart; this browser is Ann's."""
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(page, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(visitor, "myself", lambda: "ann")


def join(at: AppTest, code: str, name: str) -> None:
    at.text_input[0].input(code)
    at.text_input[1].input(name)
    press(at, "Join")


def test_one_comes_in_by_the_code_and_makes_things_as_somebody_of_the_room() -> None:
    room, _token = rooms.open_room("Tuesday *morning*")
    at = opened(PAGE, code=room.code)
    assert at.text_input[0].value == room.code  # the link and the QR code bring it
    join(at, "BCDFG" if room.code != "BCDFG" else "BCDFH", "Ann")
    assert "there is no room with this code" in text(at)
    join(at, f" {room.code.lower()} ", "Ann [x](y)")
    assert "You are in Tuesday \\*morning\\*, as Ann \\[x\\]\\(y\\)" in text(at)
    found = members.of_visitor("ann")
    assert found is not None
    assert visitor.me() == found[1].owner != "ann"
    press(at, "Leave the room")
    assert visitor.me() == "ann"


def test_without_a_public_host_the_page_says_how_to_have_a_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "")
    rooms.open_room()
    assert "say `headstart room`, or `make room`" in text(opened(PAGE))


def test_whoever_is_in_no_room_sees_no_line() -> None:
    rooms.open_room("Tuesday")
    assert "Tuesday" not in text(opened("pages/privacy.py"))


@pytest.fixture
def ann() -> Member:
    room, _token = rooms.open_room("Tuesday")
    return members.join(room.code, "ann", "Ann")


def test_the_line_tells_where_somebody_is_and_that_they_are_stuck(ann: Member) -> None:
    at = opened("pages/privacy.py")
    assert "**Tuesday** · Ann" in text(at)
    assert "You are in a room" in text(at)  # on the page about privacy
    press(at, "I am stuck")
    (seen,) = members.here(ann.room)
    assert (seen.page, seen.step, seen.stuck is not None) == ("privacy", "", True)
    assert instructor.place(seen) == "Privacy"
    press(at, "I am fine again")
    assert members.here(ann.room)[0].stuck is None
    rooms.pause(ann.room, True)
    assert "paused: runs wait" in text(at.run())


def test_what_is_offered_is_taken_with_one_click_or_put_away(ann: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    made = runs.new_id()
    monkeypatch.setattr(
        samples, "taken", lambda task, name: made if (task, name) == (finished_run.TASK, "digits") else ""
    )
    went: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(taking.st, "switch_page", lambda page, query_params: went.append((page.url_path, query_params)))
    rooms.broadcast(ann.room, Broadcast(finished_run.TASK, "digits", strategy="features", note="Only the *head*"))
    at = opened("pages/privacy.py")
    assert "the sample" in text(at)
    assert "Only the \\*head\\*" in text(at)
    press(at, "Take it")
    asked = {"task": finished_run.TASK, "data": made, "strategy": "features", "step": "strategy"}
    assert went == [("vision", asked)]
    assert "For everybody" not in text(opened("pages/privacy.py"))
    rooms.broadcast(ann.room, Broadcast("text.sentiment", ""))
    at = opened("pages/privacy.py")
    assert "For everybody" in text(at)
    press(at, "Not now")
    assert "For everybody" not in text(at)


def test_what_a_broadcast_brings_is_read_by_the_page(ann: Member) -> None:
    rooms.broadcast(ann.room, Broadcast(finished_run.TASK, "", strategy="partial", settings={"blocks": 2}))
    at = opened("pages/vision.py", task=finished_run.TASK, strategy="partial", step="strategy")
    assert not at.exception
    assert members.here(ann.room)[0].step == "strategy"
    assert tuple(instructor.STEPS) == address.STEPS


def test_only_the_token_opens_the_view_and_its_link_is_used_up() -> None:
    room, token = rooms.open_room("Tuesday")
    at = opened(PAGE, code=room.code, teach=f"{token[:-1]}!")
    assert "This is not the token" in text(at)
    assert rooms.taught_by("ann") == []
    at = opened(PAGE, code=room.code, teach=token)
    assert "teach" not in at.query_params
    assert {metric.label: metric.value for metric in at.metric}.items() >= {("In the room", "0"), ("Stuck", "0")}
    assert " ".join(room.code) in text(at)


def test_the_view_shows_steps_and_no_contents() -> None:
    room, token = rooms.open_room("Tuesday")
    rooms.let_teach(room.code, "ann", token)
    bob = members.join(room.code, "visitor-of-bob", "Bob | x")
    members.at(bob, "vision", "train")
    members.stuck(bob, True)
    run = finished_run.write(paths.runs() / runs.new_id(), title="Bob's secret")
    run.write("job.json", Job(run.recipe, owner=bob.owner).to_json())
    at = opened(PAGE)
    everything = str(at._tree) + text(at) + " ".join(str(table.value) for table in at.table)
    assert "is stuck at Vision, Train" in text(at)
    for secret in (run.id, bob.owner, "secret", "visitor-of-bob", token):
        assert secret not in everything
    press(at, "Helped")
    assert members.here(room.code)[0].stuck is None
    press(at, "Pause")
    assert rooms.find(room.code).paused
    press(at, "Half an hour more")
    assert rooms.find(room.code).until > time.time() + 3.4 * 3600
    press(at, "Offer it")
    assert rooms.offered(room.code) is not None
    assert next(button for button in at.button if button.label == "End it now").disabled
    next(box for box in at.checkbox if box.label == "Everybody has what they want to keep").check().run()
    press(at, "End it now")
    assert "The room has ended. Deleted: 1 run" in text(at)
    assert rooms.every() == []
    assert not run.path.exists()


def test_a_room_is_started_on_the_page_by_the_hosts_token(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "a-token-that-nobody-guesses"
    monkeypatch.setenv("HEADSTART_INSTRUCTOR_TOKEN", token)
    at = opened(PAGE)
    next(field for field in at.text_input if field.label == "Token").input("a-token-that-nobody-knows")
    press(at, "Open")
    assert "This is not the token" in text(at)
    assert rooms.every() == []
    next(field for field in at.text_input if field.label == "Token").input(token)
    next(field for field in at.text_input if field.label == "What a new room is called").input("Wednesday")
    press(at, "Open")
    (room,) = rooms.taught_by("ann")
    assert room.name == "Wednesday"
    assert "Wednesday" in text(at)


def test_what_runs_is_told_in_words() -> None:
    standing = instructor.Standing
    assert instructor.runs(standing()) == "–"
    assert instructor.runs(standing(waiting=1, running=1, done=2, position=3)) == (
        "trains · place 3 in the queue · 2 models"
    )
    assert line.name(Member("o", "r", 4, "", 0.0, "", "", None, 0)) == "Guest 4"
