"""A trained policy is kept, plays, is asked and is explained: always the same policy."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import registry
from engines.contract import InputError
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy, from_arrays
from engines.control.agents.torch_policy import PolicyNetwork
from engines.control.logs import observations
from engines.control.logs.how import How
from engines.control.policy import explain
from engines.control.policy.predict import Controller
from engines.control.simulation import environment
from engines.control.simulation.residual_env import Corrected
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target
from tests import tiny_control, tiny_policies

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = registry.task("control.policy")
PENDULUM, CARTPOLE = Target(find("pendulum")), Target(find("cartpole"))
HEAVY = PENDULUM.changed(m=1.4, l=1.3, delay=1)
SEEN = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)


def linear(weight: list[list[float]], bias: list[float], **bounds: np.ndarray) -> Policy:
    return Policy(((np.array(weight), np.array(bias)),), "relu", **bounds)


TORQUE = {"low": np.float32([-2]), "high": np.float32([2])}


# --- playing --------------------------------------------------------------------------------------


def test_an_action_is_the_tanh_of_the_mean_in_the_robots_units() -> None:
    hidden = (np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([0.5, 0.0]))
    policy = Policy((hidden, (np.array([[1.0, 2.0]]), np.array([-1.0]))), "relu", **TORQUE)
    # relu(1 + .5) = 1.5 and relu(-2) = 0: mean 1.5 - 1 = .5
    assert policy(np.array([[1.0, 2.0, 9.0]])).tolist() == [[np.float32(2 * round(float(np.tanh(0.5)), 6))]]
    assert policy(np.array([[1.0, 2.0, 9.0]])).dtype == np.float32


def test_a_choice_is_the_one_of_the_highest_value() -> None:
    policy = linear([[1.0], [-1.0]], [0.0, 0.0])
    assert policy(np.array([[2.0], [-2.0]])).tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["SAC", "DQN"])
def test_it_acts_as_the_algorithm_does(kind: str, tmp_path: Path) -> None:
    target = CARTPOLE if kind == "DQN" else PENDULUM
    algorithm = tiny_policies.untrained(target, kind=kind)
    seen = np.random.default_rng(2).normal(size=(60, target.robot.width)).astype(np.float32)
    expected = algorithm.predict(seen, deterministic=True)[0]
    policy = model_files.of(algorithm)
    np.testing.assert_allclose(policy(seen), expected, atol=4e-6)
    model_files.save(algorithm, tmp_path, {"robot": target.robot.name})
    model_files.save(algorithm, tmp_path, {}, repeat=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "policy.safetensors",
        "policy_1.safetensors",
    ]
    for loaded in model_files.repeats(tmp_path):
        assert (loaded(seen) == policy(seen)).all()
    again = model_files.algorithm(tmp_path)
    assert type(again).__name__ == kind
    assert (again.predict(seen, deterministic=True)[0] == expected).all()
    assert again.observation_space == algorithm.observation_space
    for name, value in algorithm.policy.state_dict().items():
        assert (again.policy.state_dict()[name] == value).all(), name


def test_an_answer_does_not_depend_on_who_is_asked_with_it() -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM, widths=(64, 64)))
    assert (np.concatenate([policy(one[None]) for one in SEEN]) == policy(SEEN)).all()


def test_a_correction_adds_to_the_source_and_is_clipped(tmp_path: Path) -> None:
    source = linear([[0.0, 0.0, 0.0]], [np.arctanh(0.8)], **TORQUE)  # always 0.8 of the limit
    correction = linear([[0.0, 0.0, 0.0, 50.0]], [0.0], **TORQUE)  # sees the source's action, answers 1
    both = Policy(correction.layers, "relu", **TORQUE, source=source, limit=0.1)
    assert both(SEEN[:1]).tolist() == [[pytest.approx(2 * 0.9)]]
    assert Policy(correction.layers, "relu", **TORQUE, source=source, limit=0.5)(SEEN[:1]).tolist() == [[2.0]]
    algorithm = tiny_policies.correction(PENDULUM, source, 0.3)
    model_files.save(algorithm, tmp_path, {"robot": "pendulum"}, source=source, limit=0.3)
    made, kept = model_files.of(algorithm, source=source, limit=0.3), model_files.load(tmp_path)
    assert (made.width, kept.width) == (3, 3)
    assert (kept(SEEN) == made(SEEN)).all()
    env = algorithm.get_env()
    assert isinstance(env.venv, Corrected) or isinstance(env, Corrected)
    seen = env.reset()
    wanted = 0.8 + 0.3 * algorithm.predict(seen, deterministic=True)[0]
    np.testing.assert_allclose(made(seen[:, :3]), 2 * np.clip(wanted, -1, 1), atol=1e-5)


@pytest.mark.parametrize("corrected", [False, True])
def test_arrays_and_the_network_give_the_same_policy(corrected: bool) -> None:
    import torch

    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    if corrected:
        policy = model_files.of(tiny_policies.correction(PENDULUM, policy, 0.2), source=policy, limit=0.2)
    file = io.BytesIO()
    np.savez(file, **policy.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        assert (from_arrays(dict(arrays))(SEEN) == policy(SEEN)).all()
    with torch.no_grad():
        answer = PolicyNetwork(policy)(torch.from_numpy(SEEN)).numpy()
    np.testing.assert_allclose(answer, policy(SEEN), atol=1e-5)


def test_a_folder_without_a_policy(tmp_path: Path) -> None:
    for ask in (model_files.read, model_files.load, model_files.algorithm, model_files.repeats):
        with pytest.raises(InputError, match="there is no trained model in it"):
            ask(tmp_path / "model")


# --- asking ---------------------------------------------------------------------------------------


def test_columns_are_found_by_name_or_number_or_place(tmp_path: Path) -> None:
    robot = PENDULUM.robot
    for head, row in (
        ("Angular velocity,Sine_of_the_angle,cosine of the angle,torque", "3,2,1,9"),
        ("reward,observation_0,observation_1,observation_2", "9,1,2,3"),
        ("a,b,c", "1,2,3"),
    ):
        (tmp_path / "t.csv").write_text(f"{head}\n{row}\n")
        names, values, skipped = observations.read(tmp_path / "t.csv", robot)
        assert (names, values.tolist(), skipped) == (["line 2"], [[1, 2, 3]], [])
    np.savez(tmp_path / "t.npz", observations=SEEN, actions=SEEN[:, :1])
    names, values, skipped = observations.read(tmp_path / "t.npz", robot)
    assert (names[0], len(names), (values == SEEN).all(), skipped) == ("row 1", 40, True, [])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.csv", b"a,b\n1,2\n", "t.csv: its columns are 'a', 'b'; accepted: a table or an NPZ file with 3 numbers"),
        ("t.csv", b"a,b,c\n1,inf,2\n", r"there is no observation in it \(the first: line 2 has no finite number"),
        ("t.npz", b"PK no", "t.npz: it cannot be read as an array of numbers"),
        ("gone.csv", None, "gone.csv: there is no such file"),
    ],
)
def test_what_is_no_table_of_observations(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        observations.read(tmp_path / name, PENDULUM.robot)


def test_an_array_of_another_width_and_pickled_ones(tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((2, 4)))
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    for name, sentence in (("wide.npy", "an array of float64, 2 × 4"), ("objects.npy", "cannot be read as an array")):
        with pytest.raises(InputError, match=sentence):
            observations.read(tmp_path / name, PENDULUM.robot)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), min_size=1, max_size=6))
def test_any_table_is_read_or_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, rows) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_text("a,b,c\n" + "\n".join(",".join(row) for row in rows), encoding="utf-8", errors="replace")
    try:
        names, values, _ = observations.read(path, PENDULUM.robot)
    except InputError as error:
        found, values, names = error.problems, np.zeros(0), []
        good = bool(found) and all(problem.found and problem.accepted for problem in found)
    else:
        good = len(names) > 0
    assert good
    assert len(names) == len(values)
    assert np.isfinite(values).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    algorithms = [tiny_policies.untrained(HEAVY, seed=seed) for seed in (0, 1)]
    return tiny_policies.finished(tmp_path_factory.mktemp("runs") / "run", HEAVY, algorithms).path


def test_a_table_of_observations_is_answered(run: Path, tmp_path: Path) -> None:
    data, bad = tiny_control.write_observations(tmp_path / "new")
    controller = Controller(run)
    rows = controller.predict(data)
    assert [(row["file"], "error" in row) for row in rows] == [
        (bad, True),
        ("line 2", False),
        ("line 3", False),
        ("line 4", False),
        ("line 5", False),
    ]
    expected = controller.policy(np.array(tiny_control.OBSERVATIONS))
    for row, action in zip(rows[1:], expected, strict=True):
        assert row["action"] == action.tolist()
        assert row["label"] == f"torque {action[0]:.2f}"


def test_choices_are_named_and_valued(tmp_path: Path) -> None:
    made = tiny_policies.finished(tmp_path / "run", CARTPOLE, [tiny_policies.untrained(CARTPOLE)])
    np.savez(tmp_path / "seen.npz", observations=np.zeros((1, 4)))
    (row,) = Controller(made.path).predict(tmp_path / "seen.npz")
    assert row["label"] == max(row["values"], key=row["values"].get)
    assert row["values"].keys() == {"push left", "push right"}


def test_a_target_is_played_in_worlds_of_its_own(run: Path, tmp_path: Path) -> None:
    (tmp_path / "robot.json").write_text(HEAVY.to_json())
    rows = Controller(run).predict(tmp_path / "robot.json")
    played = environment.play(model_files.load(run / "model"), HEAVY, 5, 20_000)
    assert [row["return"] for row in rows] == played.returns.tolist()
    assert [row["file"] for row in rows] == [f"episode {number}" for number in range(1, 6)]
    (tmp_path / "other.json").write_text(CARTPOLE.to_json())
    with pytest.raises(
        InputError, match=r"^other.json: its robot is CartPole; accepted: Pendulum, which it was made for"
    ):
        Controller(run).predict(tmp_path / "other.json")


# --- explaining -----------------------------------------------------------------------------------


def test_a_sensor_that_changes_nothing_gets_nothing_and_the_shares_add_up() -> None:
    policy = linear([[0.5, 0.0, -0.25]], [0.1], **TORQUE)
    usual = np.zeros(3)
    added, off = explain.attributions(policy, SEEN, usual)
    change = np.tanh(SEEN @ np.array([0.5, 0, -0.25]) + 0.1) - np.tanh(0.1)
    assert added.shape == (40, 1, 3)
    assert (added[:, 0, 1] == 0).all()
    np.testing.assert_allclose(added[:, 0].sum(1), change, atol=1e-6)
    assert off.max() < 1e-3


def test_of_choices_the_advantage_is_explained() -> None:
    policy = linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [3.0, 0.0])
    added, _ = explain.attributions(policy, np.array([[2.0, 4.0, 1.0]]), np.zeros(3))
    np.testing.assert_allclose(added[0], [[1.0, -2.0, 0.0], [-1.0, 2.0, 0.0]], atol=1e-6)


def test_sensors_are_tested_beside_how_widely_they_range() -> None:
    """Of ten sensors the last counts most and moves least: the order of what counts takes the action away first."""
    weight = np.linspace(0.01, 1.0, 10) ** 3
    policy = linear([weight.tolist()], [0.0], **TORQUE)
    seen = np.random.default_rng(0).choice([-1.0, 1.0], (200, 10)) * np.linspace(1.5, 1.0, 10)
    scores = weight * np.abs(seen).mean(0)
    found = explain.tested(policy, seen, np.zeros(10), scores)
    assert found is not None
    assert found["deletion"] < found["heuristic_deletion"]
    assert found["insertion"] > found["heuristic_insertion"]
    assert found["units"] == 10
    assert found["deletes"]
    same = explain.tested(policy, seen, np.zeros(10), np.ptp(seen, axis=0))
    assert same is not None
    assert not same["faithful"]


def test_saliency_is_over_the_states_that_are_visited() -> None:
    policy = model_files.of(tiny_policies.untrained(PENDULUM))
    found = explain.saliency(policy, HEAVY, seed=5)
    assert found["observations"] == [name for name, _ in PENDULUM.robot.observations]
    assert 200 <= found["states"] <= 300
    assert all(score > 0 for score in found["scores"])
    assert found["completeness_error"] < 0.02
    assert found == explain.saliency(policy, HEAVY, seed=5)


def test_explanations_of_rows_targets_and_the_runs_own_episodes(run: Path, tmp_path: Path) -> None:
    data, bad = tiny_control.write_observations(tmp_path / "new")
    rows = explain.explain(TASK, run, data, tmp_path / "out")
    labels = {row["file"]: row["label"] for row in Controller(run).predict(data) if "label" in row}
    assert {row["file"]: row["label"] for row in rows if "label" in row} == labels
    assert [row["file"] for row in rows if "error" in row] == [bad]
    assert all(len(row["tokens"]) == len(row["scores"]) == 3 for row in rows if "label" in row)
    (tmp_path / "robot.json").write_text(HEAVY.to_json())
    assert len(explain.explain(TASK, run, tmp_path / "robot.json", tmp_path / "out")) == 5
    (own,) = explain.explain(TASK, run, tmp_path / "robot.json", tmp_path / "out", example="seed 1, episode 1")
    played = environment.play(model_files.load(run / "model", 1), HEAVY, 2, 8)
    assert own["label"] == f"return {played.returns[1]:.1f}"
    for example in ("seed 2, episode 0", "seed 0, episode 2", "elsewhere"):
        with pytest.raises(InputError, match="there is no such episode in the run"):
            explain.explain(TASK, run, data, tmp_path / "out", example=example)
    with pytest.raises(InputError, match="accepted: integrated-gradients"):
        explain.explain(TASK, run, data, tmp_path / "out", method="tea-leaves")


def test_new_observations_are_read_as_the_log_was_that_the_run_learnt_from(tmp_path: Path) -> None:
    robot = find("pendulum")
    how = How(sensors="sine of the angle, cosine of the angle, angular velocity", observation_columns="s, c, w")
    (tmp_path / "own.csv").write_text("w,c,s\n3,1,2\n")
    (tmp_path / "numbered.csv").write_text("obs_0,obs_1,obs_2\n2,1,3\n")
    (tmp_path / "named.csv").write_text('sine of the angle,cosine of the angle,angular velocity\n2,1,"3,0"\n')
    for name in ("own", "numbered", "named"):
        assert observations.read(tmp_path / f"{name}.csv", robot, how)[1].tolist() == [[1, 2, 3]]
    np.save(tmp_path / "a.npy", np.array([[2.0, 1.0, 3.0]]))
    assert observations.read(tmp_path / "a.npy", robot, how)[1].tolist() == [[1, 2, 3]]
    (tmp_path / "degrees.csv").write_text("a,b,c,d\n1,2,180,90\n")
    seen = observations.read(tmp_path / "degrees.csv", find("cartpole"), How(angles="degrees"))[1]
    np.testing.assert_allclose(seen, [[1, 2, np.pi, np.pi / 2]], rtol=1e-6)
