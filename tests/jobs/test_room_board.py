"""A finished run on a room's board: asked about what was kept aside, taken back, and gone with the room."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import api, paths, runs
from engines.contract import Estimate, InputError, Job, Recipe, Strategy
from engines.jobs import room_board, room_end, worker
from engines.jobs.contract import JobStatus
from engines.rooms import asides, board, members, queueing, rooms
from engines.rooms.members import Member
from engines.rooms.rooms import Room
from engines.runs import RunFolder
from tests.contract.tiny import TINY

TASK = "vision.classification"


class AtOnce:
    """A queue that works through each job as it comes, in this process."""

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        assert job is not None
        run = RunFolder.create(queueing.of_room(job, has_begun=True))
        assert worker.execute(run) == worker.DONE, run.state
        return run.id

    def status(self, run_id: str) -> JobStatus:
        return JobStatus(run_id, *RunFolder.find(run_id).state)

    cancel = status

    def forget(self, owner: str) -> None:
        """It remembers nobody."""

    def standing(self, owners: Collection[str]) -> dict[str, Any]:
        return {}


@pytest.fixture(scope="module")
def kept(tiny_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What was kept aside of 60 pictures, and a run that learnt from the rest."""
    folder = tmp_path_factory.mktemp("kept")
    told = api.hold_out(TASK, tiny_photographs, folder / "aside", seed=0)
    recipe = Recipe(TASK, told["learn"], TINY[TASK].model, Strategy.FEATURES, settings={"epochs": 3})
    run = RunFolder.create(recipe, folder / "run")
    assert worker.execute(run) == worker.DONE, run.state
    return folder / "aside", run.path


@pytest.fixture
def room(kept: tuple[Path, Path]) -> Room:
    import shutil

    found = rooms.open_room("Tuesday")[0]
    shutil.copytree(kept[0], asides.folder(found, TASK, "pictures"))
    return found


@pytest.fixture
def ann(room: Room) -> Member:
    return members.join(room.code, "ann", "Ann")


def theirs(kept: tuple[Path, Path], room: Room, owner: str, **changes: Any) -> RunFolder:
    """A copy of the run as that owner's, who has learnt from the room's part."""
    import shutil

    path = paths.runs() / runs.new_id()
    shutil.copytree(kept[1], path)
    run, aside = RunFolder(path), asides.of(room, TASK, "pictures")
    assert aside is not None
    recipe = replace(run.recipe, **{"data": str(aside.learn), **changes})
    run.write("recipe.json", recipe.to_json())
    run.write("job.json", Job(recipe, owner=owner).to_json())
    return RunFolder(path)


def test_a_model_is_asked_about_what_its_owner_never_had(kept: tuple[Path, Path], room: Room, ann: Member) -> None:
    run, jobs = theirs(kept, room, ann.owner), AtOnce()
    aside = asides.of(room, TASK, "pictures")
    assert aside is not None
    assert aside.ask is not None
    assert board.entries(room.code, TASK, "pictures") == []  # finished, and nobody sees it

    room_board.show(jobs, ann, run)  # type: ignore[arg-type]

    (entry,) = board.entries(room.code, TASK, "pictures")
    key = json.loads((asides.folder(room, TASK, "pictures") / "key.json").read_text())
    said = {row["file"]: row["label"] for row in api.predict(run.path, aside.ask)}
    right = [said[name] == label for name, label in zip(key["names"], key["labels"], strict=True)]
    assert len(right) == aside.n == 15
    by_class = [[r for r, own in zip(right, key["labels"], strict=True) if own == label] for label in {*key["labels"]}]
    assert entry.score is not None
    assert entry.score.value == pytest.approx(sum(sum(own) / len(own) for own in by_class) / len(by_class))
    assert 0 <= entry.score.low <= entry.score.value <= entry.score.high <= 1
    assert entry.score.n == 15
    assert entry.score.high - entry.score.low > 0.1  # fifteen pictures say little
    assert RunFolder.find(entry.asked).job.priority == queueing.FURTHER
    assert queueing.several_in_one_process(RunFolder.find(entry.asked).job)
    with zipfile.ZipFile(aside.learn) as learnt, zipfile.ZipFile(aside.ask) as asked:
        had = {hashlib.sha256(learnt.read(name)).hexdigest() for name in learnt.namelist()}
        never = {hashlib.sha256(asked.read(name)).hexdigest() for name in asked.namelist()}
    assert len(never) == 15
    assert not had & never

    first = entry.asked
    room_board.show(jobs, ann, theirs(kept, room, ann.owner))  # type: ignore[arg-type]
    (entry,) = board.entries(room.code, TASK, "pictures")
    assert entry.tries == 2
    assert not (paths.runs() / first).exists()
    room_board.take_back(jobs, ann, aside)  # type: ignore[arg-type]
    assert board.entries(room.code, TASK, "pictures") == []
    assert not (paths.runs() / entry.asked).exists()


def test_a_run_that_may_have_seen_what_is_kept_aside_is_not_shown(
    kept: tuple[Path, Path], room: Room, ann: Member, tmp_path: Path
) -> None:
    for changes, sentence in (
        ({"data": str(tmp_path / "all.zip")}, "it did not learn from a sample as the room has it"),
        ({"target": str(tmp_path / "all.zip")}, "it learnt from or was tested on further data"),
        ({"test": str(tmp_path / "all.zip")}, "it learnt from or was tested on further data"),
    ):
        with pytest.raises(InputError, match=sentence):
            room_board.show(AtOnce(), ann, theirs(kept, room, ann.owner, **changes))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="it was not made in the room"):
        room_board.show(AtOnce(), ann, theirs(kept, room, "somebody"))  # type: ignore[arg-type]
    assert board.entries(room.code, TASK, "pictures") == []


def test_a_question_that_is_not_taken_leaves_nothing_on_the_board(
    kept: tuple[Path, Path], room: Room, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AtOnce, "submit", lambda *_given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        room_board.show(AtOnce(), ann, theirs(kept, room, ann.owner))  # type: ignore[arg-type]
    assert board.entries(room.code, TASK, "pictures") == []


def test_where_nothing_is_kept_aside_the_runs_own_test_is_shown(
    kept: tuple[Path, Path], room: Room, ann: Member, tmp_path: Path
) -> None:
    asides.keep_whole(room, TASK, "whole", tmp_path / "whole.zip")
    run = theirs(kept, room, ann.owner, data=str(tmp_path / "whole.zip"))
    room_board.show(AtOnce(), ann, run)  # type: ignore[arg-type]
    (entry,) = board.entries(room.code, TASK, "whole")
    assert run.result is not None
    assert entry.score == Estimate(run.result.value, run.result.low, run.result.high, run.result.n_test)
    assert entry.asked == ""


def test_the_end_of_the_room_deletes_the_board_and_what_was_kept_aside(
    kept: tuple[Path, Path], room: Room, ann: Member
) -> None:
    run = theirs(kept, room, ann.owner)
    room_board.show(AtOnce(), ann, run)  # type: ignore[arg-type]
    aside = asides.of(room, TASK, "pictures")
    assert aside is not None
    assert aside.ask is not None
    unpacked = paths.work(aside.ask)
    assert any(unpacked.rglob("*.png"))
    assert room_end.end(AtOnce(), room.code) == 2  # type: ignore[arg-type]  # the run, and that which asked it
    assert not unpacked.exists()
    assert not (paths.home() / "rooms").exists() or not any((paths.home() / "rooms").iterdir())
    assert board.entries(room.code, TASK, "pictures") == []
    assert list(paths.runs().iterdir()) == []
