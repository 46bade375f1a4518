"""How far off is the time that is said before a run, once one run of its kind has finished here?

    python benchmarks/cost.py [--tasks TASK …] [--write]

For each row an earlier run is forecast from a handful of its steps, in a home of its own that knows nothing else, and
timed; then another one on other data, or of another length, is forecast from that and timed: each is a fresh process
with an empty cache. Wall seconds: they mean what the load of the machine lets them mean, so that stands there too.
The goal: half of all forecasts within 20 % on a quiet machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, busy, parser, publish, table
from engines import registry

PAGE = ROOT / "docs/evidence/cost.md"


@dataclass(frozen=True)
class Try:
    """A run: which sample, and settings."""

    sample: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Row:
    task: str
    strategy: str
    earlier: Try
    then: Try


SHORT = {"repeats": 1, "baseline": "scratch", "scratch_times": 1, "pictures": False}
ROWS = (
    Row("vision.classification", "features", Try("photographs", {}), Try("digits", {"flip": False})),
    Row("vision.classification", "partial", Try("photographs", {"epochs": 4}), Try("digits", {"epochs": 6})),
    Row("text.sentiment", "features", Try("films", {}), Try("products", {})),
    Row("speech.speaker", "features", Try("voices", {}), Try("voices", {"epochs": 30})),
    Row("forecasting.forecast", "partial", Try("passengers", {}), Try("co2", {"origins": 6})),
    Row(
        "control.policy",
        "identified",
        Try("pendulum-late", SHORT | {"sim_steps": 4000}),
        Try("pendulum-heavy", SHORT | {"sim_steps": 8000}),
    ),
    Row("text.generation", "lora", Try("conversations", {"epochs": 1}), Try("conversations", {"epochs": 2})),
    Row(
        "speech.transcription",
        "partial",
        Try("scottish", {"epochs": 1, "curve": 0}),
        Try("accents", {"epochs": 2, "curve": 0}),
    ),
)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tasks", nargs="+", default=sorted({row.task for row in ROWS}), help="only these")
    asked = arguments.parse_args()
    began, lines, off = time.monotonic(), [], []
    for row in ROWS:
        if row.task not in asked.tasks:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            probe(home)
            time_steps(row, row.earlier, home, seed=0)
            first = cost_of(row, row.earlier, home, seed=0)
            then = cost_of(row, row.then, home, seed=1)
        errors = [abs(each["took"] - each["said"]) / each["took"] for each in (first, then)]
        off.append(errors)
        what = f"{row.earlier.sample} → {row.then.sample}"
        seconds = [f"{number:.0f} s" for each in (first, then) for number in (each["said"], each["took"])]
        shares = [f"{100 * error:.0f} %" for error in errors]
        load = f"{os.getloadavg()[0]:.1f}"
        lines.append((row.task, row.strategy, what, *seconds[:2], shares[0], *seconds[2:], shares[1], load))
        print(lines[-1], flush=True)
    alone, after = (100 * statistics.median(errors) for errors in zip(*off, strict=True))
    header = ("task", "strategy", "earlier → then", "steps said", "took", "off", "then said", "took", "off", "load")
    text = f"""\
Median absolute error of {len(off)} forecasts: **{after:.0f} %** after one earlier run of that task and strategy, \
{alone:.0f} % before, from some steps of its own ({busy()}; {time.monotonic() - began:.0f} s in all; seeds 0 and 1).

{table(header, lines)}"""
    publish(text, write=asked.write, page=PAGE)


def probe(home: Path) -> None:
    """Measures the machine, as the pages' server does."""
    command = [sys.executable, "-c", "from engines.jobs.serving import machine; machine.measure()"]
    subprocess.run(command, env=os.environ | {"HEADSTART_HOME": str(home)}, cwd=ROOT, check=True)


def time_steps(row: Row, what: Try, home: Path, *, seed: int) -> None:
    """Times some steps, as the pages' server does before a run of which nothing is known."""
    data = registry.task(row.task).make_sample(what.sample, home / "samples" / what.sample)
    asked = f"{row.task!r}, {str(data)!r}, strategy={row.strategy!r}, seed={seed}, settings={what.settings!r}"
    code = f"from engines import api; api.time_steps(api.recipe({asked}))"
    environment = os.environ | {"HEADSTART_HOME": str(home), "HEADSTART_CACHE": str(home / "cache-timed")}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True)


def cost_of(row: Row, what: Try, home: Path, *, seed: int) -> dict[str, Any]:
    """`details["cost"]` of a run with an empty cache."""
    data = registry.task(row.task).make_sample(what.sample, home / "samples" / what.sample)
    environment = os.environ | {"HEADSTART_HOME": str(home), "HEADSTART_CACHE": str(home / f"cache-{seed}")}
    command = [sys.executable, "-m", "engines", "fit", row.task, "--data", str(data), "--strategy", row.strategy]
    for name, value in what.settings.items():
        command += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    command += ["--seed", str(seed), "--out", str(home / f"run-{seed}"), "--json"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["details"]["cost"]
    return found


if __name__ == "__main__":
    main()
