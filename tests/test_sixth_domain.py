"""A sixth domain is a folder and a line: the template, copied as CONTRIBUTING.md says, goes through every verb."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engines import paths
from tests import alone

TASK = "sixth.shapes"
DOMAIN = """\
from engines.contract import DomainInfo

DOMAIN = DomainInfo("Vibrations", ":material/vibration:", "Tell the vibrations of a machine apart")
"""


def sixth_domain(folder: Path) -> dict[str, str]:
    """Copies the template into `folder`, changes what a person has to change, and returns the settings by which
    Headstart finds it."""
    task = folder / "sixth" / "shapes"
    shutil.copytree(paths.PROJECT / "templates" / "task", task, ignore=shutil.ignore_patterns("__pycache__"))
    for file in task.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("templates.task", TASK).replace("example.shapes", TASK), encoding="utf-8")
    (task.parent / "__init__.py").write_text(DOMAIN, encoding="utf-8")
    places = os.pathsep.join(map(str, (folder, paths.PROJECT)))
    return {"HEADSTART_EXTRA_TASKS": f"{TASK}={TASK}.task:Shapes", "PYTHONPATH": places}


class CommandLine:
    """`python -m engines`, where the sixth domain is known and the checkout is not the current folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = os.environ | sixth_domain(folder) | {"OMP_NUM_THREADS": "1"}

    def ended(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "engines", *map(str, words)]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=200
        )

    def __call__(self, *words: object) -> dict[str, Any]:
        done = self.ended(*words, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


@pytest.fixture
def headstart(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def test_from_the_catalogue_to_a_script_that_repeats_the_run(headstart: CommandLine, tmp_path: Path) -> None:
    (model,) = headstart("models", "sixth")["models"]
    assert (model["task"], model["weights"]) == (TASK, "here")
    (sample,) = headstart("samples", "sixth", "--out", tmp_path / "samples")["samples"]
    assert (sample["task"], sample["real"]) == (TASK, False)
    data = Path(sample["path"])

    lines = data.read_text(encoding="utf-8-sig").splitlines()
    lines[4] = f"broken,{lines[4].partition(',')[2]}"  # one bad row among many is left out, and named
    data.write_text("\n".join(lines), encoding="utf-8")
    report = headstart("check", TASK, "--data", data)
    assert report["n_examples"] == len(lines) - 2 == sum(report["splits"].values())
    assert [entry["where"] for entry in report["skipped"]] == ["line 5"]

    run, short = tmp_path / "run", ("--set", "epochs=4", "--set", "baseline=scratch")
    result = headstart("fit", TASK, "--data", data, "--out", run, *short)
    assert result["task"] == TASK
    assert result["low"] <= result["value"] <= result["high"]
    assert result["verdict"]["against"] == "scratch"

    answers = headstart("predict", run, "--data", data)["predictions"]
    assert [row["file"] for row in answers if "error" in row] == ["line 5"]
    assert {row["label"] for row in answers if "label" in row} <= report["classes"].keys()
    few = tmp_path / "few.csv"
    few.write_text("\n".join([*lines[:3], lines[-1]]), encoding="utf-8")
    explained = headstart("explain", run, "--data", few, "--out", tmp_path / "explained")["explanations"]
    assert [Path(row["picture"]).is_file() for row in explained] == [True] * 3

    compared = headstart(
        "compare", TASK, "--data", data, "--out", tmp_path / "compared", "--budgets", "4,24", "--seeds", 1, *short
    )
    assert [(point["budget"], point["strategy"]) for point in compared["points"]] == [
        (4, "features"),
        (4, "scratch"),
        (24, "features"),
        (24, "scratch"),
    ]

    model_files = Path(headstart("export", run, "--out", tmp_path / "model")["path"])
    assert {path.name for path in model_files.iterdir()} >= {"model.safetensors", "network.py", "README.md"}
    script = Path(headstart("export", run, "--format", "script", "--out", tmp_path / "script")["path"])
    ended = alone.run(script / "train.py", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (value,) = re.findall(r"balanced accuracy (\S+)", ended.stdout)
    assert float(value) == pytest.approx(result["value"], abs=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("time,label\n1,a\n2,b\n", "it has no column 'v0'"),
        (",".join([*(f"v{n}" for n in range(64)), "label"]) + ("\n" + "1," * 64 + "a") * 9, "of one class"),
        (",".join([*(f"v{n}" for n in range(64)), "label"]) + ("\n" + "inf," * 64 + "a") * 9, "no signal in it"),
    ],
    ids=["nothing", "other columns", "one class", "no numbers"],
)
def test_a_table_of_no_use_is_one_sentence(headstart: CommandLine, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    done = headstart.ended("check", TASK, "--data", tmp_path / "mine.csv")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("mine.csv: ")
    assert said in done.stderr
