"""What a person brings to control: uploaded models, descriptions and logs, and the samples."""

from __future__ import annotations

import dataclasses
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import lifecycle, registry
from engines.contract import InputError, Recipe, Strategy
from engines.control import samples
from engines.control.logs import templates
from engines.control.logs.how import AS_FOUND
from engines.control.logs.log_files import read_raw
from engines.control.logs.logs import Logs, record, write_csv
from engines.control.policy.check import difference
from engines.control.policy.prepare import opened
from engines.control.policy.settings import ControlSettings
from engines.control.simulation import mjcf
from engines.control.simulation.environment import make
from engines.control.simulation.robots import DELAY, ROBOTS, find
from engines.control.simulation.target import Target
from engines.runs import RunFolder

HOPPER = mjcf.own_model(find("hopper"))


TASK = registry.task("control.policy")


def check(data: Path, **given: Any) -> Any:
    chosen = given.pop("settings", ControlSettings(real_steps=500, episodes=4, repeats=2))
    return TASK.check(data, settings=chosen, **given)


def refusal(data: Path, **given: Any) -> str:
    with pytest.raises(InputError) as caught:
        check(data, **given)
    return str(caught.value)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# --- MuJoCo models --------------------------------------------------------------------------------


def test_a_model_of_ones_own_is_told_by_its_joints_and_moves_otherwise(tmp_path: Path) -> None:
    text = HOPPER.replace('damping="1"', 'damping="0.5"')
    target = mjcf.read(written(tmp_path / "my.xml", text))
    assert target.robot.name == "hopper"
    ours, plain = make(target, seed=0), make(Target(find("hopper")), seed=0)
    np.testing.assert_array_equal(ours.reset(seed=1)[0], plain.reset(seed=1)[0])
    action = np.ones(3, np.float32)
    assert not np.array_equal(ours.step(action)[0], plain.step(action)[0])
    assert ours.action_space == plain.action_space
    heavier: Any = make(target.changed(torso_mass=2.0), seed=0)
    heavier.reset()
    assert heavier.unwrapped.model.body_mass[1] == pytest.approx(2 * plain.unwrapped.model.body_mass[1])  # type: ignore[attr-defined]


def test_a_models_own_command_limits_do_not_change_the_policys(tmp_path: Path) -> None:
    text = HOPPER.replace('ctrlrange="-1.0 1.0"', 'ctrlrange="-0.4 0.4"')
    env = make(mjcf.read(written(tmp_path / "my.xml", text)), seed=0)
    assert env.action_space.high.tolist() == [1, 1, 1]  # type: ignore[attr-defined]
    env.reset()
    env.step(np.ones(3, np.float32))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "it is no XML"),
        ("<robot/>", "its outermost element is <robot>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><mujoco/>', "it declares a document type"),
        ('<mujoco><include file="/etc/passwd"/></mujoco>', "it has an element <include>"),
        ('<mujoco><asset><mesh file="a.obj"/></asset></mujoco>', "<mesh> refers to a file (file='a.obj')"),
        ('<mujoco><compiler meshdir="/"/></mujoco>', "<compiler> refers to a file (meshdir='/')"),
        ('<mujoco><asset><texture fileright="a.png"/></asset></mujoco>', "<texture> refers to a file"),
        ('<mujoco><extension><plugin plugin="x"/></extension></mujoco>', "it has an element <extension>"),
        ('<mujoco><worldbody><replicate count="1000000000"/></worldbody></mujoco>', "it has an element <replicate>"),
    ],
)
def test_a_model_is_looked_through_before_mujoco_sees_it(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        mjcf.inspect(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<mujoco><worldbody><geom size="-1"/></worldbody></mujoco>', "it does not compile"),
        ("<mujoco/>", "it has 0 joints and 0 motors; accepted: InvertedPendulum 2 and 1, Hopper 6 and 3"),
        (HOPPER.replace('timestep="0.002"', 'timestep="0.5"'), "its simulation diverges within 20 steps"),
        (HOPPER.replace('axis="0 -1 0" name="leg', 'axis="0 1 0" name="leg'), "its joints turn about other axes"),
        (HOPPER.replace('gear="200.0" joint="leg', 'gear="200.0" joint="foot'), "its motors drive other joints"),
        (HOPPER.replace("<option", '<size memory="900G"/><option'), "it does not compile"),
    ],
)
def test_a_model_that_is_no_robot_of_ours_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        mjcf.compiled(text, None)
    assert words in str(caught.value)


def test_a_model_must_have_the_joints_of_the_robot_that_was_named(tmp_path: Path) -> None:
    path = written(tmp_path / "my.xml", HOPPER)
    chosen = ControlSettings(robot="reacher")
    assert "it has 6 joints and 3 motors; accepted for Reacher: 4 and 2" in refusal(path, settings=chosen)
    described = {"env": "Reacher-v5", "mjcf": HOPPER}
    assert "accepted for Reacher: 4 and 2" in refusal(written(tmp_path / "t.json", json.dumps(described)))
    written(tmp_path / "large.xml", " " * 1_000_001)
    assert "larger than 1 MB" in refusal(tmp_path / "large.xml")


def test_a_compiler_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjcf, "PATIENCE", 0.01)
    begun = time.monotonic()
    with pytest.raises(InputError, match="could not be compiled within"):
        mjcf.compiled(HOPPER, None)
    assert time.monotonic() - begun < 10


# --- reports --------------------------------------------------------------------------------------


def test_a_target_is_described_in_words(tmp_path: Path) -> None:
    target = Target(find("pendulum"), {"m": 1.4}, delay=1, action_gain=0.9)
    found = check(written(tmp_path / "t.json", target.to_json()))
    assert found.splits == {"train": 500, "validation": 0, "test": 8}
    assert found.n_examples == 508
    assert found.details["robot"] == "pendulum"
    assert found.details["kind"] == "target"
    assert found.details["models"][0] == "pendulum"
    assert Target.parse(found.details["target"]) == target
    assert found.notes == [
        "It differs from the simulator: mass 1.4 kg instead of 1; delay 1 step instead of 0; "
        "motor strength 0.9 times instead of 1."
    ]
    same = check(written(tmp_path / "u.json", json.dumps(json.loads(target.to_json()))))
    assert same.sha256 == found.sha256
    nominal = check(written(tmp_path / "n.json", Target(find("pendulum")).to_json()))
    assert nominal.notes == ["It is exactly the simulator: there is no gap to cross."]
    assert difference(DELAY, 2) == "delay 2 steps instead of 0"


def test_a_log_is_described_and_says_what_it_cannot_do(tmp_path: Path) -> None:
    path = write_csv(record(None, Target(find("pendulum")), 260, seed=0), tmp_path / "log.csv")
    found = check(path)
    assert found.splits == {"train": 260, "validation": 0, "test": 8}
    assert (found.details["kind"], found.details["transitions"], found.details["episodes"]) == ("logs", 260, 2)
    assert len(found.details["first_episode"]["observations"]["angular velocity"]) == 200
    assert len(found.details["first_episode"]["actions"]["torque"]) == 200
    assert json.loads(json.dumps(found.details)) == found.details
    assert "judged in the simulator that is fitted to them" in found.notes[0]
    judged = written(tmp_path / "t.json", Target(find("pendulum"), {"m": 1.4}).to_json())
    with_test = check(path, test=judged)
    assert with_test.notes == []
    assert with_test.details["judged_on"]["physics"] == {"m": 1.4}


def test_logs_of_a_box2d_robot_are_refused_as_fit_refuses_them(tmp_path: Path) -> None:
    path = write_csv(record(None, Target(find("lunarlander")), 80, seed=0), tmp_path / "log.csv")
    assert "its physics cannot be read from logs; accepted: logs of Pendulum" in refusal(path)


def test_a_run_is_judged_on_a_target_of_the_same_robot(tmp_path: Path) -> None:
    pendulum = written(tmp_path / "p.json", Target(find("pendulum")).to_json())
    cartpole = written(tmp_path / "c.json", Target(find("cartpole")).to_json())
    log = write_csv(record(None, Target(find("pendulum")), 60, seed=0), tmp_path / "log.csv")
    assert check(log, test=pendulum).details["judged_on"]["env"] == "Pendulum-v1"
    assert "c.json: it is of CartPole; accepted here: Pendulum" in refusal(log, test=cartpole)
    assert "it holds logs, on which nothing can be played" in refusal(log, test=log)
    assert "a second robot to judge on" in refusal(pendulum, test=pendulum)


def test_folders_and_zips_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))
    (tmp_path / "folder").mkdir()
    target = Target(find("hopper"), {"friction": 0.5})
    written(tmp_path / "folder" / "robot.json", target.to_json())
    assert opened(tmp_path / "folder") == target
    with zipfile.ZipFile(tmp_path / "robot.zip", "w") as archive:
        archive.writestr("robot.json", target.to_json())
    assert opened(tmp_path / "robot.zip") == target


def test_a_list_of_rows_in_json_is_a_log(tmp_path: Path) -> None:
    logs = record(None, Target(find("pendulum")), 60, seed=0)
    rows = [
        {
            **{f"obs_{i}": x for i, x in enumerate(seen)},
            "action": a[0],
            **{f"next_obs_{i}": x for i, x in enumerate(then)},
        }
        for seen, a, then in zip(logs.observations, logs.actions, logs.next_observations, strict=True)
    ]
    found = opened(written(tmp_path / "log.json", json.dumps(rows)))
    assert isinstance(found, Logs)
    assert len(found) == 60


def test_what_is_nothing_of_the_kind_is_refused(tmp_path: Path) -> None:
    assert "there is no such file; accepted: a target's JSON" in refusal(tmp_path / "none.json")
    path = written(tmp_path / "p.json", Target(find("pendulum")).to_json())
    assert "p.json is of Pendulum; found cartpole" in refusal(path, settings=ControlSettings(robot="cartpole"))
    assert refusal(written(tmp_path / "a.csv", "")).startswith("a.csv: ")


# --- check and fit --------------------------------------------------------------------------------

CASES = Path(__file__).parents[2] / "cases"


def bad(name: str, folder: Path) -> Path:
    """Data that cannot be used."""
    pendulum = record(None, Target(find("pendulum")), 60, seed=0)
    if name.startswith("control-"):
        return CASES / name
    if name == "short.csv":
        return write_csv(pendulum.rows(slice(20)), folder / name)
    if name == "alone.csv":  # hopper's speeds are cut off: no row holds the whole state
        logs = record(None, Target(find("hopper")), 60, seed=0)
        return write_csv(dataclasses.replace(logs, observations=logs.observations + 50), folder / name)
    if name == "lander.csv":
        return write_csv(record(None, Target(find("lunarlander")), 80, seed=0), folder / name)
    if name == "key.json":
        return written(folder / name, json.dumps({"env": "Pendulum-v1", "physic": {}, "acton_gain": 1, "g": 9}))
    if name == "env.json":
        return written(folder / name, json.dumps({"environment": "Pendulum-v1"}))
    if name == "model.xml":
        return written(folder / name, "<robot/>")
    return written(folder / name, "x,y\n1,2\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("control-normalised-observations.csv", "as if it had been normalised"),
        ("control-sine-before-cosine.csv", "setting sensors: as it stands"),
        ("short.csv", "20 transitions of 20 rows can be used"),
        ("alone.csv", "only 0 stretches of it hold the robot's whole state"),
        ("lander.csv", "its physics cannot be read from logs"),
        ("key.json", "acton_gain: there is no such key; did you mean action_gain?"),
        ("key.json", "physic: there is no such key; did you mean physics?"),
        ("key.json", "g: it stands beside physics; accepted: within physics, as {g: …}"),
        ("env.json", "env: it is missing, and there is environment"),
        ("model.xml", "its outermost element is <robot>"),
        ("other.csv", "there are no observations and no actions in it"),
        ("nothing.json", ""),
    ],
)
def test_check_refuses_what_fit_refuses_in_the_same_words(name: str, words: str, tmp_path: Path) -> None:
    data = tmp_path / name if name == "nothing.json" else bad(name, tmp_path)
    said = refusal(data)
    recipe = Recipe("control.policy", str(data), "pendulum", Strategy.ZERO_SHOT)
    with pytest.raises(InputError) as caught:
        lifecycle.fit(TASK, recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert words in said
    assert str(caught.value) == said


def test_a_logs_steps_are_counted_alone_and_its_guesses_are_told(tmp_path: Path) -> None:
    found = check(write_csv(record(None, Target(find("pendulum")), 260, seed=0), tmp_path / "log.csv"))
    assert (found.n_examples, found.unit) == (260, "logged steps")
    guesses = {guess.what: guess.value for guess in found.read_as}
    assert guesses["robot"] == "pendulum"
    assert guesses["command"] == "action_0"
    assert guesses["end of an episode"] == "terminated"
    assert {guess.setting for guess in found.read_as} <= set(ControlSettings.reading())


# --- templates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("robot", ROBOTS.values(), ids=lambda robot: robot.name)
def test_a_template_is_read_as_what_it_is_for(robot: Any, tmp_path: Path) -> None:
    files = templates.of(robot)
    for name, content in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        if path.stem.endswith("-log"):
            raw = read_raw(path, AS_FOUND)
            assert (raw.observations.shape, raw.actions.shape) == ((2, robot.width), (2, robot.action_width))
            assert raw.next_observations is not None
            assert raw.next_observations.tolist() == raw.observations.tolist() == [[0.0] * robot.width] * 2
            assert raw.rewards is not None
            assert raw.rewards.tolist() == [0.0, 0.0]
            assert raw.terminated is not None
            assert raw.terminated.tolist() == [False, False]
            assert raw.unused == raw.skipped == []
        else:
            assert opened(path).robot == robot
    assert opened(tmp_path / f"{robot.name}-robot.json") == Target(robot)
    assert (f"{robot.name}-robot.xml" in files) == robot.mujoco


# --- samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [entry.sample for entry in samples.ENTRIES], ids=lambda sample: sample.name)
def test_every_sample_is_simulated_says_so_and_is_accepted(sample: Any, tmp_path: Path) -> None:
    assert sample.real is False
    assert sample.origin.startswith("Simulated")
    found = opened(samples.make_sample(sample.name, tmp_path))
    if isinstance(found, Target):
        assert found.differences() or found.mjcf is not None
    else:
        assert len(found) == samples.LOGGED
        assert found.skipped == []
    again = samples.make_sample(sample.name, tmp_path / "again")
    assert again.read_bytes() == (tmp_path / again.name).read_bytes()


def test_every_robot_has_a_sample(tmp_path: Path) -> None:
    assert {entry.robot for entry in samples.ENTRIES} == set(ROBOTS)
    for entry in samples.ENTRIES[:6]:
        assert opened(samples.make_sample(entry.sample.name, tmp_path)).robot.name == entry.robot
    with pytest.raises(InputError, match="there is none of that name; known: pendulum-late"):
        samples.make_sample("cat", tmp_path)


def test_only_robots_with_a_policy_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples.samples()[0].name == "pendulum-late"
    monkeypatch.setattr(samples, "suggested", lambda robot: ["a policy"] if robot == "cartpole" else [])
    assert [sample.name for sample in samples.samples()] == ["cartpole-long"]
