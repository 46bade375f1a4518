"""Does fine-tuning pay on real series, and does anything beat seasonal naive? Rolling origins, every row printed.

    python benchmarks/forecasting.py [--seeds 1] [--strategy partial] [--no-arima] [--speed]

Twenty-three series in seven tables, all real, from packages. Each table is learnt from jointly, as a person would
upload it; every model forecasts from the same ten origins. AutoETS, AutoARIMA and Theta are fitted anew at each origin
on all that is known there; the network learns once, from what lies before the first. With --speed, only the two times
that are promised are measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from engines.contract import Strategy
from engines.forecasting import samples
from engines.forecasting.forecast import evaluate, metrics, prepare
from engines.forecasting.forecast.training import input_selection, train, train_spec
from engines.forecasting.models import baselines, rollout, stages
from engines.forecasting.models.catalogue import FRACAST
from engines.forecasting.settings import ForecastSettings
from engines.training.devices import accelerator, keep_freed_memory

TABLES = (
    ("passengers", None),
    ("co2", None),
    ("weather", ("temp_max", "wind")),
    ("hourly", None),
    ("sunspots", None),
    ("stocks", ("MSFT", "AMZN", "IBM", "AAPL")),
    ("macro", None),
)
MODELS = ("fine_tuned", "zero_shot", "zero_shot_inputs", "auto_ets", "auto_arima", "theta", "random_walk")


class Quiet:
    """A run that keeps its checkpoints and says nothing."""

    def __init__(self, path: Path):
        self.path = path

    def emit(self, kind: str, **data: Any) -> None:
        pass

    def check_cancelled(self) -> None:
        pass

    def write(self, name: str, text: str) -> Path:
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name


def one_table(
    name: str, kept: tuple[str, ...] | None, folder: Path, strategy: Strategy, seeds: int, classical: tuple[str, ...]
) -> list[dict[str, Any]]:
    """One row a series: MASE of each model and of seasonal naive, coverage, and what was learnt."""
    settings = ForecastSettings()
    p = prepare.prepare(samples.make(name, folder), settings)
    on = accelerator(settings)
    chosen = [series for series in p.usable if kept is None or p.table.names[series] in kept]
    tested = evaluate.cases(p, chosen)
    width = train_spec.width(p, settings)
    mixes = input_selection.choose_inputs(p, FRACAST, settings, on, width)
    began = time.process_time()
    tuned, shares = [], []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            lesson = train_spec.TrainSpec(p, FRACAST, settings, seed, Quiet(Path(place)), on, mixes)
            learnt = train.teach(lesson, strategy)
        model = learnt.network.model.eval()
        tuned.append(evaluate.forecast(model, p, tested, mixes, width)[0])
        shares.append(learnt.share)
    seconds = (time.process_time() - began) / seeds
    plain = stages.build(FRACAST, pretrained=True, seed=0).model.eval()
    found = {
        "zero_shot": evaluate.ask(plain, p, tested, [{0: 1.0}] * len(p.table), width, both_ways_up=False),
        "zero_shot_inputs": evaluate.ask(plain, p, tested, mixes, width),
    }
    names = ["seasonal_naive", "random_walk", *classical]
    found |= evaluate.compared(p, tested, names, Quiet(folder))[0]
    errors = {other: metrics.mase(forecast, tested) for other, forecast in found.items()}
    errors["fine_tuned"] = np.mean([metrics.mase(forecast, tested) for forecast in tuned], axis=0)
    inside = np.mean([metrics.covered(forecast, tested.truth) for forecast in tuned], axis=0)
    rows = []
    for series in chosen:
        own = tested.series == series
        rows.append(
            {
                "table": name,
                "series": p.table.names[series],
                "n": p.table.lengths[series],
                "horizon": p.horizon,
                "origins": int(own.sum()),
                "seconds": round(seconds, 1),
                "shares": shares,
                "best_epoch": learnt.progress.best_epoch,
                "inputs": {str(lag): round(share, 2) for lag, share in mixes[series].items()},
                "mase": {other: float(np.nanmean(error[own])) for other, error in errors.items()},
                "coverage": float(np.nanmean(inside[own])),
                "won": int((errors["fine_tuned"][own] < errors["seasonal_naive"][own]).sum()),
            }
        )
        print(line(rows[-1]), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    naive = row["mase"]["seasonal_naive"]
    ratios = " | ".join(f"{row['mase'][m] / naive:.3f}" if m in row["mase"] else "–" for m in MODELS)
    held, won = f"{row['coverage']:.0%}", f"{row['won']}/{row['origins']}"
    return f"| {row['series']} | {row['n']:,} | {naive:.3f} | {ratios} | {held} | {won} |"


def summary(rows: list[dict[str, Any]]) -> str:
    """The sentences that the targets are about, with 95 % bootstrap intervals over series."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(rows), size=(2000, len(rows)))
    lines = []
    for model in MODELS:
        if any(model not in row["mase"] for row in rows):
            continue
        logs = np.array([np.log(row["mase"][model] / row["mase"]["seasonal_naive"]) for row in rows])
        low, high = np.exp(np.quantile(logs[drawn].mean(1), [0.025, 0.975]))
        lines.append(
            f"geometric mean of MASE / seasonal naive, {model}: {np.exp(logs.mean()):.3f} ({low:.3f} to {high:.3f})"
        )
    for other in ("zero_shot", "zero_shot_inputs", "seasonal_naive", "auto_ets", "auto_arima", "theta"):
        pairs = [(row["mase"]["fine_tuned"], row["mase"][other]) for row in rows if other in row["mase"]]
        lines.append(f"fine-tuned is better than {other} on {sum(a < b for a, b in pairs)} of {len(pairs)} series")
    coverage = np.array([row["coverage"] for row in rows])
    low, high = np.quantile(coverage[drawn].mean(1), [0.025, 0.975])
    lines.append(
        f"80 % intervals held {coverage.mean():.1%} ({low:.1%} to {high:.1%}) of what came, mean of {len(rows)} series"
    )
    return "\n".join(lines)


def speed() -> None:
    """60 fine-tuning steps of eight windows of 512 values, and zero-shot forecasts of 100 series of 512 values."""
    import torch

    keep_freed_memory()
    accelerator(ForecastSettings())
    rng = np.random.default_rng(0)
    model = stages.build(FRACAST, pretrained=True, seed=0).model.eval()
    contexts = [np.cumsum(rng.normal(size=512)) for _ in range(100)]
    rollout.quantiles(model, contexts[:2], [0, 0], 48, 512)  # once, to warm up
    wall, cpu = time.perf_counter(), time.process_time()
    rollout.quantiles(model, contexts, [0] * 100, 48, 512, both_ways_up=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"100 series of 512, zero-shot, both ways up: {wall:.2f} s, {cpu:.2f} CPU s")
    network = stages.build(FRACAST, pretrained=True, seed=0)
    for strategy in (Strategy.PARTIAL, Strategy.FULL):
        train.strategies.apply(network, strategy, ForecastSettings())
        optimiser = torch.optim.AdamW(network.trainable().values(), lr=1e-4, fused=True)
        lags = [0] * 8
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(60):
            windows = [train.inputs.window(contexts[i][:464], lag, 512) for i, lag in enumerate(lags)]
            targets = [
                train.inputs.prepare(w, contexts[i][464:], lag, 1.0, 48)
                for i, (w, lag) in enumerate(zip(windows, lags, strict=True))
            ]
            network.train()
            x = torch.from_numpy(np.stack([w.inputs for w in windows]))
            with torch.no_grad():
                x = network.run(x, 0, network.boundary)
            loss = train.inputs.pinball(network(x, network.boundary), torch.from_numpy(np.stack(targets)))
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        print(
            f"60 steps of 8 windows of 512, {strategy}: {time.perf_counter() - wall:.2f} s, "
            f"{time.process_time() - cpu:.2f} CPU s, {torch.get_num_threads()} threads"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--strategy", default="partial", choices=("features", "partial", "full"))
    parser.add_argument("--no-arima", action="store_true")
    parser.add_argument("--network-only", action="store_true", help="without AutoETS, AutoARIMA and Theta")
    parser.add_argument("--tables", default=",".join(name for name, _ in TABLES))
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--write", type=Path, help="also write the rows as JSON")
    chosen = parser.parse_args()
    if chosen.speed:
        speed()
        return 0
    keep_freed_memory()
    print(f"| series | values | seasonal naive | {' | '.join(MODELS)} | 80 % held | won |")
    print("| --- |" + " --- |" * (len(MODELS) + 4))
    rows: list[dict[str, Any]] = []
    left_out = baselines.STATISTICAL if chosen.network_only else ("auto_arima",) if chosen.no_arima else ()
    classical = tuple(name for name in baselines.STATISTICAL if name not in left_out)
    with tempfile.TemporaryDirectory() as folder:
        for name, kept in TABLES:
            if name in chosen.tables.split(","):
                rows += one_table(name, kept, Path(folder), Strategy(chosen.strategy), chosen.seeds, classical)
                if chosen.write:
                    chosen.write.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print("\n" + summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
