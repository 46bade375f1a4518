"""Records the runs that pages open on: showcase/<id>/ and showcase/index.json.

    python scripts/record_showcase.py          (or: make showcase)

Each is an ordinary run of a sample with its from-scratch baseline, seed 0, on this machine. Of the model only the head
is kept (the backbone is the offline pack's), and no pictures whose licence is not ours to pass on. Run again on the
same machine it gives the same numbers.
"""

from __future__ import annotations

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
from engines.vision import predicting


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


RECORDINGS = (
    Recording(
        "recorded_photographs_0", "vision.classification", "photographs", "248 photographs, four classes",
        Strategy.FEATURES, pictures=False, settings={"baseline": "scratch"},
    ),
    Recording(
        "recorded_digits_seed_0", "vision.classification", "digits", "400 handwritten digits",
        Strategy.FEATURES, pictures=True, settings={"baseline": "scratch", "flip": False},
    ),
)  # fmt: skip


def main() -> int:
    index = []
    for recording in RECORDINGS:
        assert ID.fullmatch(recording.id), recording.id
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
            recording.task, str(data), task.info.default_model, recording.strategy,
            settings=recording.settings, title=recording.title,
        )  # fmt: skip
        run = RunFolder.create(recipe, Path(scratch) / recording.id)
        if status := worker.execute(run):
            raise SystemExit(f"{recording.id}: {run.state[1]} (exit status {status})")
        # the recipe names the sample, not a place on the machine that recorded it
        run.write("recipe.json", replace(run.recipe, data=recording.sample).to_json())
        target = places.showcase() / recording.id
        shutil.rmtree(target, ignore_errors=True)
        predicting.keep_head_only(run.path / "model")
        leave = shutil.ignore_patterns("heartbeat", "*.log", *([] if recording.pictures else ["thumbnails"]))
        shutil.copytree(run.path, target, ignore=leave)
        result = run.result
        assert result is not None
        print(
            f"{recording.id}: {result.metric} {result.value:.3f}, baselines {result.baselines}, {result.seconds:.0f} s"
        )


if __name__ == "__main__":
    sys.exit(main())
