"""A policy taken home acts as it did here: in Stable-Baselines3, in ONNX Runtime, and as a script of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engines import paths, registry
from engines.contract import InputError, Result
from engines.control.agents import model_files
from engines.control.policy import card_words, export_onnx, export_sb3, export_script
from engines.control.policy.card_words import Steps
from engines.control.policy.predict import Controller
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target
from engines.runs import RunFolder
from tests import alone, tiny_control, tiny_policies
from tests.test_cli import call

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = registry.task("control.policy")
PENDULUM = Target(find("pendulum"))
HEAVY = PENDULUM.changed(m=1.4, l=1.3, friction=0.05, g=9.0, delay=2, action_gain=0.8, observation_noise=0.05)
OTHERS = {
    "cartpole": {"masscart": 1.5, "length": 0.7, "gravity": 11.0, "action_gain": 1.4},
    "lunarlander": {"wind": 8.0, "turbulence": 0.7, "main_engine": 0.9, "gravity": 9.0, "action_gain": 0.9},
    "bipedalwalker": {"motor_torque": 0.8, "hull_mass": 1.4, "leg_mass": 0.8, "friction": 0.6, "gravity": 9.0},
    "invertedpendulum": {"pole_length": 1.3, "cart_mass": 1.2, "pole_mass": 0.7, "damping": 2.0},
    "hopper": {"torso_mass": 1.3, "leg_mass": 0.8, "damping": 1.5, "friction": 0.7, "gravity": 9.0},
    "halfcheetah": {"torso_mass": 1.3, "stiffness": 0.7, "damping": 1.5, "friction": 0.8},
    "reacher": {"inertia": 1.5, "damping": 2.0, "friction": 0.1},
}


def differing(name: str) -> Target:
    return Target(find(name)).changed(**OTHERS[name], delay=1, observation_noise=0.02)


def corrected_run(path: Path) -> RunFolder:
    source = model_files.of(tiny_policies.untrained(HEAVY))
    return tiny_policies.finished(path, HEAVY, [tiny_policies.correction(HEAVY, source, 0.4)], source=source, limit=0.4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    algorithms = [tiny_policies.untrained(HEAVY, seed=seed) for seed in (0, 1)]
    return tiny_policies.finished(tmp_path_factory.mktemp("runs") / "run", HEAVY, algorithms)


# --- the script -----------------------------------------------------------------------------------


def played(run: RunFolder, out: Path, *arguments: str) -> tuple[str, dict[str, float]]:
    """Runs the exported script where Headstart cannot be seen; asserts that it is fit to be read."""
    folder = export_script.export(TASK, run.path, out)
    ended = alone.run(folder / "play.py", *arguments, cwd=out.parent)
    assert ended.returncode == 0, ended.stderr
    script = (folder / "play.py").read_text(encoding="utf-8")
    lines = script.splitlines()
    assert len(lines) <= 165
    assert max(map(len, lines)) <= 120
    assert "import engines" not in script
    assert "from engines" not in script
    return ended.stdout, json.loads((folder / "predictions.json").read_text(encoding="utf-8"))


def test_it_repeats_every_episode_of_every_repeat_to_the_last_digit(run: RunFolder, tmp_path: Path) -> None:
    said, answers = played(run, tmp_path / "script")
    expected = tiny_policies.returns(run)
    assert answers == expected
    assert list(answers) == ["seed 0, episode 0", "seed 0, episode 1", "seed 1, episode 0", "seed 1, episode 1"]
    assert said == f"return {float(np.mean(list(expected.values())))} over 4 episodes\n"


@pytest.mark.parametrize("name", list(OTHERS))
def test_it_knows_the_robot(name: str, tmp_path: Path) -> None:
    made = tiny_policies.finished(tmp_path / "run", differing(name), [tiny_policies.untrained(differing(name))])
    _, answers = played(made, tmp_path / "script")
    assert answers == tiny_policies.returns(made)
    script = (tmp_path / "script" / "play.py").read_text(encoding="utf-8")
    others = {"pendulum": "inner.l,", "cartpole": "masscart", "lunarlander": "wind", "bipedalwalker": "HULL_FD"}
    assert [robot for robot, line in others.items() if line in script] == ([name] if name in others else [])


def test_another_target_can_be_played(run: RunFolder, tmp_path: Path) -> None:
    lighter = tiny_policies.finished(
        tmp_path / "light", PENDULUM, [tiny_policies.untrained(HEAVY, seed=seed) for seed in (0, 1)]
    )
    (tmp_path / "light.json").write_text(json.dumps({"env": "Pendulum-v1"}))
    _, answers = played(run, tmp_path / "script", str(tmp_path / "light.json"))
    assert answers == tiny_policies.returns(lighter)


def test_a_target_of_another_robot_is_refused_in_a_sentence(run: RunFolder, tmp_path: Path) -> None:
    folder = export_script.export(TASK, run.path, tmp_path / "script")
    (tmp_path / "cart.json").write_text(json.dumps({"physics": {"masscart": 2, "m": 1, "gravity": 3}}))
    command = [sys.executable, "-I", str(folder / "play.py"), str(tmp_path / "cart.json")]
    alone = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (alone.returncode, alone.stderr) == (1, "cart.json: Pendulum-v1 has no gravity, masscart\n")


def test_a_corrected_policy_is_played_too(tmp_path: Path) -> None:
    made = corrected_run(tmp_path / "run")
    assert played(made, tmp_path / "script")[1] == tiny_policies.returns(made)


def test_a_robot_of_somebodys_own_is_in_the_parcel(tmp_path: Path) -> None:
    import gymnasium

    model = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "inverted_pendulum.xml"
    text = model.read_text(encoding="utf-8").replace('size="0.049 0.3"', 'size="0.06 0.3"')
    target = Target(find("invertedpendulum"), mjcf=text)
    assert text != model.read_text(encoding="utf-8")
    made = tiny_policies.finished(tmp_path / "run", target, [tiny_policies.untrained(target)])
    assert played(made, tmp_path / "script")[1] == tiny_policies.returns(made)


# --- Stable-Baselines3 ----------------------------------------------------------------------------


@pytest.mark.parametrize("corrected", [False, True])
def test_the_zip_loads_where_there_is_no_headstart(corrected: bool, run: RunFolder, tmp_path: Path) -> None:
    made = corrected_run(tmp_path / "run") if corrected else run
    new, _ = tiny_control.write_observations(tmp_path / "new")
    folder = export_sb3.export(TASK, made.path, tmp_path / "sb3")
    own = {"policy.zip", "target.json", "usage.py", "requirements.txt"}
    assert {path.name for path in folder.iterdir()} == own | {"README.md", "recipe.json"}
    tiny_control.sb3_loads_back(folder, model_files.snippet("SAC"), Controller(made.path), new)
    again = export_sb3.export(TASK, made.path, tmp_path / "again")
    assert (again / "policy.zip").read_bytes() == (folder / "policy.zip").read_bytes()
    with zipfile.ZipFile(folder / "policy.zip") as packed:
        kept = json.loads(packed.read("data"))
    for value in (own[":serialized:"] for own in kept.values() if isinstance(own, dict) and ":serialized:" in own):
        assert str(paths.PROJECT).encode() not in base64.b64decode(value), "where whose code lay"


def test_what_was_loaded_learns_on(run: RunFolder, tmp_path: Path) -> None:
    import gymnasium
    from stable_baselines3 import SAC

    folder = export_sb3.export(TASK, run.path, tmp_path / "sb3")
    policy = SAC.load(folder / "policy.zip", device="cpu", env=gymnasium.make("Pendulum-v1"), buffer_size=100)
    policy.learn(30, reset_num_timesteps=True)
    assert policy.num_timesteps == 30


def test_a_zip_that_would_act_otherwise_is_not_handed_out(run: RunFolder) -> None:
    policy = model_files.load(run.path / "model", 1)
    with pytest.raises(InputError, match="acts otherwise than the run's policy; accepted: the formats onnx and script"):
        export_sb3.require_same(model_files.algorithm(run.path / "model"), policy, run.path)


# --- ONNX -----------------------------------------------------------------------------------------


def test_onnx_acts_as_the_policy_does(run: RunFolder, tmp_path: Path) -> None:
    new, _ = tiny_control.write_observations(tmp_path / "new")
    archive = export_onnx.export(TASK, run.path, tmp_path / "onnx.zip")
    tiny_control.onnx_loads_back(archive, "", Controller(run.path), new)
    names = json.loads(zipfile.ZipFile(archive).read("config.json"))
    assert names["observations"][2] == {"name": "angular velocity", "unit": "rad/s"}
    assert names["actions"] == ["torque"]


def test_onnx_of_choices_says_which(tmp_path: Path) -> None:
    target = differing("cartpole")
    made = tiny_policies.finished(tmp_path / "run", target, [tiny_policies.untrained(target)])
    folder = export_onnx.export(TASK, made.path, tmp_path / "onnx")
    seen = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    lines = [",".join(f"obs_{n}" for n in range(4)), *(",".join(map(str, row)) for row in seen.tolist())]
    (folder / "seen.csv").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "usage.py", "seen.csv"]
    alone = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    said = [json.loads(line)["label"] for line in alone.stdout.splitlines()]
    choices = target.robot.actions
    assert said == [choices[choice] for choice in model_files.load(made.path / "model")(seen)], alone.stderr
    assert "the worth of each choice: take the largest" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_command_line_takes_home_what_is_offered_first(run: RunFolder, tmp_path: Path) -> None:
    answer = call("export", run.path, "--out", tmp_path / "home", "--json")
    assert (answer.status, answer.json["format"]) == (0, "sb3")
    assert (tmp_path / "home" / "policy.zip").is_file()
    answer = call("export", run.path, "--format", "safetensors", "--out", tmp_path / "home")
    assert (answer.status, answer.err) == (
        2,
        "format: safetensors is not offered here; accepted: sb3, onnx, script, notebook, service, app.\n",
    )


@pytest.mark.parametrize("export", [export_sb3.export, export_onnx.export, export_script.export])
def test_a_run_without_a_policy(export, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="there is no trained model in it"):
        export(TASK, tmp_path, tmp_path / "out")


# --- the card and the report ----------------------------------------------------------------------


def test_the_cards_own_words() -> None:
    target = PENDULUM.changed(m=1.4, delay=1)
    said = card_words.words(target, Steps(1000, 250, 8000), episodes=20, repeats=3, real=True)
    assert said["learnt_from"] == "1,000 real steps and 8,000 simulated ones, 3 times from different seeds"
    assert said["tested_on"] == (
        "episodes of Pendulum with mass 1.4 kg instead of 1, delay 1 step instead of 0, 20 for each of 3 seeds"
    )
    assert said["chosen_by"] == "250 of the real steps checked how it was doing."
    assert card_words.described(PENDULUM) == "Pendulum as it is simulated"
    logged = card_words.words(target, Steps(900, 0, 0), episodes=5, repeats=1, real=False, logged=True)
    assert logged["learnt_from"] == "900 logged steps of the robot"
    assert logged["limits"].startswith("Nobody has tried this policy on the robot")


def test_the_card_is_one_of_reinforcement_learning() -> None:
    from engines.reporting import model_card
    from tests.reporting.test_reporting import CARD, RECIPE, RESULT

    result = Result.from_json(RESULT.to_json())
    said = card_words.words(PENDULUM.changed(m=1.4), Steps(1000, 0, 0), episodes=20, repeats=1, real=True)
    result.metric, result.value, result.low, result.high = "return", -250.0, -300.0, -200.0
    result.metrics, result.baselines, result.verdict = {}, {"zero_shot": -509.0}, None
    result.details = {"card": said, "input": "3 numbers", "load_snippet": model_files.snippet("SAC")}
    text = model_card.write(result, RECIPE, CARD, TASK.info)
    for expected in (
        "pipeline_tag: reinforcement-learning",
        "library_name: stable-baselines3",
        "910 of 1,210 parameters learnt from 1,000 real steps.",
        "On 500 test episodes of Pendulum with mass 1.4 kg instead of 1, with 95 % intervals:",
        "| Return | -250 (-300 to -200) |",
        "| baseline: zero shot, return | -509 |",
        'policy = SAC.load("policy.zip", device="cpu")',
        "No real step was spent on checking.",
        "try the policy on it slowly and within safe limits first.",
    ):
        assert expected in text, expected


def test_the_report_draws_the_return_where_the_numbers_are() -> None:
    """The lowest bound is at the bottom (y 175), the highest at the top (y 15); real steps go from x 70 to x 620."""
    from engines.reporting import html
    from tests.reporting.test_reporting import CARD, INFO, RECIPE, RESULT, Reader

    curve = [
        {"series": "transfer", "real_steps": 0, "mean": -500.0, "low": -600.0, "high": -400.0},
        {"series": "transfer", "real_steps": 1000, "mean": -250.0, "low": -300.0, "high": -200.0},
    ]
    result = Result.from_json(RESULT.to_json())
    result.metric, result.details = "return", {"curve": curve, "real_steps": {"learning": 1000}}
    page = Reader(html.write(result, RECIPE, CARD, TASK.info, []))
    shapes = [value for name, value in page.attributes if name == "points"]
    assert shapes == ["70.0,95.0 620.0,15.0 620.0,55.0 70.0,175.0", "70.0,135.0 620.0,35.0"]
    assert "-300 to -200" in page.text
    assert "accuracy" not in [value for name, value in page.attributes if name == "aria-label"]
    result.details = {"curve": [{"clips": 10, "wer": 0.2}]}  # another domain's
    assert Reader(html.write(result, RECIPE, CARD, INFO, [])).text
