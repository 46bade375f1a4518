"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from engines import weights
from engines.contract import ModelCard, Recipe, Strategy
from engines.data.tables import safe_cell
from engines.export.parcel import parcel
from engines.export.specialise import specialised
from engines.forecasting import keeping, teaching
from engines.forecasting.dates import written
from engines.forecasting.keeping import outside
from engines.forecasting.measures import Tested
from engines.forecasting.settings import ForecastSettings
from engines.forecasting.teaching import Learnt, Lesson
from engines.runs import RunFolder, no_model, refusal
from engines.training.devices import precision
from engines.training.strategies import parameter_groups

NEEDS = ("torch", "numpy", "scipy", "safetensors")
CARRIED = ("network.py", "inputs.py", "rolling.py", "regression.py")


# --- while it trains ------------------------------------------------------------------------------


def record(
    folder: Path, lesson: Lesson, learnt: Learnt, recipe: Recipe, settings: ForecastSettings, tested: Tested,
    *, on: Accelerator,
) -> None:  # fmt: skip
    """Writes lesson.json, all that the script's RUN holds, split.json and series.csv into `folder`."""
    p, strategy, network = lesson.prepared, recipe.strategy, learnt.network
    rates: dict[str, float] = {}
    if strategy is not Strategy.ZERO_SHOT:
        names = {id(parameter): name for name, parameter in network.model.named_parameters()}
        peak = settings.learning_rate_for(strategy)
        for group in parameter_groups(network, strategy, peak, settings):
            rates |= {names[id(parameter)]: group["lr"] for parameter in group["params"]}
    epochs = 1 if strategy is Strategy.ZERO_SHOT else settings.epochs_for(strategy)
    path = None if strategy is Strategy.SCRATCH else weights.find(lesson.card)
    run = {
        "strategy": str(strategy), "seed": recipe.seed, "horizon": p.horizon, "season": p.season,
        "context": lesson.width, "boundary": network.boundary, "phase": teaching.PHASES.get(strategy, "fine-tuning"),
        "epochs": epochs, "stop": epochs, "patience": settings.patience_for(epochs),
        "batch_size": settings.batch_size, "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay, "rates": rates, "shares": list(teaching.SHARES),
        "features": p.table.features,
        "threads": torch.get_num_threads(), "matmul": torch.get_float32_matmul_precision(),
    }  # fmt: skip
    kept = {"script": run, "weights": path and weights.sha256(path), "max_seconds": settings.max_seconds}
    kept |= {"device": on.device.type, "precision": precision(on)}
    (folder / "lesson.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    (folder / "split.json").write_text(json.dumps(_split(lesson, tested), ensure_ascii=False), encoding="utf-8")
    _write_series(folder / "series.csv", lesson)


def _split(lesson: Lesson, tested: Tested) -> dict[str, Any]:
    p = lesson.prepared
    names, f = p.table.names, p.table.frequency

    def listed(chosen: list[teaching.Slot]) -> list[list[Any]]:
        return [[names[s.series], s.first, s.last, s.until, s.lag, p.scales[s.series], s.upside_down] for s in chosen]

    tests = [
        [names[series], origin, _called(f, p.table.starts[series] + origin)]
        for series, origin in zip(tested.series.tolist(), tested.origins.tolist(), strict=True)
    ]
    return {
        "training": listed(teaching.training_slots(lesson)),
        "checks": listed(teaching.checking_slots(p, p.usable, lesson.mixes)),
        "mixes": {names[series]: dict(lesson.mixes[series]) for series in sorted(set(tested.series.tolist()))},
        "tests": tests,
        "cuts": {names[series]: [own.validation, own.test] for series in p.usable if (own := p.splits[series])},
    }


def _called(frequency: Any, position: int) -> str:
    return str(position) if frequency.unit == "step" else written(frequency.moment(position))


def _write_series(out: Path, lesson: Lesson) -> None:
    """Every usable series on its grid, one row a step."""
    p = lesson.prepared
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["unique_id", "ds", "y", *(safe_cell(name) for name in p.table.features)])
        for position in p.usable:
            series, known = p.table.at(position), p.table.known(position)
            for step, value in enumerate(series.values.tolist()):
                when = _called(p.table.frequency, series.start + step)
                row = [value, *known[step].tolist()]
                table.writerow([series.name, when, *("" if cell != cell else repr(cell) for cell in row)])


# --- when it is taken home ------------------------------------------------------------------------


def export(run: Path, out: Path, describe: Callable[[str], ModelCard]) -> Path:
    """train.py, what it reads, and the versions it ran with, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = run / "model"
    if not (model / "config.json").is_file():
        raise no_model(run)
    if not (model / "lesson.json").is_file():
        raise refusal(run, "it does not hold what a script needs", "accepted: a run that was trained here")
    keeping.require_own(run, keeping.load(run))
    kept = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    lesson = kept["script"]
    if kept["device"] != "cpu" or kept["precision"] != "fp32":
        raise refusal(run, f"it ran on {kept['device']} in {kept['precision']}", "accepted: a run on the processor")
    if kept["max_seconds"]:  # no script can repeat a clock, but it can stop after as many epochs
        for event in RunFolder(run).events():
            if event.kind == "epoch" and event.data["phase"] == lesson["phase"]:
                lesson["stop"] = event.data["epoch"]
    path = None
    if lesson["strategy"] != Strategy.SCRATCH:
        path = weights.fetch(describe(RunFolder(run).recipe.model))
        if kept["weights"] and weights.sha256(path) != kept["weights"]:
            found = "the pretrained weights on this machine are not those it started from"
            raise refusal(run, found, f"accepted: the file with SHA-256 {kept['weights'][:8]}…")
    here = Path(__file__).parent
    with parcel(out) as folder:
        source = (here / "standalone.py").read_text(encoding="utf-8")
        (folder / "train.py").write_text(outside(specialised(source, lesson)), encoding="utf-8")
        for name in CARRIED:
            (folder / name).write_text(outside((here / name).read_text(encoding="utf-8")), encoding="utf-8")
        for name in ("split.json", "series.csv"):
            shutil.copyfile(model / name, folder / name)
        known = RunFolder(run).recipe.versions
        lines = [f"{name}=={(known.get(name) or version(name)).split('+')[0]}\n" for name in NEEDS]
        (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
        if path is not None:
            shutil.copyfile(path, folder / "pretrained.safetensors")
    return out
