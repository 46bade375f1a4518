"""The board on the pages: shown by a button and by nothing else, taken back, read by everybody in the room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, runs
from engines.contract import Estimate, Job
from engines.jobs.serving import client
from engines.rooms import asides, board, members, rooms
from engines.rooms.asides import Aside
from engines.rooms.members import Member
from engines.rooms.rooms import Broadcast, Room
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from ui.page import samples, uploads, visitor
from ui.rooms import taking

PAGE, TASK = "pages/room.py", finished_run.TASK


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that tells its visitors apart; this browser is Ann's."""
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(visitor, "myself", lambda: "ann")


@pytest.fixture
def room() -> Room:
    return rooms.open_room("Tuesday")[0]


@pytest.fixture
def ann(room: Room) -> Member:
    return members.join(room.code, "ann", "Ann")


@pytest.fixture
def aside(room: Room) -> Aside:
    """Of the digits a part is kept aside."""
    into = asides.folder(room, TASK, "digits")
    into.mkdir(parents=True)
    told = {"learn": "learn/digits.zip", "ask": "ask/digits.zip", "n": 100, "left": 300}
    (into / "about.json").write_text(json.dumps(told))
    found = asides.of(room, TASK, "digits")
    assert found is not None
    return found


def run_of(member: Member, data: Path, title: str = "Four kinds of things") -> RunFolder:
    """A finished run of somebody's on these data."""
    run = finished_run.write(paths.runs() / runs.new_id(), title=title)
    recipe = finished_run.recipe(data=str(data), title=title)
    run.write("recipe.json", recipe.to_json())
    run.write("job.json", Job(recipe, owner=member.owner).to_json())
    return run


def everything(at: AppTest) -> str:
    return str(at._tree) + text(at)


def test_a_result_is_shown_by_its_button_alone_and_taken_back(room: Room, ann: Member, tmp_path: Path) -> None:
    asides.keep_whole(room, TASK, "digits", tmp_path / "digits")
    run = run_of(ann, tmp_path / "digits")
    at = opened("pages/vision.py", task=TASK, run=run.id, step="result")
    assert "Nobody sees it unless you press the button" in text(at)
    assert board.entries(room.code, TASK, "digits") == []
    press(at, "Show mine on the board")
    assert "**On the board**: 87.4 %" in text(at)
    on_page = everything(opened(PAGE))
    assert "<b>Ann</b>" in on_page
    assert "87.4 %" in on_page
    assert '80.4 – 93.4 %, <span class="n">62 photographs</span>' in on_page
    assert "✓ beat scratch" in on_page  # the run's own comparison, of three seeds
    assert run.id not in on_page
    assert ann.owner not in on_page
    press(at, "Take it back")
    assert "Show mine on the board" in text(at)
    assert "Nobody shows anything yet" in text(opened(PAGE))


def test_a_run_on_other_data_says_why_it_is_nothing_for_the_board(ann: Member, aside: Aside) -> None:
    run = run_of(ann, paths.samples() / TASK / "digits")
    at = opened("pages/vision.py", task=TASK, run=run.id, step="result")
    assert aside.n == 100
    assert "Not for the room's board: it did not learn from a sample as the room has it" in text(at)
    assert "Show mine on the board" not in text(at)


def test_whoever_is_in_no_room_is_offered_no_board(aside: Aside) -> None:
    run = run_of(Member("me", "", 1, "", 0.0, "", "", None, 0), aside.learn)
    assert "the board" not in text(opened("pages/vision.py", task=TASK, run=run.id, step="result"))


def test_who_takes_the_sample_in_the_room_gets_what_the_room_does_not_keep(
    room: Room, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_given: {"path": str(paths.samples() / TASK / "digits")})
    assert uploads.origin(samples.taken(TASK, "digits")).path == str(paths.samples() / TASK / "digits")
    members.join(room.code, "ann")
    inside = uploads.origin(samples.taken(TASK, "digits"))
    assert (inside.path, inside.sample) == (str(aside.learn), "digits")
    assert uploads.origin(samples.taken(TASK, "photographs")).path == str(paths.samples() / TASK / "digits")


def test_the_board_is_read_by_all_and_says_who_cannot_be_told_apart(room: Room, ann: Member, aside: Aside) -> None:
    def shows(visitor: str, name: str, value: float, low: float, high: float) -> None:
        member = members.join(room.code, visitor, name)
        board.show(member, aside, run_of(member, aside.learn).id, Estimate(value, low, high, 100))

    assert "Nobody shows anything yet" in text(opened(PAGE))
    board.show(ann, aside, run_of(ann, aside.learn).id, Estimate(0.95, 0.90, 0.98, 100))
    assert "A board begins with two." in text(opened(PAGE))
    shows("bob", "<i>Bob</i>", 0.90, 0.84, 0.94)
    shows("cleo", "", 0.60, 0.5, 0.69)
    for at in (opened(PAGE), _taught(room)):
        shown = text(at)
        assert "on 100 photographs that only the room has" in shown
        assert "Balanced accuracy (higher is better)" in shown
        assert shown.index("<b>Ann</b>") < shown.index("&lt;i&gt;Bob&lt;/i&gt;") < shown.index("<b>Guest 3</b>")
        assert "The first and 1 other can't be told apart" in shown
        assert shown.count("not told apart from the first") == 1
        assert shown.count('class="rank">') == 3


def _taught(room: Room) -> AppTest:
    """The board alone, as whoever teaches shows it."""
    token = "a-token-that-nobody-guesses"
    rooms.add_token(room.code, token)
    rooms.let_teach(room.code, "ann", token)
    at = opened(PAGE, code=room.code, board="1")
    assert "room-board wide" in text(at)
    assert "Offer it" not in text(at)
    return at


def test_an_offer_with_a_board_keeps_a_part_aside_and_names_its_choices(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def ask(question: dict[str, object], *_progress: object) -> dict[str, object]:
        asked.append(question)
        return {"path": "/samples/digits"}

    monkeypatch.setattr(client, "ask", ask)
    token = rooms.open_room()[1]
    rooms.add_token(room.code, token)
    rooms.let_teach(room.code, "ann", token)
    at = opened(PAGE, code=room.code)

    def choose(label: str, value: str) -> None:
        next(box for box in at.selectbox if box.label == label).select(value).run()

    choose("Data", "digits")
    choose("Model", finished_run.MODEL)
    choose("How much of the network should learn?", "partial")
    next(one for one in at.slider if one.label == "Blocks that learn, counted from the head").set_value(3).run()
    next(box for box in at.text_input if box.key == f"broadcast_set_{TASK}_epochs").input("7").run()
    next(one for one in at.toggle if one.label.startswith("Also train the same network")).set_value(False).run()
    press(at, "Offer it")
    offer = rooms.offered(room.code)
    assert offer == Broadcast(
        TASK,
        "digits",
        finished_run.MODEL,
        "partial",
        {"blocks": 3, "epochs": 7, "baseline": "none"},
        number=offer.number if offer else 0,
    )
    assert [question["verb"] for question in asked] == ["sample", "hold_out"]
    assert asked[1]["seed"] == room.seed
    assert asked[1]["out"] == str(asides.folder(room, TASK, "digits"))
    said = taking.sentence(offer)
    assert "Last 3 blocks" in said
    assert "without training from scratch" in said
    next(box for box in at.text_input if box.key == f"broadcast_set_{TASK}_epochs").input("many").run()
    press(at, "Offer it")
    assert "found 'many'" in text(at)
    assert rooms.offered(room.code) == offer  # what makes no sense is offered to nobody
