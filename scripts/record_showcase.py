"""Records the runs that pages open on: showcase/<id>/ and showcase/index.json.

    python scripts/record_showcase.py [ID …]          (or: make showcase)

Each is an ordinary run of a sample with its from-scratch baseline, seed 0, on this machine. Of the model only the head
is kept (the backbone is the offline pack's), and no pictures whose licence is not ours to pass on. Run again on the
same machine it gives the same numbers.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import places, registry
from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.runs import ID, RunFolder


@dataclass(frozen=True)
class Recording:
    id: str
    task: str
    sample: str
    title: str
    strategy: Strategy
    pictures: bool
    """Whether the sample's licence lets its pictures travel with the project."""
    settings: dict[str, Any] = field(default_factory=dict)
    head_only: bool = True
    """Whether the head is enough of the model: the backbone is the offline pack's, as it came."""
    model: bool = True
    """Whether the model travels with the project: one that learnt in most of its layers is too large."""


RECORDINGS = (
    Recording(
        "recorded_photographs_0", "vision.classification", "photographs", "248 photographs, four classes",
        Strategy.FEATURES, pictures=False, settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_digits_seed_0", "vision.classification", "digits", "400 handwritten digits",
        Strategy.FEATURES, pictures=True, settings={"baseline": "scratch", "flip": False},
    ),
    Recording(
        "recorded_films_seed_00", "text.sentiment", "films", "800 sentences of film reviews",
        Strategy.FEATURES, pictures=True, settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_museum_seed_0", "text.generation", "conversations", "The desk of a small museum, 84 conversations",
        Strategy.LORA, pictures=True, model=False,
    ),
    Recording(
        "recorded_scottish_s_00", "speech.transcription", "scottish", "50 sentences in a Scottish voice, synthetic",
        Strategy.PARTIAL, pictures=True, model=False,
    ),
    Recording(
        "recorded_voices_seed_0", "speech.speaker", "voices", "Six voices, synthetic",
        Strategy.FEATURES, pictures=True, model=False, settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_passengers_00", "forecasting.forecast", "passengers", "Air passengers, 1949 to 1960",
        Strategy.PARTIAL, pictures=True, head_only=False,
    ),
    Recording(
        "recorded_long_pole_000", "control.policy", "invertedpendulum-long",
        "A longer pole on a worn rail, a step late", Strategy.IDENTIFIED, pictures=True, head_only=False,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_pendulum_late", "control.policy", "pendulum-late", "A heavier, longer, late and noisy pendulum",
        Strategy.IDENTIFIED, pictures=True, head_only=False, settings={"baseline": "scratch"},
    ),
)  # fmt: skip


def main(chosen: list[str]) -> int:
    index = []
    for recording in RECORDINGS:
        assert ID.fullmatch(recording.id), recording.id
        if not chosen or recording.id in chosen:
            record(recording)
        entry = {"id": recording.id, "task": recording.task, "sample": recording.sample, "title": recording.title}
        index.append(entry)
    (places.showcase() / "index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return 0


def record(recording: Recording) -> None:
    task = registry.task(recording.task)
    with tempfile.TemporaryDirectory() as scratch:
        data = task.make_sample(recording.sample, Path(scratch) / recording.sample)
        recipe = Recipe(
            recording.task, str(data), task.model_for(data), recording.strategy,
            settings=recording.settings, title=recording.title,
        )  # fmt: skip
        run = RunFolder.create(recipe, Path(scratch) / recording.id)
        if status := worker.execute(run):
            raise SystemExit(f"{recording.id}: {run.state[1]} (exit status {status})")
        # the recipe names the sample, not a place on the machine that recorded it
        run.write("recipe.json", replace(run.recipe, data=recording.sample).to_json())
        target = places.showcase() / recording.id
        shutil.rmtree(target, ignore_errors=True)
        if not recording.model:
            shutil.rmtree(run.path / "model")
        elif recording.head_only:
            predicting = importlib.import_module(f"engines.{task.info.domain}.predicting")
            predicting.keep_head_only(run.path / "model")
        leave = shutil.ignore_patterns(
            "heartbeat", "*.log", "tensorboard", "mlflow.json", *([] if recording.pictures else ["thumbnails"])
        )
        shutil.copytree(run.path, target, ignore=leave)
        result = run.result
        assert result is not None
        print(
            f"{recording.id}: {result.metric} {result.value:.3f}, baselines {result.baselines}, {result.seconds:.0f} s"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
