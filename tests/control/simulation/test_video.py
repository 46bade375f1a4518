"""A policy is tried under other physics, and filmed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines.control.agents import model_files
from engines.control.simulation import environment, sensitivity, video
from engines.control.simulation.robots import ROBOTS, find
from engines.control.simulation.target import Target
from tests import tiny_policies

pytestmark = pytest.mark.usefixtures("one_thread")
PENDULUM = Target(find("pendulum"))
HEAVY = PENDULUM.changed(m=1.4, l=1.3, delay=1)

# --- other physics --------------------------------------------------------------------------------


def test_the_axes_are_what_differs_and_hold_simulator_and_robot() -> None:
    for robot in ROBOTS.values():
        parameter = robot.physics[-1]
        target = Target(robot).changed(**{parameter.name: (parameter.nominal + parameter.high) / 2})
        across, up = sensitivity.axes(target)
        assert (across.name, up.name) == (parameter.name, robot.physics[0].name)
        for axis in (across, up):
            grid = sensitivity.values(axis, target, 5)
            assert len(set(grid)) == 5
            assert grid == sorted(grid)
            assert axis.low <= grid[0]
            assert grid[-1] <= axis.high
            for value in (axis.nominal, target.value(axis.name)):
                assert grid[0] <= value * 1.01 + 1e-9
                assert value <= grid[-1] * 1.01 + 1e-9


def test_each_cell_is_the_mean_return_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "CELLS", {True: 2, False: 2})
    monkeypatch.setattr(sensitivity, "MOST_STEPS", 0)
    policy, before = (model_files.of(tiny_policies.untrained(PENDULUM, seed=seed)) for seed in (0, 1))
    steps: list[tuple[int, int]] = []
    found = sensitivity.table(policy, HEAVY, seed=4, before=before, progress=lambda *step: steps.append(step))
    assert (found["x"], found["y"], found["episodes"]) == ("m", "l", 2)
    assert (found["target"], found["source"]) == ([1.4, 1.3], [1.0, 1.0])
    for row, length in enumerate(found["ys"]):
        for column, mass in enumerate(found["xs"]):
            there = HEAVY.changed(m=mass, l=length)
            assert found["z"][row][column] == environment.play(policy, there, 2, 4).mean
            assert found["z_before"][row][column] == environment.play(before, there, 2, 4).mean
    assert steps[-1] == (4, 4)
    json.dumps(found)


# --- films ----------------------------------------------------------------------------------------


def test_films_of_both_worlds(tmp_path: Path) -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    found = video.record(tmp_path, {"nominal": (policy, PENDULUM), "target": (policy, HEAVY)}, seed=1, seconds=2)
    assert found == {"videos": {"nominal": "nominal.gif", "target": "target.gif"}, "video_note": None}
    pictures = [Image.open(tmp_path / name) for name in found["videos"].values()]
    for picture in pictures:
        assert picture.size == (240, 240)
        assert picture.n_frames == 20  # every second of 20 steps a second
        assert picture.info["duration"] == 100
        assert Path(picture.filename).stat().st_size < 400_000
    assert apart(pictures) < 0.02, "both start from the same state"
    for picture in pictures:
        picture.seek(picture.n_frames - 1)
    assert apart(pictures) > 0.02, "and then go their own ways"


def apart(pictures: list[Image.Image]) -> float:
    """The share of pixels that differ by more than the rounding of colours."""
    one, other = (np.asarray(picture.convert("L"), dtype=int) for picture in pictures)
    return float((np.abs(one - other) > 30).mean())


def test_a_film_of_a_mujoco_robot(tmp_path: Path) -> None:
    reacher = Target(find("reacher"))
    policy = model_files.of(tiny_policies.untrained(reacher))
    found = video.record(tmp_path, {"one": (policy, reacher)}, seed=0, seconds=1)
    if found["video_note"]:
        pytest.skip(found["video_note"])
    picture = Image.open(tmp_path / found["videos"]["one"])
    assert (picture.size, picture.n_frames) == ((240, 240), 13)  # every fourth of 50 steps a second
    assert len(np.unique(np.asarray(picture.convert("L")))) > 10, "something is drawn"


def test_a_run_that_is_cancelled_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    started = []
    start = video._start
    monkeypatch.setattr(video, "_start", lambda job: started.append(start(job)) or started[0])
    with pytest.raises(KeyboardInterrupt), video.filming(tmp_path, {"one": (policy, PENDULUM)}, seed=0):
        raise KeyboardInterrupt
    assert started[0].returncode == -9


def test_films_start_where_it_is_neither_easy_nor_hard() -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    films = {"nominal": (policy, PENDULUM), "target": (policy, HEAVY)}
    together = np.sum([environment.play(policy, target, 5, 3).returns for _, target in films.values()], axis=0)
    middle = [environment.episode_seed(3, number) for number in range(5) if together[number] == np.median(together)]
    assert video.usual_start(films, 3) in middle


def test_a_film_that_would_be_large_is_made_smaller(tmp_path: Path) -> None:
    from engines.control.simulation import video_worker

    noise = np.random.default_rng(0)
    frames = [Image.fromarray(noise.integers(0, 256, (120, 120, 3), dtype=np.uint8)) for _ in range(60)]
    video_worker.write(tmp_path / "noise.gif", frames, 12.0)
    assert (tmp_path / "noise.gif").stat().st_size <= 400_000
    assert [path.name for path in tmp_path.iterdir()] == ["noise.gif"]


def test_where_nothing_can_be_drawn_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hopper = Target(find("hopper"))
    policy = model_files.of(tiny_policies.untrained(hopper))
    (tmp_path / "one.gif").write_bytes(b"of an earlier run")
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", str(tmp_path / "none.json"))  # a machine without a driver
    found = video.record(tmp_path, {"one": (policy, hopper)}, seed=0, seconds=0.1)
    assert found["videos"] == {}
    assert found["video_note"] == (
        "There is no film of Hopper on this machine: the drawing process failed; MuJoCo draws with EGL, which needs a "
        "graphics driver (Debian: libegl1 and libegl-mesa0)."
    )
    assert not (tmp_path / "one.gif").exists()


def test_drawing_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    found = video.record(tmp_path, {"one": (policy, PENDULUM)}, seed=0, patience=0.05)
    assert found["video_note"] == "There is no film of Pendulum on this machine: drawing took longer than 0.05 s."
