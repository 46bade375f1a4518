"""A finished control run made by hand, for tests of pages only: its numbers are invented and shown to nobody."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from engines.contract import Estimate, Recipe, Result, Strategy, Verdict
from engines.control.policy.strategies import IDENTIFIED
from engines.runs import RunFolder

TASK = "control.policy"
TARGET = {
    "env": "Pendulum-v1",
    "physics": {"m": 1.4, "l": 1.3},
    "delay": 1,
    "action_gain": 0.9,
    "observation_noise": 0.0,
}
BEFORE, AFTER, SCRATCH, SOURCE = -509.0, -268.0, -661.0, -146.0
CURVE = [
    ("transfer", 0, BEFORE),
    ("transfer", 500, -380.0),
    ("transfer", 1000, AFTER),
    ("scratch", 0, -1210.0),
    ("scratch", 1000, -900.0),
    ("scratch", 4000, SCRATCH),
]
XS, YS = [0.6, 0.8, 1.0, 1.2, 1.4, 1.6], [0.8, 1.0, 1.2, 1.3, 1.5]


def returns(mean: float) -> list[list[float]]:
    """Three seeds of 20 episodes, always the same."""
    return [[mean + 12 * (seed - 1) + 6 * ((7 * i + 3 * seed) % 20 - 9.5) for i in range(20)] for seed in range(3)]


def details(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "robot": "pendulum",
        "target": TARGET,
        "kind": "target",
        "real": True,
        "real_steps": {"learning": 800, "checking": 200, "judging": 12_000},
        "sim_steps": 8_000,
        "curve": [
            {
                "series": series,
                "real_steps": steps,
                "mean": mean,
                "low": mean - 40,
                "high": mean + 40,
                "episodes": 60,
                "seeds": 3,
            }
            for series, steps, mean in CURVE
        ],
        "returns": {"before": returns(BEFORE), "after": returns(AFTER), "scratch": returns(SCRATCH)},
        "source": {"value": SOURCE, "low": SOURCE - 15, "high": SOURCE + 15, "episodes": 100},
        "scratch_needs": {"steps": None, "within": 4_000},
        "identified": {
            "values": {"m": [1.39, 1.33, 1.45], "l": [1.3, 1.27, 1.33], "action_gain": [0.95, 0.92, 0.98]},
            "one_step": {"nominal": 0.21, "calibrated": 0.004},
            "rollout": {"nominal": 1.9, "calibrated": 0.31, "steps": 20},
            "transitions": 800,
            "not_told": {"friction": "hardly changes anything that was seen"},
        },
        "diverged": 0,
        "stages": [
            {"name": "layer 1", "parameters": 256, "trainable": True},
            {"name": "layer 2", "parameters": 4160, "trainable": True},
        ],
        "head_parameters": 130,
        "saliency": {
            "observations": ["cosine of the angle", "sine of the angle", "angular velocity"],
            "scores": [0.2, 0.9, 0.7],
            "method": "Integrated gradients",
            "completeness_error": 0.002,
            "states": 400,
        },
        "sensitivity": {
            "x": "m",
            "y": "l",
            "xs": XS,
            "ys": YS,
            "episodes": 4,
            "source": [1.0, 1.0],
            "target": [1.4, 1.3],
            "z": [[-120 - 150 * abs(x - 1.3) - 260 * abs(y - 1.2) for x in XS] for y in YS],
        },
        "videos": {"source_nominal": "source_nominal.gif"},
        "video_note": None,
        "load_snippet": "from stable_baselines3 import SAC\npolicy = SAC.load('policy.zip')",
        "next": {
            "text": "Allow twice as many real steps: the curve still rises.",
            "strategy": "full",
            "settings": {"real_steps": 2_000},
        },
    }
    return found | changes


def recipe(**changes: Any) -> Recipe:
    values = {
        "task": TASK,
        "data": "/nowhere/pendulum.json",
        "model": "pendulum",
        "strategy": IDENTIFIED,
        "settings": {"baseline": "scratch"},
        "title": "A heavier, longer pendulum",
        "created": 1_790_000_000.0,
    }
    return Recipe(**{**values, **changes})


def write(path: Path, *, strategy: Strategy = IDENTIFIED, films: bool = True, **changes: Any) -> RunFolder:
    """A finished run at `path`; `changes` go into its details."""
    run = RunFolder.create(recipe(strategy=strategy), path)
    events(run)
    found = details(**changes)
    learnt = strategy is not Strategy.ZERO_SHOT
    better = Verdict("pays", Estimate(AFTER - BEFORE, 205.0, 276.0, 60, 3), "zero_shot", "better", "training")
    beyond = Estimate(AFTER - SCRATCH, 340.0, 446.0, 60, 3)
    result = Result(
        run=run.id,
        task=TASK,
        model="pendulum",
        strategy=strategy,
        metric="return",
        value=AFTER if learnt else BEFORE,
        low=AFTER - 14,
        high=AFTER + 13,
        higher_is_better=True,
        n_train=1_000 if learnt else 0,
        n_validation=0,
        n_test=60,
        seconds=48.0,
        trainable_parameters=4_546 * learnt,
        parameters=4_546,
        seed=0,
        baselines={"zero_shot": BEFORE, "scratch": SCRATCH},
        baseline_details={
            "zero_shot": {"low": BEFORE - 25, "high": BEFORE + 24},
            "scratch": {"low": SCRATCH - 60, "high": SCRATCH + 55},
        },
        verdict=dataclasses.replace(better, difference=beyond, against="scratch") if learnt else None,
        best_epoch=2,
        epochs=2,
        details=found | ({"against_zero_shot": dataclasses.asdict(better)} if learnt else {}),
    )
    rows = [
        {
            "file": f"seed {seed}, episode {i}",
            "label": "",
            "predicted": after,
            "before": before,
            "length": 200,
            "diverged": False,
            "seed": seed,
        }
        for seed, (afters, befores) in enumerate(zip(returns(AFTER), returns(BEFORE), strict=True))
        for i, (after, before) in enumerate(zip(afters, befores, strict=True))
    ]
    pq.write_table(pa.Table.from_pylist(rows), run.path / "predictions.parquet")
    if films:
        for name in ("source_nominal", "source_target", "tuned_target"):
            film(run.path / "videos" / f"{name}.gif")
    run.write("README.md", "---\nlicense: apache-2.0\n---\n\n# A pendulum\n")
    run.write("report.html", "<!doctype html><title>Report</title>")
    run.write("result.json", result.to_json())
    return run


def film(path: Path) -> None:
    """A square that moves, twelve frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = []
    for number in range(12):
        frame = Image.new("RGB", (240, 240), "white")
        ImageDraw.Draw(frame).rectangle((18 * number, 100, 18 * number + 30, 130), fill="#a33")
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, loop=0)


def events(run: RunFolder) -> None:
    lines: list[dict[str, Any]] = [
        {"time": 1_790_000_001.0, "kind": "status", "state": "running", "message": ""},
        {
            "time": 1_790_000_002.0,
            "kind": "phase",
            "name": "tuning",
            "title": "Tuning in the simulator",
            "series": "transfer",
        },
    ]
    for series, steps, mean in CURVE:
        if steps:
            epoch = 1 + sum(line.get("series") == series and line["kind"] == "epoch" for line in lines)
            lines.append(
                {
                    "time": 1_790_000_002.0 + steps / 100,
                    "kind": "epoch",
                    "phase": "tuning",
                    "series": series,
                    "epoch": epoch,
                    "epochs": 2,
                    "validation_metric": mean,
                    "low": mean - 40,
                    "high": mean + 40,
                    "real_steps": steps,
                    "sim_steps": 4_000 * epoch,
                    "zero_shot": BEFORE,
                    "rate": 900.0,
                    "unit": "real steps",
                    "seconds_left": 8.0,
                }
            )
    lines.append({"time": 1_790_000_050.0, "kind": "status", "state": "done", "message": ""})
    run.write("events.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
