"""System identification: the simulator repeats a log, and what made the log is found again."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from engines.contract import InputError
from engines.control.identification.identify import identify
from engines.control.identification.least_squares import Fit, nominal, place, too_wide, value_at
from engines.control.logs.logs import Logs, record
from engines.control.logs.windows import LONGEST_DELAY, split, windows
from engines.control.simulation.robots import ACTION_GAIN, ROBOTS, Parameter, find
from engines.control.simulation.rollouts import stepper
from engines.control.simulation.target import Target

SETTABLE = [robot for robot in ROBOTS.values() if robot.settable]
HEAVY = Target(find("pendulum"), {"m": 1.4, "l": 1.3})
LATE = dataclasses.replace(HEAVY, delay=1, action_gain=0.9, observation_noise=0.02)


def swing(seen: np.ndarray) -> np.ndarray:
    """A policy whose commands follow what is seen, noise and all."""
    return np.clip(2 * seen[:, 2:3] - 6 * seen[:, 1:2] * (seen[:, :1] > 0.7), -2, 2).astype(np.float32)


# --- simulators started from what was seen --------------------------------------------------------


@pytest.mark.parametrize("robot", SETTABLE, ids=lambda robot: robot.name)
def test_a_step_from_an_observation_is_the_robots_own_step(robot: Any) -> None:
    """Every physical value changed: the simulator set to a logged observation arrives where the robot arrived."""
    physics = {p.name: p.nominal * 1.3 or p.high / 4 for p in robot.physics}
    logs = record(None, Target(robot).changed(**physics, action_gain=0.9), 150, seed=0)
    simulator = stepper(robot)
    predicted = simulator.roll(logs.observations, logs.actions[:, None], physics, 0.9)[:, 0]
    seen = logs.next_observations[:, simulator.compared]
    usable = simulator.usable(logs.observations)
    assert usable.mean() > 0.9
    np.testing.assert_allclose(predicted[usable], seen[usable], atol=2e-6)


@pytest.mark.parametrize("name", ["pendulum", "hopper"])
def test_several_steps_are_one_after_the_other(name: str) -> None:
    robot = find(name)
    logs = record(None, Target(robot), 60, seed=0)
    simulator = stepper(robot)
    stretch = windows(logs, simulator, 5, known=0, most=100)
    predicted = simulator.roll(stretch.seen, stretch.commands(0), {}, 1.0)
    np.testing.assert_allclose(predicted, stretch.after, atol=1e-5)


def test_box2d_cannot_be_set_to_an_observation() -> None:
    for name in ("lunarlander", "bipedalwalker"):
        with pytest.raises(InputError, match="does not hold its whole state"):
            identify(record(None, Target(find(name)), 80, seed=0))


# --- stretches ------------------------------------------------------------------------------------


def numbered(lengths: list[int]) -> Logs:
    """A pendulum's log whose numbers say which row they are of."""
    n = sum(lengths)
    row = np.arange(n, dtype=float)
    seen = np.stack([row, row, row], axis=1)
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    return Logs(find("pendulum"), seen, row[:, None], row, seen + 1, np.zeros(n, bool), episodes)


def test_stretches_stay_within_an_episode_and_know_the_commands_before() -> None:
    simulator = stepper(find("pendulum"))
    found = windows(numbered([10, 3, 8]), simulator, 2, known=LONGEST_DELAY, most=100)
    assert found.starts.tolist() == [5, 6, 7, 8, 18, 19]
    assert found.seen[:, 0].tolist() == [5, 6, 7, 8, 18, 19]
    assert found.commands(0)[0, :, 0].tolist() == [5, 6]
    assert found.commands(2)[0, :, 0].tolist() == [3, 4]
    assert found.after[-1, :, 0].tolist() == [20, 21]
    assert len(windows(numbered([10, 3, 8]), simulator, 2, known=0, most=100)) == 9 + 2 + 7
    few = windows(numbered([100]), simulator, 1, known=0, most=3)
    assert few.starts.tolist() == [0, 50, 99]


def test_the_end_of_a_log_is_held_out() -> None:
    fitted, held = split(numbered([10]), 0.2)
    assert (len(fitted), len(held), held.observations[0, 0]) == (8, 2, 8)


# --- fitting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", [*find("pendulum").physics, ACTION_GAIN], ids=lambda p: p.name)
def test_places_and_values_are_the_same_thing(parameter: Parameter) -> None:
    for value in (parameter.low, parameter.nominal, parameter.high):
        assert value_at(parameter, place(parameter, value)) == pytest.approx(value)
    assert (place(parameter, parameter.low), place(parameter, parameter.high)) == (0.0, 1.0)
    assert value_at(parameter, 2.0) == parameter.high


def test_errors_are_zero_at_the_truth_only() -> None:
    logs = record(None, HEAVY, 200, seed=0)
    parameters = (*logs.robot.physics, ACTION_GAIN)
    simulator = stepper(logs.robot)
    fit = Fit(simulator, parameters, windows(logs, simulator, 1, known=0, most=200))
    truth = np.array([place(p, HEAVY.value(p.name)) for p in parameters])
    assert fit.mean_square(truth, 0) < 1e-13
    assert fit.mean_square(nominal(parameters), 0) > 1e-4


def test_a_wide_interval_is_reported_as_such() -> None:
    parameters = find("pendulum").physics
    assert too_wide(parameters, {0: (0.5, 0.51), 1: (0.2, 0.9)}) == {
        1: "could be anything from 0.475 to 2.38 by this log"
    }
    assert too_wide(parameters, {0: (0.5, 0.51)}) == {}


# --- what is found --------------------------------------------------------------------------------


def test_an_exact_log_gives_a_pendulums_mass_and_length_exactly() -> None:
    """Issue: 1,000 transitions, within 5 %."""
    found = identify(record(None, HEAVY, 1_000, seed=0))
    assert found.values["m"] == pytest.approx((1.4,) * 3, rel=1e-3)
    assert found.values["l"] == pytest.approx((1.3,) * 3, rel=1e-3)
    assert found.values["delay"] == (0, 0, 0)
    assert set(found.not_told) == {"g", "action_gain"}
    assert "m stands for both" in found.not_told["action_gain"]
    assert found.target.observation_noise == 0
    assert found.one_step["calibrated"] < 1e-5 < found.one_step["nominal"]  # type: ignore[operator]
    assert found.rollout["calibrated"] < 1e-3 < found.rollout["nominal"]  # type: ignore[operator]
    assert (found.transitions, found.held_out, found.rollout["steps"]) == (1000, 200, 20)


@pytest.mark.parametrize("policy", [None, swing], ids=["random commands", "commands that follow the noise"])
def test_delay_and_noise_are_found_and_gain_goes_into_the_mass(policy: Any) -> None:
    """m / gain is what can be told: 1.4 / 0.9."""
    found = identify(record(policy, LATE, 1_000, seed=1))
    assert found.target.delay == 1
    assert found.values["m"][0] == pytest.approx(1.4 / 0.9, rel=0.05)
    assert found.values["l"][0] == pytest.approx(1.3, rel=0.02)
    assert found.values["m"][1] < found.values["m"][0] < found.values["m"][2]
    assert found.target.observation_noise == pytest.approx(0.02, rel=0.15)
    assert "action_gain" in found.not_told
    assert found.rollout["calibrated"] < 0.3 * found.rollout["nominal"]  # type: ignore[operator]


def test_motors_strong_enough_to_be_cut_off_tell_their_strength() -> None:
    strong = dataclasses.replace(HEAVY, action_gain=1.5, physics={**HEAVY.physics, "friction": 0.1})
    found = identify(record(None, strong, 600, seed=0))
    assert found.values["action_gain"][0] == pytest.approx(1.5, rel=0.01)
    assert found.values["m"][0] == pytest.approx(1.4, rel=0.01)
    assert found.values["friction"][0] == pytest.approx(0.1, rel=0.02)


def test_the_calibrated_simulator_does_what_the_robot_does() -> None:
    from engines.control.simulation.environment import play

    robot = dataclasses.replace(HEAVY, delay=2, action_gain=0.8)
    calibrated = identify(record(None, robot, 400, seed=0)).target
    ours, theirs = (play(swing, target, 6, seed=0).returns for target in (calibrated, robot))
    np.testing.assert_allclose(ours, theirs, rtol=0.01)


@pytest.mark.parametrize(
    ("name", "changes", "n"),
    [
        ("cartpole", {"masscart": 1.6, "length": 0.9, "masspole": 0.2}, 400),
        ("invertedpendulum", {"pole_length": 1.3, "cart_mass": 1.5}, 150),
        ("halfcheetah", {"torso_mass": 1.4, "friction": 0.6}, 80),
    ],
)
def test_other_robots_physics_are_found(name: str, changes: dict[str, float], n: int) -> None:
    target = Target(find(name)).changed(**changes, delay=1)
    found = identify(record(None, target, n, seed=0))
    assert found.target.delay == 1
    for parameter in target.robot.physics:
        assert found.target.value(parameter.name) == pytest.approx(target.value(parameter.name), rel=0.01)


def test_the_same_seed_gives_the_same_answer_and_json_keeps_it() -> None:
    logs = record(None, dataclasses.replace(LATE, observation_noise=0.0), 150, seed=3)
    first, again = identify(logs, seed=5), identify(logs, seed=5)
    assert first == again
    kept = json.loads(json.dumps(first.to_dict()))
    assert kept["values"]["m"] == list(first.values["m"])
    assert Target.parse(kept["target"]) == first.target


def test_rows_that_stand_alone_tell_the_physics_but_no_delay() -> None:
    logs = record(None, HEAVY, 300, seed=0)
    alone = dataclasses.replace(logs, episodes=np.arange(300), in_order=False)
    found = identify(alone)
    assert found.values["m"][0] == pytest.approx(1.4, rel=1e-3)
    assert found.not_told["delay"] == "too few rows follow each other"


def test_commands_that_never_change_tell_no_delay() -> None:
    found = identify(record(lambda seen: np.ones((len(seen), 1), np.float32), HEAVY, 300, seed=0, exploration=0.0))
    assert found.target.delay == 0
    assert "commands hardly change" in found.not_told["delay"]


def test_a_short_log_is_refused() -> None:
    with pytest.raises(InputError, match="30 transitions; accepted: 50 or more"):
        identify(record(None, HEAVY, 30, seed=0))
    with pytest.raises(InputError, match="they are of Pendulum; accepted here: logs of Hopper"):
        identify(record(None, HEAVY, 80, seed=0), find("hopper"))


def test_progress_never_runs_over_its_total() -> None:
    told: list[tuple[int, int]] = []
    found = identify(record(None, HEAVY, 100, seed=0), progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, found.evaluations + 1))
    assert all(done <= total for done, total in told)
