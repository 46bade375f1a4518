"""A target's description: what is accepted, what is refused and in which words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import InputError
from engines.control.simulation.robots import COMMON, ROBOTS, find
from engines.control.simulation.target import Target

PENDULUM = {
    "env": "Pendulum-v1",
    "physics": {"m": 1.4, "l": 1.3},
    "delay": 1,
    "action_gain": 0.9,
    "observation_noise": 0.02,
}


def refusal(given: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        Target.parse(given)
    return [str(problem) for problem in caught.value.problems]


def test_a_description_is_read_and_written_back() -> None:
    target = Target.parse(PENDULUM)
    assert (target.robot.name, target.physics) == ("pendulum", {"m": 1.4, "l": 1.3})
    assert (target.delay, target.action_gain, target.observation_noise) == (1, 0.9, 0.02)
    assert json.loads(target.to_json()) == PENDULUM
    assert (target.value("m"), target.value("g"), target.value("delay")) == (1.4, 10.0, 1.0)
    assert target.nominal() == Target(find("pendulum"))


def test_the_nominal_value_is_no_difference_and_takes_one_back() -> None:
    target = Target.parse({"env": "pendulum", "physics": {"m": 1.0, "l": 1.2}})
    assert target.physics == {"l": 1.2}
    assert target.changed(l=1.0, delay=2) == Target(find("pendulum"), delay=2)
    assert [(p.name, v) for p, v in target.changed(delay=2).differences()] == [("l", 1.2), ("delay", 2.0)]


def test_friction_may_stand_beside_the_physics() -> None:
    assert Target.parse({"env": "Hopper-v5", "friction": 0.5}).physics == {"friction": 0.5}
    assert "CartPole has no such parameter" in refusal({"env": "CartPole-v1", "friction": 0.5})[0]


@pytest.mark.parametrize("name", ["Pendulum-v1", "pendulum", " PENDULUM ", "Pendulum-v9"])
def test_a_robot_goes_by_its_name_or_gymnasium_id(name: str) -> None:
    assert find(name).name == "pendulum"
    assert find("LunarLanderContinuous-v3").name == "lunarlander"


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 1e9, "heavy", None, True, [1], 10**400])
def test_an_impossible_mass_is_refused_with_what_is_accepted(value: Any) -> None:
    (problem,) = refusal({"env": "pendulum", "physics": {"m": value}})
    assert problem.startswith("physics m: found ")
    assert problem.endswith("accepted: 0.2 to 5 kg.")


def test_every_wrong_value_is_named_at_once() -> None:
    problems = refusal({"env": "pendulum", "physics": {"m": 0, "mass": 2}, "delay": 1.5, "action_gain": -1, "speed": 3})
    assert problems == [
        "speed: there is no such key; known: env, physics, delay, action_gain, observation_noise, mjcf.",
        "physics m: found 0; accepted: 0.2 to 5 kg.",
        "physics mass: Pendulum has no such parameter; known: m, l, friction, g.",
        "action_gain: found -1; accepted: 0.1 to 3 ×.",
        "delay: found 1.5; accepted: a whole number from 0 to 5.",
    ]


def test_an_unknown_robot_or_parameter_hints_at_the_near_one() -> None:
    assert "did you mean pendulum?" in refusal({"env": "Pendulun-v1"})[0]
    assert "did you mean masscart?" in refusal({"env": "CartPole-v1", "physics": {"masscar": 2}})[0]


@pytest.mark.parametrize("given", [[], "pendulum", None, {}, {"env": 3}, {"env": "pendulum", "physics": [1]}])
def test_what_is_no_description_is_refused(given: Any) -> None:
    assert refusal(given)


def test_a_model_is_for_mujoco_robots_only() -> None:
    assert "no MuJoCo robot" in refusal({"env": "pendulum", "mjcf": "<mujoco/>"})[0]
    assert "mjcf" in refusal({"env": "hopper", "mjcf": 3})[0]
    assert Target.parse({"env": "hopper", "mjcf": "<mujoco/>"}).to_dict()["mjcf"] == "<mujoco/>"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no text"),
        (b'{"env": "pendulum", "env": "hopper"}', "it is given twice"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"env": "pendulum", "physics": {"m": NaN}}', "found nan"),
        (b" " * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_broken_file_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "target.json").write_bytes(content)
    with pytest.raises(InputError, match=words):
        Target.read(tmp_path / "target.json")
    with pytest.raises(InputError, match="no such file"):
        Target.read(tmp_path / "none.json")


# --- whatever somebody writes ---------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["m", "l", "g", "friction", "masscart", "gravity", "torso_mass"]) | st.text(max_size=6)
descriptions = st.fixed_dictionaries(
    {"env": st.sampled_from([robot.env_id for robot in ROBOTS.values()]) | anything},
    optional={
        "physics": st.dictionaries(names, anything, max_size=4) | anything,
        "delay": anything,
        "action_gain": anything,
        "observation_noise": anything,
        "friction": anything,
        "mjcf": anything,
    },
)


@given(descriptions | anything)
def test_any_json_is_a_target_or_a_refusal(given: Any) -> None:
    try:
        target = Target.parse(given)
    except InputError:
        return
    assert Target.parse(json.loads(target.to_json())) == target
    for parameter, value in target.differences():
        assert parameter.low <= value <= parameter.high


@given(st.sampled_from(list(ROBOTS.values())), st.data())
def test_every_value_within_the_bounds_is_accepted(robot: Any, data: st.DataObject) -> None:
    physics = {p.name: data.draw(st.floats(p.low, p.high)) for p in robot.physics}
    common = {p.name: data.draw(st.floats(p.low, p.high)) for p in COMMON[1:]}
    target = Target.parse({"env": robot.env_id, "physics": physics, **common, "delay": data.draw(st.integers(0, 5))})
    assert all(target.value(name) == value for name, value in {**physics, **common}.items())


def test_robots_say_all_that_a_person_needs() -> None:
    for robot in ROBOTS.values():
        assert len(robot.spreads) == robot.width == len({name for name, _ in robot.observations})
        assert all(spread > 0 for spread in robot.spreads)
        for parameter in robot.physics:
            assert parameter.low <= parameter.nominal <= parameter.high
            assert parameter.help.endswith(".")
            assert parameter.title[0].isupper()
