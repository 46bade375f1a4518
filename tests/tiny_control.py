"""A heavier pendulum for tests, the settings that make a run on it short, and what a carried-away policy must do."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

from engines.contract import Predictor
from tests import alone

TARGET = {
    "env": "Pendulum-v1",
    "physics": {"m": 1.4, "l": 1.3},
    "delay": 0,
    "action_gain": 1.0,
    "observation_noise": 0.0,
}
REAL_STEPS, EPISODES, REPEATS = 180, 2, 2
SETTINGS = {
    "real_steps": REAL_STEPS,
    "sim_steps": 240,
    "episodes": EPISODES,
    "repeats": REPEATS,
    "epochs": 3,
    "updates": 0.25,
    "scratch_times": 1,
    "pictures": False,
    "check_share": 0.0,
}
OBSERVATIONS = ((1.0, 0.0, 0.5), (0.0, 1.0, -2.0), (-1.0, 0.0, 0.0), (0.6, 0.8, 7.5))


def write_target(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "heavy.json").write_text(json.dumps(TARGET, indent=2), encoding="utf-8")
    return folder / "heavy.json"


def change_target(data: Path) -> None:
    """Another robot in the same file."""
    data.write_text(json.dumps({**TARGET, "delay": 1}), encoding="utf-8")


def write_observations(folder: Path) -> tuple[Path, str]:
    """Four of them, and a row without a number."""
    folder.mkdir(parents=True)
    lines = [
        "observation_0,observation_1,observation_2",
        *(",".join(map(str, row)) for row in OBSERVATIONS),
        "1,0,fast",
    ]
    (folder / "observations.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "observations.csv", "line 6"


def write_bad_observations(folder: Path) -> Path:
    (folder / "words.csv").write_text("observation_0,observation_1,observation_2\na,b,c\n", encoding="utf-8")
    return folder / "words.csv"


def _unpacked(exported: Path) -> Path:
    if exported.suffix != ".zip":
        return exported
    zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
    return exported.with_suffix("")


def _actions(predictor: Predictor, new: Path) -> np.ndarray:
    return np.array([row["action"] for row in predictor.predict(new) if "action" in row])


def sb3_loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The lines shown on screen, run in a fresh process that knows nothing of Headstart, act the same."""
    exported = _unpacked(exported)
    np.save(exported / "observations.npy", np.array(OBSERVATIONS, np.float32))
    lines = f"import numpy\nobservation = numpy.load('observations.npy')\n{snippet}\nnumpy.save('actions.npy', action)"
    alone.printed(lines, exported)
    np.testing.assert_allclose(np.load(exported / "actions.npy"), _actions(predictor, new), atol=1e-4)


def onnx_loads_back(exported: Path, _snippet: str, predictor: Predictor, new: Path) -> None:
    """usage.py beside the file, run where there is no torch, acts the same."""
    exported = _unpacked(exported)
    own = {"policy.onnx", "config.json", "usage.py", "requirements.txt"}
    assert {path.name for path in exported.iterdir()} == own | {"README.md", "recipe.json"}
    lines = "import sys, runpy\nsys.modules['torch'] = None\nsys.argv[0] = 'usage.py'\n"
    lines += "runpy.run_path('usage.py', run_name='__main__')"
    command = [sys.executable, "-c", lines, str(new)]
    ended = subprocess.run(command, cwd=exported, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    found = [row["action"] for row in rows if "action" in row]
    np.testing.assert_allclose(found, _actions(predictor, new), atol=1e-4)
