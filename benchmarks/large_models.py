"""What a language model takes to fine-tune, by each strategy: memory at the peak, seconds, and how well it then writes.

    python -m benchmarks.large_models [--epochs 2] [--seeds 2] [--keep FILE] [--write]

SmolLM2-135M of the offline pack on the sample of museum questions, each training in a process of its own. Memory is
what the process held at most while it learnt, loading and testing left out; seconds are those of the passes. A FILE
keeps what each came to, and what it has is not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.performance_page import ROOT, parser, publish, table

PAGE = ROOT / "docs" / "text_writing.md"
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("full", {}),
    "partial, 2 blocks": ("partial", {}),
    "lora, rank 8": ("lora", {}),
    "lora on an 8-bit base": ("lora", {"eight_bits": True}),
}
MIB = 1 << 20


def one(way: str, seed: int, epochs: int, data: Path) -> dict[str, Any]:
    """Trains once, here."""
    from engines import api
    from engines.contract import Event
    from engines.cost import counters

    strategy, further = WAYS[way]
    settings = {"epochs": epochs, "patience": epochs, "forgetting": False, **further}
    peaks: list[int] = []
    last: dict[str, Any] = {}

    def listen(event: Event) -> None:
        if event.kind == "phase" and event.data["name"] == "fine-tuning":
            counters.forget_peaks()
        if event.kind == "epoch":
            peaks.append(counters.peak_memory() or 0)
            last.update(event.data)

    with tempfile.TemporaryDirectory() as out:
        recipe = api.recipe("text.generation", data, strategy=strategy, seed=seed, settings=settings)
        result = api.fit(recipe, Path(out) / "run", listeners=[listen])
    return {
        "memory": max(peaks),
        "seconds": result.n_train * epochs / last["rate"],
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "before": result.baselines["zero_shot"],
        "n": result.n_test,
        "learnt_from": result.n_train,
        "trainable": result.trainable_parameters,
        "parameters": result.parameters,
        "precision": result.precision,
    }


def apart(way: str, seed: int, epochs: int, data: Path) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large_models", "--one", way, "--data", str(data)]
    command += ["--seed", str(seed), "--epochs", str(epochs)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    print(f"{way}, seed {seed}: {found}", file=sys.stderr)
    return found


def kept(file: Path | None, way: str, seed: int, epochs: int, data: Path) -> dict[str, Any]:
    """What the file has of it, else what it comes to now."""
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
    name = f"{way}, seed {seed}, {epochs} passes"
    if name not in known:
        known[name] = apart(way, seed, epochs, data)
        if file:
            file.write_text(json.dumps(known, indent=1), encoding="utf-8")
    found: dict[str, Any] = known[name]
    return found


def compared(epochs: int, seeds: int, file: Path | None) -> str:
    from engines import api

    with tempfile.TemporaryDirectory() as place:
        os.environ.setdefault("HEADSTART_HOME", str(Path(place) / "home"))
        data = api.make_sample("text.generation", api.samples("text")[_museum()][1].name, Path(place) / "sample")
        found = {way: [kept(file, way, seed, epochs, data) for seed in range(seeds)] for way in WAYS}
    rows = [_row(way, each) for way, each in found.items()]
    first = found["full"][0]
    steps = -(-first["learnt_from"] // 8) * epochs
    seeded = f"seeds 0 to {seeds - 1}" if seeds > 1 else "seed 0"
    head = (
        f"SmolLM2-135M, {first['learnt_from']} conversations to learn from, {epochs} passes ({steps} steps of 8), "
        f"{first['precision']}, {seeded}; tested on {first['n']}, where the model as it came has a perplexity of "
        f"{first['before']:.1f}. The 95 % interval is over the test's conversations, of seed 0."
    )
    header = ["", "parameters that learn", "memory while it learns", "seconds", "perplexity"]
    if seeds > 1:
        head += " Memory is the worst of the seeds, seconds the best."
        header.append("of all seeds")
    return f"{head}\n\n{table(tuple(header), rows)}"


def _museum() -> int:
    from engines import api

    return next(i for i, (task, _) in enumerate(api.samples("text")) if task == "text.generation")


def _row(way: str, found: list[dict[str, Any]]) -> tuple[str, ...]:
    first, values = found[0], [f"{each['value']:.1f}" for each in found]
    return (
        way,
        f"{first['trainable'] / 1e6:.1f} M",
        f"**{max(each['memory'] for each in found) / MIB:,.0f} MiB**",
        f"{min(each['seconds'] for each in found):.0f}",
        f"{first['value']:.1f} ({first['low']:.1f} to {first['high']:.1f})",
        *([", ".join(values)] if len(values) > 1 else []),
    )


def main() -> None:
    arguments: argparse.ArgumentParser = parser(__doc__)
    arguments.add_argument("--epochs", type=int, default=2)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--keep", type=Path, help="a JSON file of what is measured already")
    arguments.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    arguments.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one, asked.seed, asked.epochs, asked.data)))
        return
    publish(compared(asked.epochs, asked.seeds, asked.keep), write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
