"""Worlds: nominal ones are plain Gymnasium, other physics act, the same seed is the same episode, nothing runs away."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from engines.control.simulation import environment
from engines.control.simulation.robots import ROBOTS, Parameter, Robot, find
from engines.control.simulation.target import Target

EVERY = list(ROBOTS.values())
PARAMETERS = [(robot, parameter) for robot in EVERY for parameter in robot.physics]


def commands(robot: Robot, n: int) -> list[Any]:
    draw = np.random.default_rng(0)
    if robot.discrete:
        return [int(choice) for choice in draw.integers(len(robot.actions), size=n)]
    limit = robot.action_limit
    return list(draw.uniform(-limit, limit, (n, robot.action_width)).astype(np.float32))


def trace(env: gym.Env, robot: Robot, seed: int, n: int = 60) -> np.ndarray:
    """All that is seen and rewarded in an episode of fixed commands, or its first n steps."""
    seen, _ = env.reset(seed=seed)
    rows = [np.append(seen, 0.0)]
    for action in commands(robot, n):
        seen, reward, terminated, truncated, _ = env.step(action)
        rows.append(np.append(seen, float(reward)))
        if terminated or truncated:
            break
    return np.array(rows)


@pytest.mark.parametrize("robot", EVERY, ids=lambda robot: robot.name)
def test_the_nominal_world_is_plain_gymnasium(robot: Robot) -> None:
    plain, ours = gym.make(robot.env_id, **robot.make_kwargs), environment.make(Target(robot), seed=3)
    np.testing.assert_array_equal(trace(ours, robot, 5), trace(plain, robot, 5))
    assert ours.observation_space == plain.observation_space
    assert ours.action_space == plain.action_space
    assert plain.spec is not None
    assert plain.spec.max_episode_steps == robot.steps
    if not robot.discrete:
        assert plain.action_space.high.max() == robot.action_limit  # type: ignore[attr-defined]


@pytest.mark.parametrize(("robot", "parameter"), PARAMETERS, ids=lambda v: v.name)
def test_every_parameter_acts(robot: Robot, parameter: Parameter) -> None:
    changed = Target(robot).changed(**{parameter.name: (parameter.nominal + parameter.high) / 2})
    env = environment.make(changed, seed=0)
    first = trace(env, robot, 5)
    assert not np.array_equal(first, trace(environment.make(Target(robot), seed=0), robot, 5))
    np.testing.assert_array_equal(trace(env, robot, 5), first)


@pytest.mark.parametrize("robot", EVERY, ids=lambda robot: robot.name)
def test_physics_do_not_leak_into_another_environment_or_episode(robot: Robot) -> None:
    before = trace(environment.make(Target(robot), seed=0), robot, 5)
    most = {parameter.name: parameter.high for parameter in robot.physics}
    other = environment.make(Target(robot).changed(**most, delay=2), seed=0)
    trace(other, robot, 9)
    nominal = environment.make(Target(robot), seed=0)
    trace(nominal, robot, 7)
    np.testing.assert_array_equal(trace(nominal, robot, 5), before)


@pytest.mark.parametrize("robot", EVERY, ids=lambda robot: robot.name)
def test_redrawn_physics_follow_from_the_seed_and_come_back_to_nominal(robot: Robot) -> None:
    ranges = {parameter.name: (parameter.low, parameter.high) for parameter in robot.physics} | {"delay": (0, 3)}
    env = environment.make(Target(robot), seed=0, randomise=ranges)
    first = trace(env, robot, 5)
    drawn = env.now.physics  # type: ignore[attr-defined]
    assert len(drawn) == len(robot.physics)
    assert not np.array_equal(trace(env, robot, 6), first)
    np.testing.assert_array_equal(trace(env, robot, 5), first)
    assert env.now.physics == drawn  # type: ignore[attr-defined]


def test_redrawn_values_stay_in_their_range() -> None:
    env: Any = environment.make(Target(find("pendulum")), seed=0, randomise={"m": (0.7, 1.6), "delay": (1, 2)})
    seen = set()
    for _ in range(40):
        env.reset()
        assert 0.7 <= env.now.value("m") <= 1.6
        seen.add(env.now.delay)
    assert seen == {1, 2}


# --- physics that Gymnasium does not have, or has in two places -----------------------------------


def test_a_pendulums_friction_slows_it_as_viscous_friction_does() -> None:
    """A still rod upright: its speed falls by 1 / (1 + 3 b dt / (m l²)) a step, and is rewarded as it was before."""
    env: Any = environment.make(Target(find("pendulum"), {"friction": 0.2, "g": 1.0, "l": 2.0}), seed=0)
    env.reset(seed=0)
    env.unwrapped.state = np.array([0.0, 1.0])
    seen, reward, *_ = env.step(np.zeros(1, np.float32))
    assert seen[2] == pytest.approx(1 / (1 + 3 * 0.2 * 0.05 / 4), rel=1e-6)
    assert reward == pytest.approx(-0.1)


def test_cartpoles_derived_masses_follow() -> None:
    env: Any = environment.make(Target(find("cartpole"), {"masspole": 0.3, "masscart": 2.0, "length": 1.0}), seed=0)
    env.reset()
    inside = env.unwrapped
    assert inside.total_mass == pytest.approx(2.3)
    assert inside.polemass_length == pytest.approx(0.3)


def test_the_lander_falls_as_fast_as_its_gravity_says() -> None:
    def speed(gravity: float) -> float:
        env = environment.make(Target(find("lunarlander")).changed(gravity=gravity), seed=0)
        start, _ = env.reset(seed=1)
        for _ in range(10):
            seen, *_ = env.step(np.zeros(2, np.float32))
        return float(seen[3] - start[3])

    assert speed(5.0) == pytest.approx(speed(10.0) / 2, rel=0.01)


def test_a_walkers_body_weighs_what_it_should_and_the_modules_constants_stay() -> None:
    from gymnasium.envs.box2d import bipedal_walker

    env: Any = environment.make(Target(find("bipedalwalker"), {"hull_mass": 2.0, "motor_torque": 0.5}), seed=0)
    plain: Any = environment.make(Target(find("bipedalwalker")), seed=0)
    env.reset(seed=0)
    plain.reset(seed=0)
    assert env.unwrapped.hull.mass == pytest.approx(2 * plain.unwrapped.hull.mass)
    assert env.unwrapped.legs[0].mass == plain.unwrapped.legs[0].mass
    env.step(np.ones(4, np.float32))
    plain.step(np.ones(4, np.float32))
    assert 0 < env.unwrapped.joints[0].GetMotorTorque(50) <= 40
    assert 40 < plain.unwrapped.joints[0].GetMotorTorque(50) <= 80
    assert bipedal_walker.MOTORS_TORQUE == 80
    assert bipedal_walker.HULL_FD.density == 5.0


def test_a_longer_pole_of_the_same_mass_has_a_rods_inertia() -> None:
    env: Any = environment.make(Target(find("invertedpendulum"), {"pole_length": 2.0}), seed=0)
    plain: Any = environment.make(Target(find("invertedpendulum")), seed=0)
    env.reset()
    plain.reset()
    ours, theirs = env.unwrapped.model, plain.unwrapped.model
    assert ours.body_mass[2] == theirs.body_mass[2]
    assert ours.body_ipos[2][2] == pytest.approx(2 * theirs.body_ipos[2][2])
    assert ours.body_inertia[2].max() == pytest.approx(4 * theirs.body_inertia[2].max())
    assert ours.body_inertia[2].min() == theirs.body_inertia[2].min()


# --- what is between the policy and the robot -----------------------------------------------------


def test_commands_arrive_late_and_none_before_them() -> None:
    robot = find("pendulum")
    late, prompt = environment.make(Target(robot, delay=2), seed=0), environment.make(Target(robot), seed=0)
    late.reset(seed=4)
    prompt.reset(seed=4)
    given = commands(robot, 20)
    arriving = [np.zeros(1, np.float32)] * 2 + given
    for command, arrives in zip(given, arriving, strict=False):
        np.testing.assert_array_equal(late.step(command)[0], prompt.step(arrives)[0])


def test_a_late_cartpole_pushes_both_ways_until_the_first_command_arrives() -> None:
    robot = find("cartpole")
    late, prompt = environment.make(Target(robot, delay=2), seed=0), environment.make(Target(robot), seed=0)
    late.reset(seed=4)
    prompt.reset(seed=4)
    for command, arrives in zip([1, 1, 1, 0], [0, 1, 1, 1], strict=True):
        np.testing.assert_array_equal(late.step(command)[0], prompt.step(arrives)[0])


def test_gain_scales_what_arrives_and_not_what_is_beyond_the_limit() -> None:
    robot = find("pendulum")
    weak, plain = environment.make(Target(robot, action_gain=0.5), seed=0), environment.make(Target(robot), seed=0)
    weak.reset(seed=4)
    plain.reset(seed=4)
    for command, arrives in [(2.0, 1.0), (-1.0, -0.5), (9.0, 1.0)]:
        seen, _, *_ = weak.step(np.array([command], np.float32))
        np.testing.assert_array_equal(seen, plain.step(np.array([arrives], np.float32))[0])
    weak_cart: Any = environment.make(Target(find("cartpole"), action_gain=0.5), seed=0)
    weak_cart.reset()
    assert weak_cart.unwrapped.force_mag == 5.0


def test_noise_is_on_what_is_seen_only_and_as_large_as_said() -> None:
    robot = find("pendulum")
    noisy, plain = (
        environment.make(Target(robot, observation_noise=0.1), seed=0),
        environment.make(Target(robot), seed=0),
    )
    errors = []
    for seed in range(5):
        errors.append(trace(noisy, robot, seed, 200) - trace(plain, robot, seed, 200))
    error = np.concatenate(errors)
    np.testing.assert_array_equal(error[:, 3], 0)  # rewards
    np.testing.assert_allclose(error[:, :3].std(axis=0), 0.1 * np.array(robot.spreads), rtol=0.1)
    np.testing.assert_array_equal(trace(noisy, robot, 3), trace(noisy, robot, 3))


def test_without_a_seed_episodes_go_on_differently_and_repeat_as_a_whole() -> None:
    def starts() -> list[np.ndarray]:
        env = environment.make(Target(find("pendulum"), observation_noise=0.1), seed=11)
        return [env.reset()[0] for _ in range(3)]

    first, second = starts(), starts()
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


# --- a simulator that runs away -------------------------------------------------------------------


def test_a_simulation_that_diverges_ends_finite_counted_and_with_the_lowest_reward() -> None:
    for robot in (find("hopper"), find("pendulum")):
        env: Any = environment.make(Target(robot), seed=0)
        env.reset(seed=0)
        if robot.mujoco:
            env.unwrapped.data.qvel[:] = 1e12
        else:
            env.unwrapped.state = np.array([np.nan, np.nan])
        seen, reward, terminated, truncated, info = env.step(np.zeros(robot.action_width, np.float32))
        assert (terminated, truncated, info) == (False, True, {"diverged": True})
        assert np.isfinite(seen).all()
        assert reward == robot.worst
        assert env.diverged == 1
        env.reset(seed=0)
        assert not env.step(np.zeros(robot.action_width, np.float32))[3]


def test_an_exception_inside_the_simulator_ends_the_episode() -> None:
    env: Any = environment.make(Target(find("cartpole")), seed=0)
    env.reset()

    def broken(_: Any) -> Any:
        raise FloatingPointError("overflow")

    env.unwrapped.step = broken
    assert env.step(0)[3:] == (True, {"diverged": True})


def test_a_fault_of_ours_is_no_divergence() -> None:
    env: Any = environment.make(Target(find("cartpole")), seed=0)
    env.reset()
    for command in (7, 0.5, np.zeros(2)):
        with pytest.raises(ValueError, match="no command of CartPole"):
            env.step(command)
    pendulum = environment.make(Target(find("pendulum")), seed=0)
    pendulum.reset()
    with pytest.raises(ValueError, match="no command of Pendulum"):
        pendulum.step(np.zeros(2, np.float32))
    assert env.diverged == 0


def test_every_episode_ends() -> None:
    env = environment.make(Target(find("pendulum")), seed=0)
    env.reset()
    assert [env.step(np.zeros(1, np.float32))[3] for _ in range(200)] == [False] * 199 + [True]


# --- judging --------------------------------------------------------------------------------------


def still(observations: np.ndarray) -> np.ndarray:
    return np.zeros((len(observations), 1), np.float32)


def test_episodes_are_the_same_however_many_are_played() -> None:
    target = Target(find("pendulum"), {"m": 1.4}, delay=1, observation_noise=0.05)
    many, few = environment.play(still, target, 20, seed=3), environment.play(still, target, 4, seed=3)
    np.testing.assert_array_equal(many.returns[:4], few.returns)
    assert len(set(many.returns)) == 20
    assert many.lengths.tolist() == [200] * 20
    assert many.steps == 4000
    assert many.mean == pytest.approx(many.returns.mean())
    assert not np.array_equal(environment.play(still, target, 4, seed=4).returns, few.returns)


def test_an_episode_can_be_played_again_by_its_seed() -> None:
    target = Target(find("pendulum"), {"l": 1.3}, observation_noise=0.05)
    returns = environment.play(still, target, 5, seed=7).returns
    env = environment.make(target, seed=0)
    env.reset(seed=environment.episode_seed(7, 3))
    total = 0.0
    for _ in range(200):
        total += float(env.step(np.zeros(1, np.float32))[1])
    assert total == pytest.approx(returns[3], abs=1e-9)


def test_judging_keeps_what_was_visited_and_tells_of_its_progress() -> None:
    told: list[tuple[int, int]] = []
    found = environment.play(
        lambda seen: np.zeros(len(seen), int),
        Target(find("cartpole")),
        18,
        0,
        keep=50,
        progress=lambda *n: told.append(n),
    )
    assert told == [(number, 18) for number in range(1, 19)]
    assert found.visited.shape[1] == 4
    assert found.lengths.max() < 20
    assert found.returns.tolist() == found.lengths.tolist()


def test_worlds_side_by_side_start_from_the_episodes_seeds() -> None:
    target = Target(find("pendulum"), {"m": 1.4})
    several = environment.many(target, 3, seed=5)
    seen: Any = several.reset()
    alone, _ = environment.make(target, seed=environment.episode_seed(5, 2)).reset()
    np.testing.assert_array_equal(seen[2], alone)
    several.close()
