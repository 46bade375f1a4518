"""Records the runs that pages open on: showcase/<id>/ and showcase/index.json.

    python scripts/record_showcase.py [ID …]          (or: make showcase)
    python scripts/record_showcase.py --papers [ID …]
    python scripts/record_showcase.py --answers [ID …]

Each is an ordinary run of a sample with its from-scratch baseline, seed 0, on this machine. Of the model only what
learnt is kept (the rest is the offline pack's), and no pictures whose licence is not ours to pass on. Run again on the
same machine it gives the same numbers. `--papers` trains nothing: report and model card are laid out anew from what was
recorded. `--answers` trains, and keeps nothing but what the network from scratch answers of each test example: for runs
recorded before that was kept. Another processor may train a slightly other network; pages say so.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import paths, registry
from engines.contract import Recipe, Strategy
from engines.control.policy.strategies import IDENTIFIED
from engines.jobs import worker
from engines.reporting import html, model_card
from engines.runs import ID, RIVAL, RunFolder
from ui.page import recorded

PAPERS, ANSWERS = "--papers", "--answers"


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
    learnt_only: bool = True
    """Whether what learnt is enough of the model: the rest is the offline pack's, as it came."""


RECORDINGS = (
    Recording(
        "recorded_photographs_0",
        "vision.classification",
        "photographs",
        "248 photographs, four classes",
        Strategy.FEATURES,
        pictures=False,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_digits_seed_0",
        "vision.classification",
        "digits",
        "400 handwritten digits",
        Strategy.FEATURES,
        pictures=True,
        settings={"baseline": "scratch", "flip": False},
    ),
    Recording(
        "recorded_scenes_seed_0",
        "vision.detection",
        "scenes",
        "Things on photographs, synthetic: four classes, 360 pictures",
        Strategy.FEATURES,
        pictures=False,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_films_seed_00",
        "text.sentiment",
        "films",
        "800 sentences of film reviews",
        Strategy.FEATURES,
        pictures=True,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_museum_seed_0",
        "text.generation",
        "conversations",
        "The desk of a small museum, 84 conversations",
        Strategy.LORA,
        pictures=True,
        settings={"lora_rank": 1},
    ),
    Recording(
        "recorded_scottish_s_00",
        "speech.transcription",
        "scottish",
        "50 sentences in a Scottish voice, synthetic",
        Strategy.LORA,
        pictures=True,
        settings={"lora_rank": 4},
    ),
    Recording(
        "recorded_voices_seed_0",
        "speech.speaker",
        "voices",
        "Six voices, synthetic",
        Strategy.FEATURES,
        pictures=True,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_passengers_00",
        "forecasting.forecast",
        "passengers",
        "Air passengers, 1949 to 1960",
        Strategy.PARTIAL,
        pictures=True,
        learnt_only=False,
    ),
    Recording(
        "recorded_long_pole_000",
        "control.policy",
        "invertedpendulum-long",
        "A longer pole on a worn rail, a step late",
        IDENTIFIED,
        pictures=True,
        learnt_only=False,
        settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_pendulum_late",
        "control.policy",
        "pendulum-late",
        "A heavier, longer, late and noisy pendulum",
        IDENTIFIED,
        pictures=True,
        learnt_only=False,
        settings={"baseline": "scratch"},
    ),
)


def main(chosen: list[str]) -> int:
    index = []
    make = lay_out if PAPERS in chosen else answer if ANSWERS in chosen else record
    ids = [given for given in chosen if given not in {PAPERS, ANSWERS}]
    for recording in RECORDINGS:
        assert ID.fullmatch(recording.id), recording.id
        if not ids or recording.id in ids:
            make(recording)
        entry = {"id": recording.id, "task": recording.task, "sample": recording.sample, "title": recording.title}
        index.append(entry)
    (paths.showcase() / "index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return 0


def lay_out(recording: Recording) -> None:
    """Report and model card of a recorded run, as they are written today."""
    run, task = RunFolder(paths.showcase() / recording.id), registry.task(recording.task)
    recipe, result = run.recipe, run.result
    assert result is not None
    card = task.describe(recipe.model)
    history = [epoch for epoch in recorded.epochs(run.events()) if epoch.get("series") != "scratch"]
    run.write("README.md", model_card.write(result, recipe, card, task.info, run.path))
    run.write("report.html", html.write(result, recipe, card, task.info, history, run.path))


def answer(recording: Recording) -> None:
    """What the network from scratch of a recorded run answers, trained once more; nothing where it has none."""
    with trained(recording) as run:
        if (run.path / RIVAL).is_file():
            shutil.copyfile(run.path / RIVAL, paths.showcase() / recording.id / RIVAL)


@contextmanager
def trained(recording: Recording) -> Iterator[RunFolder]:
    """The run of a recording, trained now, while it is entered."""
    task = registry.task(recording.task)
    with tempfile.TemporaryDirectory() as scratch:
        data = task.make_sample(recording.sample, Path(scratch) / recording.sample)
        recipe = Recipe(
            recording.task,
            str(data),
            task.model_for(data),
            recording.strategy,
            settings=recording.settings,
            title=recording.title,
        )
        run = RunFolder.create(recipe, Path(scratch) / recording.id)
        if status := worker.execute(run):
            raise SystemExit(f"{recording.id}: {run.state[1]} (exit status {status})")
        yield run


def record(recording: Recording) -> None:
    task = registry.task(recording.task)
    with trained(recording) as run:
        # the recipe names the sample, not a place on the machine that recorded it
        run.write("recipe.json", replace(run.recipe, data=recording.sample).to_json())
        target = paths.showcase() / recording.id
        shutil.rmtree(target, ignore_errors=True)
        if recording.learnt_only:
            task.verb("predict").keep_learnt_only(run.path / "model")
        passing = ("heartbeat", "*.log", "tensorboard", "mlflow.json", "cached.txt", "checkpoint", "trials")
        leave = shutil.ignore_patterns(*passing, *([] if recording.pictures else ["thumbnails"]))
        shutil.copytree(run.path, target, ignore=leave)
        result = run.result
        assert result is not None
        print(
            f"{recording.id}: {result.metric} {result.value:.3f}, baselines {result.baselines}, {result.seconds:.0f} s"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
