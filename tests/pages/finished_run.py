"""A finished run made by hand, for tests of pages only: its numbers are invented and shown to nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from engines.contract import Estimate, Recipe, Result, Scope, Side, Strategy, Verdict, Word
from engines.runs import RunFolder

TASK = "vision.classification"
MODEL = "tf_efficientnet_lite0"
CLASSES = ["animals", "food", "plants", "household"]
CONFUSION = [[30, 1, 1, 0], [1, 11, 0, 1], [1, 0, 8, 1], [0, 2, 0, 5]]
COLOURS = {"animals": "#a65", "food": "#c44", "plants": "#484", "household": "#57a"}


def recipe(**changes: Any) -> Recipe:
    values = {
        "task": TASK,
        "data": "/nowhere/photographs.zip",
        "model": MODEL,
        "strategy": Strategy.FEATURES,
        "settings": {"baseline": "scratch"},
        "title": "Four kinds of things",
        "created": 1_790_000_000.0,
    }
    return Recipe(**{**values, **changes})


SIDES: dict[Word | None, tuple[Side, Scope]] = {
    "pays": ("better", "training"),
    "hurts": ("worse", "training"),
    "no_difference": ("close", "training"),
    "undecided": ("unclear", "training"),
    None: ("better", "networks"),
}


def write(
    path: Path,
    *,
    thumbnails: bool = True,
    value: float = 0.874,
    title: str = "Four kinds of things",
    verdict: Word | None = "pays",
    events: bool = True,
    calibration: dict[str, Any] | None = None,
) -> RunFolder:
    """A finished run at `path`."""
    run = RunFolder.create(recipe(title=title), path)
    if events:
        _events(run)
    right = sum(CONFUSION[i][i] for i in range(4))
    n = sum(map(sum, CONFUSION))
    result = Result(
        run=run.id,
        task=TASK,
        model=MODEL,
        strategy="features",
        metric="balanced_accuracy",
        value=value,
        low=value - 0.07,
        high=min(value + 0.06, 1.0),
        higher_is_better=True,
        n_train=149,
        n_validation=37,
        n_test=n,
        seconds=41.3,
        trainable_parameters=5124,
        parameters=3_376_132,
        seed=0,
        baselines={"scratch": 0.431},
        baseline_details={"scratch": {"low": 0.33, "high": 0.54, "seconds": 30.2}},
        verdict=Verdict(verdict, Estimate(0.443, 0.31, 0.56, n, 3 if verdict else 1), "scratch", *SIDES[verdict]),
        metrics={"accuracy": Estimate(right / n, 0.78, 0.94, n)},
        best_epoch=9,
        epochs=12,
        notes=["'household' has 7 test photographs: its own number is rough."],
        details={
            "classes": CLASSES,
            "confusion": CONFUSION,
            "per_class": [
                {
                    "class": name,
                    "n": sum(CONFUSION[i]),
                    "recall": CONFUSION[i][i] / sum(CONFUSION[i]),
                    "low": 0.5,
                    "high": 1.0,
                    "precision": 0.8,
                }
                for i, name in enumerate(CLASSES)
            ],
            "stages": [
                {"name": name, "parameters": 1000 * 3**i, "trainable": False}
                for i, name in enumerate(["stem", "1", "2", "3", "4", "5", "6", "7"])
            ],
            "head_parameters": 5124,
            **({"calibration": calibration} if calibration else {}),
            "image_size": 224,
            "load_snippet": "import timm\nmodel = timm.create_model('tf_efficientnet_lite0', num_classes=4)",
            "next": {
                "text": "Let the last block learn too: training and validation are close, so there is room.",
                "strategy": "partial",
                "settings": {"blocks": 1},
            },
        },
    )
    _predictions(run, thumbnails)
    run.write("README.md", "---\nlicense: apache-2.0\n---\n\n# Four kinds of things\n")
    run.write("report.html", "<!doctype html><title>Report</title>")
    run.write("result.json", result.to_json())
    return run


def measured(ece: float, n: int = 62, confidence: float = 0.8) -> dict[str, Any]:
    """One part of `Result.details['calibration']`: all test examples in one bin."""
    share = confidence - ece
    one = {"from": 0.7, "to": 0.8, "n": n, "confidence": confidence, "correct": share, "low": share / 2, "high": 1.0}
    return {"ece": ece, "low": ece / 2, "high": 2 * ece, "by_chance": 0.09, "log_loss": 10 * ece, "bins": [one]}


def _events(run: RunFolder) -> None:
    lines: list[dict[str, Any]] = [
        {"time": 1_790_000_001.0, "kind": "status", "state": "running", "message": ""},
        {"time": 1_790_000_002.0, "kind": "phase", "name": "train", "title": "Training", "series": "transfer"},
    ]
    for series, start in (("transfer", 0.7), ("scratch", 0.28)):
        for epoch in range(1, 13):
            gain = 1 - 0.75**epoch
            lines.append(
                {
                    "time": 1_790_000_002.0 + epoch,
                    "kind": "epoch",
                    "phase": "train",
                    "series": series,
                    "epoch": epoch,
                    "epochs": 12,
                    "train_loss": 1.4 - gain * start * 1.5,
                    "train_metric": start + 0.25 * gain,
                    "validation_loss": 1.4 - gain * start * 1.2,
                    "validation_metric": start + 0.17 * gain,
                    "best_epoch": min(epoch, 9),
                    "rate": 212.0,
                    "seconds_left": 12.0 - epoch,
                    "learning_rate": 0.001,
                }
            )
    lines.append({"time": 1_790_000_042.0, "kind": "status", "state": "done", "message": ""})
    run.write("events.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def _predictions(run: RunFolder, thumbnails: bool) -> None:
    rows: list[dict[str, Any]] = []
    for i, true in enumerate(CLASSES):
        for j, said in enumerate(CLASSES):
            for k in range(CONFUSION[i][j]):
                name = f"{true}/{said}-{k}.jpg"
                thumbnail = f"thumbnails/{len(rows)}.jpg"
                if i != j:
                    picture = run.path / thumbnail
                    picture.parent.mkdir(exist_ok=True)
                    if thumbnails:
                        Image.new("RGB", (96, 96), COLOURS[true]).save(picture)
                rows.append(
                    {
                        "file": name,
                        "label": true,
                        "predicted": said,
                        "confidence": 0.95 - 0.01 * k - 0.02 * j,
                        **{f"p_{c}": 0.25 for c in CLASSES},
                        "thumbnail": thumbnail,
                    }
                )
    pq.write_table(pa.Table.from_pylist(rows), run.path / "predictions.parquet")
