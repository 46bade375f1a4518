"""Logs of a robot: every format, every kind of disorder, and files that are none."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from engines.contract import InputError
from engines.control.logs.logs import Logs, read, record, write_csv, write_npz
from engines.control.simulation.robots import ROBOTS, find
from engines.control.simulation.target import Target

PENDULUM = record(None, Target(find("pendulum")), 260, seed=0)  # an episode of 200 steps, and 60 of the next
NAMES = ("observations", "actions", "rewards", "next_observations", "terminated")


def saved(path: Path, logs: Logs = PENDULUM, **other: Any) -> Path:
    """An NPZ file of a log with other or (None) without some arrays."""
    given = {name: getattr(logs, name) for name in NAMES} | {"episodes": logs.episodes} | other
    np.savez(path, **{name: array for name, array in given.items() if array is not None})
    return path


def table(path: Path, columns: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def refusal(path: Path, robot: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(path, robot)
    return str(caught.value)


# --- reading what we write ------------------------------------------------------------------------


@pytest.mark.parametrize("robot", ROBOTS.values(), ids=lambda robot: robot.name)
@pytest.mark.parametrize("write", [write_csv, write_npz])
def test_a_recording_comes_back_and_its_robot_is_told_by_its_width(robot: Any, write: Any, tmp_path: Path) -> None:
    logs = record(None, Target(robot, delay=1), 80, seed=1)
    back = read(write(logs, tmp_path / f"log.{write.__name__[6:]}"))
    assert back.robot == robot
    assert (len(back), back.skipped, back.notes, back.in_order) == (80, [], [], True)
    np.testing.assert_array_equal(back.episodes, logs.episodes)
    for name in NAMES:
        np.testing.assert_allclose(getattr(back, name), getattr(logs, name), rtol=1e-8, atol=1e-8)


def test_a_minari_dataset_comes_back(tmp_path: Path) -> None:
    """Written by Minari itself."""
    minari = pytest.importorskip("minari")
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    env = gym.make("Pendulum-v1")
    env.action_space.seed(0)
    buffers = []
    for episode in range(2):
        seen, actions = [env.reset(seed=episode)[0]], [env.action_space.sample() for _ in range(60)]
        seen += [env.step(action)[0] for action in actions]
        zeros = np.zeros(60)
        buffers.append(
            EpisodeBuffer(episode, episode, None, np.array(seen), np.array(actions), zeros, zeros == 1, zeros == 1)
        )
    (tmp_path / "data").mkdir()
    storage = MinariStorage.new(tmp_path / "data", env.observation_space, env.action_space, env.spec)
    storage.update_episodes(buffers)
    storage.update_metadata({"dataset_id": "pendulum/random-v0", "minari_version": minari.__version__})
    kept = list(minari.MinariDataset(tmp_path / "data").iterate_episodes())
    logs = read(tmp_path)
    assert (logs.robot.name, len(logs), logs.n_episodes) == ("pendulum", 120, 2)
    np.testing.assert_allclose(logs.observations[:60], kept[0].observations[:-1])
    np.testing.assert_allclose(logs.actions[60:], kept[1].actions)
    with zipfile.ZipFile(tmp_path / "dataset.zip", "w") as archive:
        for name in ("main_data.hdf5", "metadata.json"):
            archive.write(tmp_path / "data" / name, f"pendulum/{name}")
    assert len(read(tmp_path / "dataset.zip")) == 120
    assert "it is of Pendulum-v1" in refusal(tmp_path / "data", "hopper")


def test_links_out_of_a_minari_file_are_not_followed(tmp_path: Path) -> None:
    import h5py

    rows = {"observations": np.zeros((81, 3)), "rewards": np.zeros(80), "terminations": np.zeros(80)}
    with h5py.File(tmp_path / "elsewhere.hdf5", "w") as file:
        file["actions"] = np.zeros((80, 1))
    with h5py.File(tmp_path / "main_data.hdf5", "w") as file:
        group = file.create_group("episode_0")
        for name, array in {**rows, "truncations": np.zeros(80)}.items():
            group[name] = array
        group["actions"] = h5py.ExternalLink(str(tmp_path / "elsewhere.hdf5"), "actions")
    assert "actions is a link" in refusal(tmp_path / "main_data.hdf5")


# --- tables as others write them ------------------------------------------------------------------


def test_columns_may_bear_other_names_and_stand_anywhere(tmp_path: Path) -> None:
    logs = PENDULUM
    columns: dict[str, Any] = {"Done": ["false"] * len(logs), "a": logs.actions[:, 0]}
    columns |= {f"Next Obs {i}": logs.next_observations[:, i] for i in (2, 0, 1)}
    columns |= {f"obs[{i}]": logs.observations[:, i] for i in (1, 0, 2)}
    back = read(table(tmp_path / "log.csv", columns))
    np.testing.assert_allclose(back.next_observations, logs.next_observations)
    np.testing.assert_allclose(back.observations, logs.observations)
    assert back.columns["obs[1]"] == "observations"
    assert np.isnan(back.rewards).all()
    assert back.n_episodes == 2  # the second starts where the first did not end


def test_columns_may_bear_the_sensors_names(tmp_path: Path) -> None:
    names = [name for name, _ in PENDULUM.robot.observations]
    columns: dict[str, Any] = {name: PENDULUM.observations[:, i] for i, name in enumerate(names)}
    columns |= {"torque": PENDULUM.actions[:, 0], "episode": PENDULUM.episodes}
    back = read(table(tmp_path / "log.csv", columns))
    assert len(back) == 258  # the last row of each of two episodes is followed by nothing
    np.testing.assert_array_equal(back.next_observations[:198], back.observations[1:199])
    assert "There is no next observation" in back.notes[0]


def test_parquet_is_a_table_too(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.read_csv(write_csv(PENDULUM, tmp_path / "log.csv"))
    frame.to_parquet(tmp_path / "log.parquet")
    assert len(read(tmp_path / "log.parquet")) == 260


# --- disorder -------------------------------------------------------------------------------------


def test_rows_out_of_order_are_sorted_by_episode_and_step(tmp_path: Path) -> None:
    write_csv(PENDULUM, tmp_path / "log.csv")
    first, *rows = (tmp_path / "log.csv").read_text().splitlines()
    mixed = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    (tmp_path / "mixed.csv").write_text("\n".join([first, *mixed]))
    back = read(tmp_path / "mixed.csv")
    assert back.notes == ["The rows were out of order and are sorted by episode and step."]
    assert [(back.episodes == number).sum() for number in np.unique(back.episodes)] in ([200, 60], [60, 200])


def test_rows_out_of_order_without_numbers_are_chained(tmp_path: Path) -> None:
    mixed = np.random.default_rng(0).permutation(260)
    given = {name: getattr(PENDULUM, name)[mixed] for name in NAMES}
    back = read(saved(tmp_path / "log.npz", **given, episodes=None))
    assert "put back by where each next observation is seen again" in back.notes[0]
    assert (back.in_order, back.n_episodes) == (True, 2)
    np.testing.assert_allclose(back.next_observations[:-1][np.diff(back.episodes) == 0].shape, (258, 3))


def test_rows_that_never_followed_each_other_stand_alone(tmp_path: Path) -> None:
    back = read(saved(tmp_path / "log.npz", **{name: getattr(PENDULUM, name)[::3] for name in NAMES}, episodes=None))
    assert "each is used alone" in back.notes[0]
    assert (back.in_order, len(back), back.n_episodes) == (False, 87, 87)


def test_rows_with_missing_numbers_are_named_and_break_the_episode(tmp_path: Path) -> None:
    seen, actions = PENDULUM.observations.copy(), PENDULUM.actions.copy()
    seen[10, 1], actions[30], actions[31] = np.nan, np.inf, 1e12
    back = read(saved(tmp_path / "log.npz", observations=seen, actions=actions))
    assert [(entry.where, entry.reason) for entry in back.skipped] == [
        ("transition 10", "has no usable number in its observation"),
        ("transition 30", "has no usable number in its action"),
        ("transition 31", "has no usable number in its action"),
    ]
    assert (len(back), back.n_episodes) == (257, 4)


def test_many_bad_rows_are_counted(tmp_path: Path) -> None:
    logs = record(None, Target(find("pendulum")), 400, seed=0)
    seen = logs.observations.copy()
    seen[::2] = np.nan
    back = read(saved(tmp_path / "log.npz", logs, observations=seen))
    assert len(back.skipped) == 101
    assert back.skipped[-1].reason == "has 100 more rows that could not be used"


def test_commands_beyond_the_limit_count_as_the_limit(tmp_path: Path) -> None:
    back = read(saved(tmp_path / "log.npz", actions=PENDULUM.actions * 3))
    assert np.abs(back.actions).max() == 2.0
    assert "beyond ±2 and count as that much" in back.notes[0]


# --- what is no log -------------------------------------------------------------------------------


def test_the_wrong_width_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "log.npz", observations=np.zeros((260, 7)), next_observations=np.zeros((260, 7)))
    assert "observations have 7 numbers and actions 1, as no known robot's; accepted: Pendulum 3 and 1" in refusal(path)
    assert "observations have 7 numbers; accepted for Pendulum: 3" in refusal(path, "pendulum")
    narrow = saved(tmp_path / "narrow.npz", next_observations=np.zeros((260, 2)))
    assert "next observations have 2 numbers and observations 3" in refusal(narrow)
    assert "accepted for Hopper: 11" in refusal(saved(tmp_path / "other.npz"), "hopper")


def test_ten_rows_are_too_few(tmp_path: Path) -> None:
    few = saved(tmp_path / "log.npz", PENDULUM.rows(slice(10)))
    assert "10 transitions of 10 rows can be used; accepted: 50 or more, better 1,000" in refusal(few)


def test_choices_for_a_continuous_robot_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "log.npz", actions=np.arange(260).reshape(-1, 1) % 3)
    words = "actions are choices (whole numbers from 0 to 2); accepted for Pendulum: torque between -2 and 2"
    assert words in refusal(path)
    bang_bang = saved(tmp_path / "bang.npz", actions=np.sign(PENDULUM.actions) * 2)
    assert len(read(bang_bang)) == 260


def test_a_cartpole_has_two_choices(tmp_path: Path) -> None:
    logs = record(None, Target(find("cartpole")), 100, seed=0)
    odd = logs.actions.copy()
    odd[5] = 7
    back = read(saved(tmp_path / "log.npz", logs, actions=odd), "cartpole")
    assert back.skipped[0].reason == "has an action that is no choice"
    path = saved(tmp_path / "odd.npz", logs, actions=np.full((100, 1), 0.5))
    assert "no action is one of the robot's choices; accepted for CartPole: 0 (push left), 1 (push right)" in refusal(
        path, "cartpole"
    )
    assert read(path).robot.name == "invertedpendulum"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"actions": None}, "there are no actions in it: its arrays are 'episodes', 'next_observations'"),
        ({"actions": np.zeros((3, 1))}, "it has 3 rows; accepted: 260, as many as observations"),
        ({"actions": np.array(["a"] * 260)}, "accepted: numbers"),
        ({"actions": np.zeros((260, 1), complex)}, "accepted: numbers"),
        ({"observations": np.zeros((260, 3, 2))}, "its shape is 260 × 3 × 2"),
        ({"rewards": np.zeros((260, 2))}, "its shape is 260 × 2"),
        ({"observations": np.float64(1)}, "it is a single number"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(other: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in refusal(saved(tmp_path / "log.npz", **other))


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "log.npz", observations=np.array([{"a": 1}], dtype=object), actions=np.zeros((1, 1)))
    assert "no NPZ file of plain arrays" in refusal(tmp_path / "log.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.csv")
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    assert "it is damaged" in refusal(tmp_path / "a.npz")
    (tmp_path / "a.hdf5").write_bytes(b"nothing")
    assert "no Minari dataset that can be read" in refusal(tmp_path / "a.hdf5")
    table(tmp_path / "a.csv", {"x": [1, 2], "y": [3, 4]})
    assert "there are no observations and no actions in it: its columns are" in refusal(tmp_path / "a.csv")
    (tmp_path / "folder").mkdir()
    assert "there is no log in it" in refusal(tmp_path / "folder")
    assert "there is no robot named 'dog'" in refusal(saved(tmp_path / "log.npz"), "dog")


# --- whatever somebody uploads --------------------------------------------------------------------

cells = st.sampled_from(["", "nan", "inf", "1e400", "0", "1", "-2.5", "x", "true", '"', "=1"])
headers = st.lists(
    st.sampled_from(
        [
            "observation_0",
            "observation_1",
            "observation_2",
            "next_observation_0",
            "action_0",
            "a",
            "reward",
            "done",
            "t",
        ]
    ),
    min_size=1,
    max_size=9,
)


@given(headers, st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_table_is_a_log_or_a_refusal(tmp_path: Path, columns: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=4))
    path = tmp_path / "log.csv"
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows * 30])
    path.write_text(text.getvalue())
    _sound_or_refused(path)


numbers = st.floats(width=32) | st.integers(0, 2).map(float)


@given(st.integers(0, 4), st.integers(0, 2), st.booleans(), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_arrays_are_a_log_or_a_refusal(
    tmp_path: Path, width: int, actions: int, following: bool, data: st.DataObject
) -> None:
    seen = data.draw(arrays(np.float32, (60, width), elements=numbers))
    given: dict[str, Any] = {
        "observations": seen,
        "actions": data.draw(arrays(np.float32, (60, actions), elements=numbers)),
    }
    if following:
        given["next_observations"] = data.draw(arrays(np.float32, array_shapes(max_dims=2), elements=numbers))
    np.savez(tmp_path / "log.npz", **given)
    _sound_or_refused(tmp_path / "log.npz")


@given(st.binary(max_size=200), st.sampled_from(["log.npz", "log.csv", "log.hdf5", "log.parquet"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_refused(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name)


def _sound_or_refused(path: Path) -> None:
    try:
        logs = read(path)
    except InputError:
        return
    assert len(logs) >= 50
    for array in (logs.observations, logs.actions, logs.next_observations):
        assert np.isfinite(array).all()
    assert (np.diff(logs.episodes) >= 0).all()


# --- recording ------------------------------------------------------------------------------------


def test_a_recording_repeats_with_its_seed_and_starts_elsewhere_than_judging() -> None:
    from engines.control.simulation.environment import episode_seed, make

    target = Target(find("pendulum"), {"m": 1.4}, delay=1, observation_noise=0.02)
    first, again = record(None, target, 60, seed=4), record(None, target, 60, seed=4)
    np.testing.assert_array_equal(first.observations, again.observations)
    assert not np.array_equal(first.observations[0], make(target, seed=0).reset(seed=episode_seed(4, 0))[0])
    assert not np.array_equal(record(None, target, 60, seed=5).observations, first.observations)


def test_exploration_is_noise_on_the_commands_of_the_policy() -> None:
    def ones(seen: np.ndarray) -> np.ndarray:
        return np.ones((len(seen), 1), np.float32)

    target = Target(find("pendulum"))
    assert (record(ones, target, 50, seed=0, exploration=0.0).actions == 1).all()
    spread = record(ones, target, 400, seed=0, exploration=0.1).actions.std()
    assert spread == pytest.approx(0.2, rel=0.1)
    choices = record(lambda seen: np.ones(len(seen), int), Target(find("cartpole")), 400, seed=0, exploration=0.5)
    assert choices.actions.mean() == pytest.approx(0.75, abs=0.07)


def test_recordings_are_joined() -> None:
    target = Target(find("pendulum"))
    first, second = record(None, target, 60, seed=0), record(None, target, 70, seed=1)
    both = first.joined(second)
    assert (len(both), both.n_episodes) == (130, 2)
    np.testing.assert_array_equal(both.rows(slice(60, None)).observations, second.observations)
    assert both.sha256() != first.sha256()
    assert both.sha256() == first.joined(second).sha256()


def test_a_log_keeps_commands_not_what_arrives() -> None:
    weak = record(None, Target(find("pendulum"), action_gain=0.5), 60, seed=0)
    plain = record(None, Target(find("pendulum")), 60, seed=0)
    np.testing.assert_array_equal(weak.actions, plain.actions)
    assert json.loads(json.dumps(dataclasses.asdict(weak)["columns"])) == {}


# --- actions --------------------------------------------------------------------------------------

CARTPOLE = record(None, Target(find("cartpole")), 260, seed=0)


@pytest.mark.parametrize("format", ["npz", "csv"])
def test_a_1_among_several_numbers_is_the_choice(format: str, tmp_path: Path) -> None:
    choices = CARTPOLE.actions[:, 0].astype(int)
    one_hot = np.eye(2)[choices]
    if format == "npz":
        path = saved(tmp_path / "log.npz", CARTPOLE, actions=one_hot)
    else:
        columns = {f"obs_{n}": CARTPOLE.observations[:, n] for n in range(4)}
        columns |= {f"next_obs_{n}": CARTPOLE.next_observations[:, n] for n in range(4)}
        columns |= {f"action_{n}": one_hot[:, n].astype(int) for n in range(2)}
        path = table(tmp_path / "log.csv", columns | {"terminated": CARTPOLE.terminated.astype(int)})
    found = read(path, "cartpole")
    np.testing.assert_array_equal(found.actions[:, 0], choices)
    assert any(note.startswith("Of 2 numbers of each action one is 1") for note in found.notes)


def test_numbers_that_mark_no_single_choice_are_no_choice(tmp_path: Path) -> None:
    both = np.ones((len(CARTPOLE), 2))
    assert "observations have 4 numbers and actions 2" in refusal(saved(tmp_path / "log.npz", CARTPOLE, actions=both))
