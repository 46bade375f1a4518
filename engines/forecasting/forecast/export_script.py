"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from engines import weights
from engines.contract import Strategy, Task
from engines.data.tables import safe_cell
from engines.exports import script
from engines.exports.bundle import parcel
from engines.forecasting.forecast import model_files
from engines.forecasting.forecast.evaluate import ForecastTrial
from engines.forecasting.forecast.metrics import Tested
from engines.forecasting.forecast.model_files import carry_code, outside
from engines.forecasting.forecast.training import train
from engines.forecasting.forecast.training.train_spec import TrainSpec
from engines.messages import _
from engines.runs import RunFolder, refusal
from engines.training.devices import precision
from engines.training.strategies import parameter_groups

NEEDS = ("torch", "numpy", "scipy", "safetensors")
CARRIED = ("models/fracast.py", "models/inputs.py", "models/rollout.py", "models/covariate_regression.py")
"""Files of engines/forecasting that the script imports."""


# --- while it trains ------------------------------------------------------------------------------


def record(folder: Path, trial: ForecastTrial, tested: Tested) -> None:
    """Writes lesson.json, all that the script's RUN holds, split.json and series.csv into `folder`."""
    spec, strategy, network = trial.spec, trial.strategy, trial.outcome.network
    p, settings = spec.prepared, spec.settings
    rates: dict[str, float] = {}
    if strategy is not Strategy.ZERO_SHOT:
        names = {id(parameter): name for name, parameter in network.model.named_parameters()}
        peak = settings.learning_rate_for(strategy)
        for group in parameter_groups(network, strategy, peak, settings):
            rates |= {names[id(parameter)]: group["lr"] for parameter in group["params"]}
    epochs = 1 if strategy is Strategy.ZERO_SHOT else settings.epochs_for(strategy)
    path = None if strategy is Strategy.SCRATCH else weights.find(spec.card)
    run = {
        "strategy": str(strategy),
        "seed": spec.seed,
        "horizon": p.horizon,
        "season": p.season,
        "context": spec.width,
        "boundary": network.boundary,
        "phase": train.PHASES.get(strategy, "fine-tuning"),
        "epochs": epochs,
        "stop": epochs,
        "patience": settings.patience_for(epochs),
        "batch_size": settings.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "rates": rates,
        "shares": list(train.SHARES),
        "features": p.table.features,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
    }
    script.keep(
        folder,
        run,
        weights=path and weights.sha256(path),
        max_seconds=settings.max_seconds,
        device=spec.on.device.type,
        precision=precision(spec.on),
    )
    (folder / "split.json").write_text(json.dumps(_split(spec, tested), ensure_ascii=False), encoding="utf-8")
    _write_series(folder / "series.csv", spec)


def _split(spec: TrainSpec, tested: Tested) -> dict[str, Any]:
    p = spec.prepared
    names, f = p.table.names, p.table.frequency

    def listed(chosen: list[train.Slot]) -> list[list[Any]]:
        return [[names[s.series], s.first, s.last, s.until, s.lag, p.scales[s.series], s.upside_down] for s in chosen]

    tests = [
        [names[series], origin, f.called(p.table.starts[series] + origin)]
        for series, origin in zip(tested.series.tolist(), tested.origins.tolist(), strict=True)
    ]
    return {
        "training": listed(train.training_slots(spec)),
        "checks": listed(train.checking_slots(p, p.usable, spec.mixes)),
        "mixes": {names[series]: dict(spec.mixes[series]) for series in sorted(set(tested.series.tolist()))},
        "tests": tests,
        "cuts": {names[series]: [own.validation, own.test] for series in p.usable if (own := p.splits[series])},
    }


def _write_series(out: Path, spec: TrainSpec) -> None:
    """Every usable series on its grid, one row a step."""
    p = spec.prepared
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["unique_id", "ds", "y", *(safe_cell(name) for name in p.table.features)])
        for position in p.usable:
            series, known = p.table.at(position), p.table.known(position)
            for step, value in enumerate(series.values.tolist()):
                when = p.table.frequency.called(series.start + step)
                row = [value, *known[step].tolist()]
                table.writerow([safe_cell(series.name), when, *("" if cell != cell else repr(cell) for cell in row)])


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, what it reads, and the versions it ran with, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = run / "model"
    missing, instead = _("it does not hold what a script needs"), _("accepted: a run that was trained here")
    kept = script.kept_of(run, missing, instead)
    model_files.require_own(run, model_files.load(run))
    if RunFolder(run).recipe.settings.get("shared_effect"):
        found = _("what its columns add is by the sums of several sites")
        raise refusal(run, found, _("accepted: a run on these series alone, or another form of export"))
    lesson = kept["script"]
    if kept["device"] != "cpu" or kept["precision"] != "fp32":
        raise refusal(
            run,
            _("it ran on {device} in {precision}", device=kept["device"], precision=kept["precision"]),
            _("accepted: a run on the processor"),
        )
    lesson["plans"] = {
        lesson["phase"]: {"rate": None} | {name: lesson[name] for name in ("epochs", "stop", "patience")}
    }
    script.stop_as_the_run(run, kept)
    path = None
    if lesson["strategy"] != Strategy.SCRATCH:
        path = weights.fetch(task.describe(RunFolder(run).recipe.model))
        if kept["weights"] and weights.sha256(path) != kept["weights"]:
            found = _("the pretrained weights on this machine are not those it started from")
            raise refusal(run, found, _("accepted: the file with SHA-256 {weights}…", weights=kept["weights"][:8]))
    with parcel(out) as folder:
        script.write(folder, Path(__file__).with_name("script_template.py"), lesson, run, NEEDS)
        (folder / "train.py").write_text(outside((folder / "train.py").read_text(encoding="utf-8")), encoding="utf-8")
        carry_code(CARRIED, folder)
        for name in ("split.json", "series.csv"):
            shutil.copyfile(model / name, folder / name)
        if path is not None:
            shutil.copyfile(path, folder / "pretrained.safetensors")
    return out
