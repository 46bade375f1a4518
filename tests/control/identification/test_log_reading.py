"""Logs as people bring them: read as they are meant, asked about, or refused with the reason."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from engines.contract import InputError, ReadAs
from engines.control.identification.identify import identify
from engines.control.identification.log_reading import opened
from engines.control.logs.how import How
from engines.control.logs.logs import Logs, record, write_csv
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target

CASES = Path(__file__).parents[2] / "cases"
TRUTH = {"m": 1.4, "l": 1.3}
HEAVY = record(None, Target(find("pendulum"), TRUTH), 200, seed=0)
SINE_FIRST = "sine of the angle, cosine of the angle, angular velocity"
COSINE_FIRST = "cosine of the angle, sine of the angle, angular velocity"


def case(name: str, **said: Any) -> Logs:
    return opened(CASES / f"control-{name}.csv", How(**said))


def guess(logs: Logs, what: str) -> ReadAs:
    return next(guess for guess in logs.read_as if guess.what == what)


def problem(path: Path, **said: Any) -> Any:
    with pytest.raises(InputError) as caught:
        opened(path, How(**said))
    return caught.value.problems[0]


def columns(logs: Logs = HEAVY, **other: Any) -> dict[str, Any]:
    """A log's columns under the usual names; other ones are added, and None takes one away."""
    found: dict[str, Any] = {f"obs_{i}": logs.observations[:, i] for i in range(logs.robot.width)}
    found |= {f"action_{i}": logs.actions[:, i] for i in range(logs.actions.shape[1])}
    found |= {f"next_obs_{i}": logs.next_observations[:, i] for i in range(logs.robot.width)}
    return {name: column for name, column in (found | other).items() if column is not None}


def table(path: Path, given: dict[str, Any], *, separator: str = ",", comma: bool = False) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(given)
        for row in zip(*given.values(), strict=True):
            writer.writerow([str(cell).replace(".", ",") if comma else cell for cell in row])
    return path


# --- cases from the field -------------------------------------------------------------------------


def test_a_push_in_newton_is_a_cartpoles_and_says_how_well_each_robot_explains_it() -> None:
    logs = case("cartpole-push-in-newton")
    assert logs.robot.name == "cartpole"
    assert set(np.unique(logs.actions)) == {0.0, 1.0}
    assert (
        "It is read as a log of CartPole (off by 3.4e-05 usual spreads a step), not of InvertedPendulum"
        in logs.notes[1]
    )
    assert "The commands are -10 and 10: they are read as push left and push right." in logs.notes
    robot = guess(logs, "robot")
    assert (robot.value, robot.alternatives, robot.setting) == ("cartpole", ["invertedpendulum"], "robot")
    assert identify(logs).values["masscart"][0] == pytest.approx(1.0, rel=1e-4)


def test_as_another_robots_its_commands_are_clipped_and_counted_and_nothing_explains_it() -> None:
    path = CASES / "control-cartpole-push-in-newton.csv"
    logs = opened(path, How(robot="invertedpendulum", accept_guesses=True))
    assert "200 of 200 commands are beyond ±3 and count as that much." in logs.notes
    assert logs.notes[-1].startswith("No physics of InvertedPendulum explain this log")


def test_sine_before_cosine_is_asked() -> None:
    found = problem(CASES / "control-sine-before-cosine.csv")
    assert found.where == "setting sensors"
    assert found.choices == (SINE_FIRST, COSINE_FIRST)
    assert "off by 0.3 usual spreads a step, with whatever physics, and by 4.2e-06 if" in found.found


@pytest.mark.parametrize("said", [{"accept_guesses": True}, {"sensors": SINE_FIRST}], ids=["guessed", "said"])
def test_sine_before_cosine_is_put_in_order(said: dict[str, Any]) -> None:
    logs = case("sine-before-cosine", **said)
    assert logs.observations[0].tolist() == [0.65202, 0.7582, -0.46043]
    assert guess(logs, "observation's numbers").value == SINE_FIRST
    found = identify(logs).values
    assert {name: found[name][0] for name in TRUTH} == pytest.approx(TRUTH, rel=1e-3)


def test_who_says_that_the_cosine_comes_first_is_told_that_nothing_explains_it() -> None:
    found = problem(CASES / "control-sine-before-cosine.csv", sensors=COSINE_FIRST)
    assert "no physics of Pendulum explain this log" in found.found
    assert "a straight line through the same log by 0.14" in found.found


def test_normalised_observations_are_refused_and_named() -> None:
    found = problem(CASES / "control-normalised-observations.csv")
    assert "no physics of Pendulum explain this log" in found.found
    assert "as if it had been normalised" in found.found
    assert "cosine of the angle and sine of the angle do not add up to 1" in found.found


@pytest.mark.parametrize("name", ["normalised-observations", "sine-before-cosine"])
def test_what_nothing_explains_is_never_sensor_noise_and_has_no_tight_interval(name: str) -> None:
    said = {"sensors": COSINE_FIRST} if name.startswith("sine") else {}
    logs = case(name, accept_guesses=True, **said)
    found = identify(logs)
    assert found.target.observation_noise == 0
    assert "observation_noise" in found.not_told
    assert not any("sensor noise" in note for note in found.notes)
    assert any("is more than noise of the sensors" in note for note in found.notes)
    widths = {n: high / low for n, (_, low, high) in found.values.items() if n in TRUTH}
    assert all(width > 1.2 for width in widths.values())


def test_commands_scaled_to_one_are_said_to_act_like_a_mass() -> None:
    logs = case("actions-scaled-to-one")
    assert "If they were scaled to one, say so (setting commands): a log cannot tell weaker motors" in logs.notes[-1]
    mass = identify(logs).values["m"]
    assert mass == pytest.approx((0.7, 0.7, 1.4), rel=1e-3)
    assert identify(logs).values["l"][2] == pytest.approx(1.3, rel=1e-3)
    kept = identify(case("actions-scaled-to-one", commands="as they are")).values["m"]
    assert kept == pytest.approx((0.7,) * 3, rel=1e-3)
    scaled = identify(case("actions-scaled-to-one", commands="scaled to one")).values["m"]
    assert scaled == pytest.approx((1.4,) * 3, rel=1e-3)


def test_clock_times_are_read_and_the_next_row_follows() -> None:
    logs = case("clock-times-no-next-observation")
    assert (len(logs), logs.n_episodes) == (79, 1)
    assert logs.seconds == pytest.approx(0.05)
    assert logs.notes == [
        "There is no next observation: the following row's is taken; the last row of each episode is not used. By the "
        "time there is 1 episode."
    ]
    assert guess(logs, "step of time").value == "0.05 s"


# --- usual mistakes, tried ------------------------------------------------------------------------


def test_degrees_are_asked_and_read(tmp_path: Path) -> None:
    logs = record(None, Target(find("cartpole")), 200, seed=0)
    turned = np.array([1, 1, 180 / np.pi, 180 / np.pi])
    degrees = dataclasses.replace(
        logs, observations=logs.observations * turned, next_observations=logs.next_observations * turned
    )
    path = write_csv(degrees, tmp_path / "log.csv")
    found = problem(path)
    assert (found.where, found.choices) == ("setting angles", ("degrees", "radians"))
    np.testing.assert_allclose(opened(path, How(angles="degrees")).observations, logs.observations, rtol=1e-6)


def test_commands_of_the_other_sign_are_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", columns(action_0=-HEAVY.actions[:, 0]))
    found = problem(path)
    assert (found.where, found.choices) == ("setting commands", ("other sign", "as they are"))
    np.testing.assert_allclose(opened(path, How(commands="other sign")).actions, HEAVY.actions, atol=1e-6)


def test_commands_in_the_row_after_theirs_are_asked(tmp_path: Path) -> None:
    """As a collector writes them that keeps the command which led to a row's observation."""
    strong = record(None, Target(find("cartpole")), 200, seed=0)
    path = table(tmp_path / "log.csv", columns(strong, action_0=np.roll(strong.actions[:, 0], 1)))
    found = problem(path)
    assert (found.where, found.choices) == ("setting action_row", ("next row", "this row"))
    logs = opened(path, How(action_row="next row"))
    np.testing.assert_array_equal(logs.actions[:5], strong.actions[:5])
    assert any("stands in the row after it" in note for note in logs.notes)


def test_another_step_of_time_is_named(tmp_path: Path) -> None:
    """Every second row of a log: a step that is twice the simulator's."""
    twice = {name: column[::2] for name, column in columns(next_obs_0=None, next_obs_1=None, next_obs_2=None).items()}
    path = table(tmp_path / "log.csv", {"time": np.arange(100) * 0.1, **twice})
    logs = opened(path, How(accept_guesses=True))
    assert any("a step of the log takes 0.1 s and one of the simulator 0.05 s" in note for note in logs.notes)


# --- tables as others write them ------------------------------------------------------------------


def test_a_decimal_comma_is_read_and_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", columns(), separator=";", comma=True)
    logs = opened(path, How())
    np.testing.assert_allclose(logs.observations, HEAVY.observations)
    assert any("the comma is the decimal sign" in note for note in logs.notes)


def test_repeated_rows_count_once(tmp_path: Path) -> None:
    given = {
        name: np.repeat(column, [3 if row == 7 else 1 for row in range(200)]) for name, column in columns().items()
    }
    logs = opened(table(tmp_path / "log.csv", given), How())
    assert len(logs) == 200
    assert "2 rows are the one before them once more and count once." in logs.notes


def test_a_gap_in_time_ends_a_stretch(tmp_path: Path) -> None:
    given = columns(next_obs_0=None, next_obs_1=None, next_obs_2=None)
    times = np.arange(200) * 0.05 + np.where(np.arange(200) >= 120, 9.0, 0.0)
    logs = opened(table(tmp_path / "log.csv", {"time": times, **given}), How())
    assert (len(logs), logs.n_episodes) == (198, 2)
    assert logs.notes[0] == "There is 1 gap in time, over which no row follows another."


@pytest.mark.parametrize(
    ("ends", "terminated", "words"),
    [
        ({"done": "last"}, 1, "'done' counts as the end of an episode"),
        ({"done": "last", "truncated": "last"}, 0, None),
        ({"terminated": "none", "TimeLimit.truncated": "last"}, 0, "Not used: 'TimeLimit.truncated'."),
        ({"not_done": "all but the last"}, 1, "Where not_done is 0 an episode ended."),
    ],
)
def test_ends_of_episodes_have_many_names(
    ends: dict[str, str], terminated: int, words: str | None, tmp_path: Path
) -> None:
    kinds = {"last": np.arange(200) == 199, "none": np.zeros(200, bool), "all but the last": np.arange(200) != 199}
    given = columns(**{name: kinds[kind].astype(int) for name, kind in ends.items()})
    logs = opened(table(tmp_path / "log.csv", given), How())
    assert logs.terminated.sum() == terminated
    assert any(words in note for note in logs.notes) if words else True


def test_observations_in_one_cell_are_read(tmp_path: Path) -> None:
    """As NumPy prints an array, and as JSON writes one."""
    given = {
        "obs": [str(row) for row in HEAVY.observations],
        "action": [str(row.tolist()) for row in HEAVY.actions],
        "next_obs": [str(row.tolist()) for row in HEAVY.next_observations],
    }
    np.testing.assert_allclose(
        opened(table(tmp_path / "log.csv", given), How()).observations, HEAVY.observations, atol=1e-7
    )


def test_columns_may_be_named_by_a_person(tmp_path: Path) -> None:
    moved = {"a": None, **columns()}
    moved = {
        "c": moved["obs_0"],
        "s": moved["obs_1"],
        "w": moved["obs_2"],
        "tau": moved["action_0"],
        "obs_9": moved["obs_0"],
    }
    path = table(tmp_path / "log.csv", moved)
    said = How(observation_columns="c, s, w", action_columns="tau")
    logs = opened(path, said)
    np.testing.assert_allclose(logs.observations, HEAVY.observations[:199])
    assert guess(logs, "observation").value == "c, s, w"
    found = problem(path, observation_columns="c, s, v", action_columns="tau")
    assert "log.csv has no column 'v'" in found.found


def test_a_log_without_rewards_is_read(tmp_path: Path) -> None:
    logs = opened(table(tmp_path / "log.csv", columns()), How())
    assert np.isnan(logs.rewards).all()
    assert guess(logs, "reward").value == ""


# --- HDF5 -----------------------------------------------------------------------------------------


def flat(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def d4rl(**other: Any) -> dict[str, Any]:
    last = np.arange(200) == 119
    found = {
        "observations": HEAVY.observations.astype(np.float32),
        "actions": HEAVY.actions.astype(np.float32),
        "rewards": HEAVY.rewards,
        "terminals": np.zeros(200, bool),
        "timeouts": last,
    }
    return found | other


def test_a_flat_d4rl_file_is_read_and_its_timeouts_end_episodes(tmp_path: Path) -> None:
    path = flat(tmp_path / "log.hdf5", **d4rl(**{"infos/qpos": np.zeros((200, 1)), "metadata/policy": b"random"}))
    logs = opened(path, How())
    assert (logs.robot.name, len(logs), logs.n_episodes) == ("pendulum", 198, 2)
    assert not logs.terminated.any()
    assert "Not used: 'infos/…', 'metadata/…'." in logs.notes
    whole = opened(flat(tmp_path / "n.hdf5", **d4rl(next_observations=HEAVY.next_observations)), How())
    assert len(whole) == 200


def test_d3rlpys_datasets_are_read(tmp_path: Path) -> None:
    """Of its first version, with episode_terminals, and of its second, an array for each episode."""
    first = d4rl(version=b"1.0", discrete_action=False)
    first["episode_terminals"] = first.pop("timeouts")
    assert opened(flat(tmp_path / "first.h5", **first), How()).n_episodes == 2
    second: dict[str, Any] = {"total_size": 2, "version": b"2.1"}
    for number, rows in enumerate((slice(0, 120), slice(120, 200))):
        parts = {"observations": HEAVY.observations, "actions": HEAVY.actions, "rewards": HEAVY.rewards}
        second |= {f"{name}_{number}": array[rows] for name, array in parts.items()} | {f"terminated_{number}": True}
    logs = opened(flat(tmp_path / "second.h5", **second), How())
    assert (len(logs), logs.n_episodes) == (198, 2)
    assert "The last observation is not kept in 2 of the episodes (the first: episode 0)" in logs.notes[0]


def test_a_minari_episode_without_its_last_observation_loses_one_step(tmp_path: Path) -> None:
    """Farama-Foundation/Minari issue 199."""
    seen = np.concatenate([HEAVY.observations, HEAVY.next_observations[-1:]])
    arrays: dict[str, Any] = {}
    for number, rows in enumerate((slice(0, 101), slice(101, 200))):
        group = f"episode_{number}"
        steps = len(HEAVY.actions[rows])
        arrays |= {
            f"{group}/observations": seen[rows] if number else seen[0:102],
            f"{group}/actions": HEAVY.actions[rows],
            f"{group}/rewards": HEAVY.rewards[rows],
            f"{group}/terminations": np.zeros(steps, bool),
            f"{group}/truncations": np.zeros(steps, bool),
        }
    logs = opened(flat(tmp_path / "main_data.hdf5", **arrays), How())
    assert len(logs) == 199
    assert "not kept in 1 of the episodes (the first: episode_1)" in logs.notes[0]


def test_an_hdf5_file_of_something_else_says_what_is_in_it(tmp_path: Path) -> None:
    found = problem(flat(tmp_path / "log.h5", **{"a/b": np.zeros(3), "c": np.zeros(3)}))
    assert "there are no observations and no actions in it: it holds a/…, c" in found.found


def test_python_objects_in_an_npz_are_named_and_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "log.npz", observations=np.array([{"a": 1}], dtype=object), actions=np.zeros((1, 1)))
    assert "it holds Python objects, which are not opened" in problem(tmp_path / "log.npz").found


# --- what is well is not doubted ------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        Target(find("pendulum"), TRUTH, delay=2, observation_noise=0.3),
        Target(find("cartpole"), {"masscart": 2.0}, observation_noise=0.5),
        Target(find("invertedpendulum"), {"cart_mass": 2.0}, delay=1),
        Target(find("reacher"), {"damping": 2.0}, observation_noise=0.1),
    ],
    ids=lambda target: target.robot.name,
)
def test_noise_and_delay_raise_no_doubt(target: Target, tmp_path: Path) -> None:
    logs = opened(write_csv(record(None, target, 300, seed=1), tmp_path / "log.csv"), How())
    assert logs.notes == []
