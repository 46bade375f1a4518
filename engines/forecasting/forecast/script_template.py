"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py [SERIES.csv]

SERIES.csv holds the series as the run read them, on their even grid: unique_id, ds, y, an empty y where a value is
missing; further columns hold what is known ahead. Without it, the series.csv beside this file is taken. split.json
says which stretch of each series was learnt from, which chose, and from which points in time the test forecast.
fracast.py is the forecaster, inputs.py what it reads and how its answer is added up, rollout.py how it is asked.
This folder holds your data: share it with those who may see them.
"""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor

from engines.exports.script_parts import HERE, RUN, as_in_the_run, fit, paths_given, seeded

sys.path.insert(0, str(HERE))
from engines.forecasting.models import covariate_regression, inputs, rollout
from engines.forecasting.models.fracast import HORIZON, Fracast

# --- Windows of the past become inputs and targets ---


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Series by name: float64 (T,), and what is known ahead beside each, (T, K); nan where missing."""
    found: dict[str, list[float]] = {}
    beside: dict[str, list[list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name, _, y, *known = row.values()
            found.setdefault(name, []).append(float(y or "nan"))
            beside.setdefault(name, []).append([float(value or "nan") for value in known])
    series = {name: np.array(rows) for name, rows in found.items()}
    return series, {name: np.array(rows) for name, rows in beside.items()}


def explained(series: dict[str, np.ndarray], beside: dict[str, np.ndarray], split: dict[str, Any]) -> dict[str, Any]:
    """What is known ahead adds to each value of each series, fitted before the test: float64 (T,)."""
    found = {}
    for name, values in series.items():
        effect = None
        if RUN["features"]:
            validation, test = split["cuts"][name]
            effect = covariate_regression.fit(values, beside[name], validation, test, RUN["season"])
        found[name] = np.zeros(len(values)) if effect is None else effect.of(beside[name])
    return found


def batch(series: dict[str, np.ndarray], slots: list[Any], origins: list[int]) -> tuple[Tensor, Tensor]:
    """Inputs (B, 2, W) and targets (B, 48, 6) of windows that end at these origins. A slot is
    [series, first origin, last origin, nothing is looked at from here on, lag, scale, upside down]."""
    given, targets = [], []
    for (name, _, _, until, lag, scale, turned), origin in zip(slots, origins, strict=True):
        window = inputs.window(series[name][max(0, origin - RUN["context"] - lag) : origin], lag, RUN["context"])
        future = series[name][origin : min(origin + min(RUN["horizon"], HORIZON), until)]
        given.append(window.inputs)
        targets.append(inputs.prepare(window, future, lag, scale, RUN["horizon"], turned))
    x = torch.from_numpy(np.stack(given))
    x = torch.where(torch.tensor([slot[-1] for slot in slots])[:, None, None], inputs.mirrored(x), x)
    return x, torch.from_numpy(np.stack(targets))


def drawn(slots: list[Any], dice: Generator) -> list[int]:
    """An origin within each slot."""
    return [int(torch.randint(first, last + 1, (1,), generator=dice)) for _, first, last, *_ in slots]


# --- Training: the epoch that forecasts the validation part best is kept ---


def above(model: Any, x: Tensor, boundary: int) -> Tensor:
    """The network from that stage on: 0 embedding, 1 time scales, 2 decoder, 3 the head."""
    for stage in (model.embed, model.ladder, model.decode)[boundary:]:
        x = stage(x)
    return model.head.out_proj(x)


def behind(model: Any, series: dict[str, np.ndarray], slots: list[Any], views: int) -> tuple[Tensor, Tensor]:
    """What the frozen stages make of each slot's newest window and of drawn ones, computed once; and the targets."""
    dice = Generator().manual_seed(RUN["seed"])
    seen, targets = [], []
    model.eval()
    for view in range(views):
        for start in range(0, len(slots), 32):
            some = slots[start : start + 32]
            x, target = batch(series, some, drawn(some, dice) if view else [last for _, _, last, *_ in some])
            with torch.no_grad():
                for stage in (model.embed, model.ladder, model.decode)[: RUN["boundary"]]:
                    x = stage(x)
            seen.append(x)
            targets.append(target)
    return torch.cat(seen), torch.cat(targets)


def loss_on(model: Any, checks: tuple[Tensor, Tensor]) -> float:
    model.eval()
    with torch.no_grad():
        rows = torch.arange(len(checks[0])).split(64)
        return float(inputs.pinball(torch.cat([above(model, checks[0][r], RUN["boundary"]) for r in rows]), checks[1]))


def learn(model: Any, series: dict[str, np.ndarray], split: dict[str, Any]) -> None:
    slots, named = split["training"], dict(model.named_parameters())
    learning = {name: p for name, p in named.items() if name in RUN["rates"]}
    for name, p in named.items():
        p.requires_grad_(name in learning)
    start = {name: p.detach().clone() for name, p in learning.items()}
    if RUN["boundary"]:
        inner, targets = behind(model, series, slots, 4)
        checks, n = behind(model, series, split["checks"], 1), len(targets)
    else:
        n = len(slots)
        checks = batch(series, split["checks"], [last for _, _, last, *_ in split["checks"]])

    def draw(dice: Generator) -> Sequence[Tensor]:
        return torch.randperm(n, generator=dice).split(RUN["batch_size"])

    def loss(chosen: Tensor, group: Sequence[Tensor], dice: Generator) -> Tensor:
        if RUN["boundary"]:
            x, target = inner[chosen], targets[chosen]
        else:
            some = [slots[i] for i in chosen.tolist()]
            x, target = batch(series, some, drawn(some, dice))
        return inputs.pinball(above(model, x, RUN["boundary"]), target) * len(chosen) / sum(map(len, group))

    rates = {id(p): RUN["rates"][name] for name, p in learning.items()}
    fit(model, RUN["phase"], draw, loss, lambda: loss_on(model, checks), rates=rates)
    weights = {name: p.detach().clone() for name, p in learning.items()}
    if RUN["strategy"] != "scratch":
        # with few windows, going all the way forgets more than it learns: how far, the validation part says
        losses = {}
        for share in RUN["shares"]:
            blend = {name: torch.lerp(start[name], weights[name], share) for name in weights}
            model.load_state_dict(blend, strict=False)
            losses[share] = loss_on(model, checks)
        share = min(losses, key=losses.__getitem__)
        model.load_state_dict({name: torch.lerp(start[name], weights[name], share) for name in weights}, strict=False)
        print(f"{share:.0%} of the way from the pretrained weights to the trained ones is best")


# --- The run ---


def error(values: np.ndarray) -> float:
    """The mean error of repeating the last season."""
    for lag in (RUN["season"], 1):
        if len(values) > lag:
            off = np.abs(values[lag:] - values[:-lag])
            off = off[np.isfinite(off)]
            if len(off) and off.mean() > 1e-12 * max(1.0, float(np.nanmax(np.abs(values)))):
                return float(off.mean())
    return 1.0


def main(path: Path) -> None:
    as_in_the_run()
    whole, beside = read(path)
    split = json.loads((HERE / "split.json").read_text(encoding="utf-8"))
    added = explained(whole, beside, split)
    series = {name: values - added[name] for name, values in whole.items()}  # what the network reads
    seeded(RUN["seed"], "weights")
    model = Fracast()
    if RUN["strategy"] != "scratch":
        model.load_state_dict(load_file(HERE / "pretrained.safetensors"))
    if RUN["strategy"] != "zero-shot":
        learn(model, series, split)
    model.eval()

    tests = split["tests"]  # [series, origin, what the forecast's first step is called]
    known = [series[name][:origin] for name, origin, _ in tests]
    mixes = [{int(lag): share for lag, share in split["mixes"][name].items()} for name, _, _ in tests]
    answers = rollout.pooled(model, known, mixes, RUN["horizon"], RUN["context"])[:, :, inputs.MEDIAN]
    steps = [slice(origin, origin + RUN["horizon"]) for _, origin, _ in tests]
    medians = answers + np.stack([added[name][own] for (name, *_), own in zip(tests, steps, strict=True)])
    errors: list[float] = []
    told: dict[str, float] = {}
    for (name, origin, called), median in zip(tests, medians, strict=True):
        past, truth = whole[name][:origin], whole[name][origin : origin + RUN["horizon"]]
        forecast, seen = rollout.not_below_zero(median, past), np.isfinite(truth)
        constant = np.ptp(past[np.isfinite(past)]) == 0
        if seen.any() and not constant:
            errors.append(float(np.where(seen, np.abs(forecast - truth), 0.0).sum() / seen.sum() / error(past)))
        told |= {f"{name} {called} +{step + 1}": float(value) for step, value in enumerate(forecast)}
    print(f"mase {np.mean(errors)} from {len(tests)} points in time")
    (HERE / "predictions.json").write_text(json.dumps(told, indent=0), encoding="utf-8")
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, HERE / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(*paths_given("[SERIES.csv]", 0)[:1] or [HERE / "series.csv"])
