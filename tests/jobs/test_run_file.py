"""A run leaves as one file and is opened somewhere else; a file that somebody made is read as a stranger's."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from engines import paths, runs
from engines.contract import InputError, State
from engines.jobs import cleanup, run_file
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.test_cli import call
from ui.page import recorded

RECORDED = {entry["task"]: entry["id"] for entry in reversed(recorded._index())}


@pytest.fixture
def own() -> RunFolder:
    return finished_run.write(paths.runs() / runs.new_id())


@pytest.fixture
def packed(own: RunFolder, tmp_path: Path) -> Path:
    return run_file.pack(own, tmp_path / "run.zip")


def changed(packed: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The file with its members changed in place, as somebody could have made it."""
    with zipfile.ZipFile(packed) as source:
        members = {name: source.read(name) for name in source.namelist()}
    change(members)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return packed


def left() -> list[str]:
    return sorted(path.name for path in paths.runs().iterdir())


def told(run: RunFolder) -> list[tuple[float, object]]:
    return [(event.time, event.data) for event in run.events() if event.kind == "epoch"]


@pytest.mark.parametrize("task", RECORDED)
def test_a_run_of_each_task_opens_as_it_was_under_an_id_of_its_own(task: str, tmp_path: Path) -> None:
    own = RunFolder(paths.runs() / runs.new_id())
    shutil.copytree(paths.showcase() / RECORDED[task], own.path)
    own.set_state(State.DONE)
    found = run_file.open_file(run_file.pack(own, tmp_path / "run.zip"), owner="me")
    opened = RunFolder.find(found.run)
    assert found.run != own.id
    assert found.skipped == []
    assert (opened.state[0], opened.job.owner) == (State.DONE, "me")
    assert own.result is not None
    assert opened.result == replace(own.result, run=found.run)
    assert told(opened) == told(own)
    assert (opened.recipe.model, opened.recipe.data, opened.recipe.test) == (own.recipe.model, "", None)
    pd.testing.assert_frame_equal(
        pd.read_parquet(opened.path / "predictions.parquet"), pd.read_parquet(own.path / "predictions.parquet")
    )


def test_nothing_that_was_learnt_from_and_no_key_is_in_it(own: RunFolder, packed: Path) -> None:
    (own.path / "worker.log").write_text("x")
    (own.path / "cached.txt").write_text("abc")
    (own.path / "model").mkdir(exist_ok=True)
    (own.path / "model" / "texts.csv").write_text("what somebody wrote")
    packed = run_file.pack(own, packed)
    with zipfile.ZipFile(packed) as source:
        names, content = set(source.namelist()), b"".join(map(source.read, source.namelist()))
    assert {"recipe.json", "job.json", "result.json", "events.jsonl", "predictions.parquet"} <= names
    assert not names & {"worker.log", "cached.txt", "model/texts.csv", "report.html", "corrections.json"}
    assert own.recipe.data.encode() not in content
    assert own.id.encode() not in content


def test_one_that_is_only_shown_or_not_done_is_not_taken(own: RunFolder, tmp_path: Path) -> None:
    shown = RunFolder(own.path, shown_as="x" * 22)
    with pytest.raises(InputError, match="only shows the run"):
        run_file.pack(shown, tmp_path / "a.zip")
    (own.path / "result.json").unlink()
    with pytest.raises(InputError, match="it is not done"):
        run_file.pack(own, tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.zip*"))


def picture(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    return out.getvalue()


BROUGHT = {
    "model/code.py": b"print(1)",
    "model/pickled.pkl": pickle.dumps({}),
    "model/pytorch_model.bin": pickle.dumps({}),
    "worker.json": b'{"pid": 1}',
    "cached.txt": b"abc",
    "cancel": b"",
    "checkpoint/state.safetensors": b"",
    "report.html": b"<script>alert(1)</script>",
    "mlflow.json": b"{}",
    "thumbnails/page.html": b"<script>alert(1)</script>",
    "thumbnails/large.png": picture(5_000),
    "thumbnails/none.png": b"GIF89a",
    "../../outside.json": b"{}",
}


def test_what_no_run_needs_is_left_out_and_named(packed: Path) -> None:
    found = run_file.open_file(changed(packed, lambda members: members.update(BROUGHT)))
    there = {path.relative_to(paths.runs() / found.run).as_posix() for path in (paths.runs() / found.run).rglob("*")}
    assert not there & set(BROUGHT)
    assert len(found.skipped) == len(BROUGHT)
    assert not list(paths.home().rglob("outside.json"))


def test_where_its_data_lay_and_whose_it_was_counts_for_nothing(packed: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        recipe = json.loads(members["recipe.json"]) | {"data": "/etc/passwd", "test": str(paths.uploads() / "x")}
        members["recipe.json"] = json.dumps(recipe).encode()
        members["job.json"] = json.dumps(json.loads(members["job.json"]) | {"owner": "somebody else"}).encode()

    opened = RunFolder.find(run_file.open_file(changed(packed, change)).run)
    assert (opened.recipe.data, opened.recipe.test, opened.job.owner) == ("", "", "")
    with pytest.raises(InputError, match="its data are not here"):
        answer({"verb": "explain", "run": opened.id, "data": "", "out": "/nowhere"}, LoadedModels(), lambda *_: None)


@pytest.mark.parametrize("name", ["/etc/hostname", "../../visitors.sqlite3", "thumbnails/../../x", ""])
def test_a_table_that_names_a_file_elsewhere_shows_none(own: RunFolder, name: str) -> None:
    (paths.home() / "visitors.sqlite3").write_text("x")
    assert own.file(name) is None
    assert own.file("result.json") == own.path / "result.json"


BROKEN: dict[str, Callable[[dict[str, bytes]], object]] = {
    "there is no run in it": lambda members: members.pop("recipe.json"),
    "the run in it was not done": lambda members: members.pop("result.json"),
    "cut short or damaged": lambda members: members.update({"recipe.json": b"{"}),
    "a newer Headstart has written it": lambda members: members.update({"recipe.json": b'{"wings": 2, "schema": 99}'}),
    "a file in it is damaged": lambda members: members.update({"events.jsonl": b"[1]\n"}),
    "a file in it is damaged,": lambda members: members.update({"recipe.json": b"{}"}),
    "a file in it is damaged, or": lambda members: members.update({"model/config.json": b'{"a": ["hf-hub:evil/net"]}'}),
    "a file in it is damaged, or was": lambda members: members.update({"predictions.parquet": b"PAR1 no"}),
    "a file in it is damaged, or was not": lambda members: members.update({"sweep.json": b"[" * 100_000}),
    "this Headstart has no task sound.smell": lambda members: members.update(
        {"recipe.json": members["recipe.json"].replace(b"vision.classification", b"sound.smell")}
    ),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_a_broken_file_is_a_sentence_and_leaves_nothing(own: RunFolder, packed: Path, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        run_file.open_file(changed(packed, BROKEN[sentence]))
    assert left() == [own.id]


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_anywhere_is_a_sentence(own: RunFolder, packed: Path, part: float) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match="accepted"):
        run_file.open_file(packed)
    assert left() == [own.id]


def test_a_bomb_is_refused(own: RunFolder, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_file, "MOST_BYTES", 1 << 20)
    bomb = changed(packed, lambda members: members.update({"model/weights.safetensors": bytes(2 << 20)}))
    with pytest.raises(InputError, match="unpacks to more than"):
        run_file.open_file(bomb)
    assert left() == [own.id]


def test_on_the_command_line(own: RunFolder, tmp_path: Path) -> None:
    assert call("pack", own.path, tmp_path / "taken.zip").status == 0
    done = call("open", tmp_path / "taken.zip", "--json")
    assert (done.status, done.json["skipped"]) == (0, [])
    assert RunFolder(Path(done.json["run"])).done
    done = call("open", tmp_path / "none.zip")
    assert done.status == 2
    assert "none.zip: it cannot be opened (No such file or directory)" in done.err
    assert call("pack", tmp_path, tmp_path / "x.zip").status == 2


def test_a_host_for_strangers_opens_none(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    with pytest.raises(InputError, match="this host opens no runs from files"):
        answer({"verb": "open_run", "file": str(packed), "owner": ""}, LoadedModels(), lambda *_: None)


def test_what_a_killed_process_left_of_it_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    (paths.runs() / "opened-x.partial").mkdir()
    monkeypatch.setattr(cleanup, "LEFT_OVER_SECONDS", -1.0)
    cleanup.sweep()
    assert left() == []
