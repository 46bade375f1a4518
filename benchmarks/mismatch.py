"""What our own samples measure on the scales of mismatch, by which somebody's data are placed.

    python benchmarks/mismatch.py [--only KIND] [--write]

Writes engines/evidence/known_sets.json, whose values pages and `rank` compare with. Batch-norm gap of each network that
is here and has batch norms, on at most 300 training pictures of each sample, and on pictures of uniform noise as the
far end; lack of season of the forecasting samples' training parts; physical distance of the robots' descriptions.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import parser
from engines import api, registry, weights
from engines.contract import InputError, Strategy
from engines.evidence.mismatch import KNOWN_SETS, batch_norm_gap
from engines.evidence.ranking import MOST_EXAMPLES, Aside, some

SEED = 0


def noise(into: Path) -> Path:
    rng = np.random.default_rng(SEED)
    for number in range(40):
        folder = into / f"noise {number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return into


def studies(task: str, model: str, folder: Path) -> Iterator[tuple[str, Any]]:
    for sample in registry.task(task).samples():
        try:
            data = api.make_sample(task, sample.name, folder / task)
            yield sample.title, registry.task(task).open(api.recipe(task, data, model=model), Aside(folder))
        except InputError as error:
            print(f"left out: {task} {sample.name}: {error}", file=sys.stderr)


def pictures(folder: Path) -> dict[str, dict[str, float]]:
    import torch

    from engines.classification.depths import at_each_depth

    task, found = "vision.classification", {}
    for card in registry.task(task).models():
        if not weights.find(card):
            continue
        own = dict(studies(task, card.name, folder))
        recipe = api.recipe(task, noise(folder / "noise"), model=card.name, strategy=Strategy.FEATURES)
        own["pictures of pure noise"] = registry.task(task).open(recipe, Aside(folder))
        values = {}
        for title, study in own.items():
            few = torch.tensor(some(len(study.prepared.parts["train"]), MOST_EXAMPLES, SEED))
            network = study.build(pretrained=True, seed=SEED)
            with batch_norm_gap(network) as gap:
                at_each_depth(network, study.prepared.part("train").subset(few), study.on.device, lambda _: None)
            if (value := gap()) is not None:
                values[title] = round(value, 3)
        found[card.name] = values
    return found


def series(folder: Path) -> dict[str, float]:
    from engines.evidence.seasonality import strength
    from engines.forecasting.forecast.prepare import prepare
    from engines.forecasting.settings import ForecastSettings

    found = {}
    for sample in registry.task("forecasting.forecast").samples():
        p = prepare(api.make_sample("forecasting.forecast", sample.name, folder / "forecasting"), ForecastSettings())
        known = [p.table.at(i).values[: split.validation] for i in p.usable if (split := p.splits[i])]
        found[sample.title] = round(float(np.median([1 - strength(values, p.season) for values in known])), 3)
    return found


def robots(folder: Path) -> dict[str, float]:
    from engines.control.policy.rank import distance
    from engines.control.simulation.target import Target

    found = {}
    for sample in registry.task("control.policy").samples():
        data = api.make_sample("control.policy", sample.name, folder / "control")
        if data.suffix == ".json" and (target := Target.read(data)).mjcf is None:
            found[sample.title] = round(distance(target), 3)
    return found


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", choices=("batch_norm_gap", "lack_of_season", "physics"), action="append")
    given = arguments.parse_args()
    found = json.loads(KNOWN_SETS.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        measures: dict[str, Callable[[Path], dict[str, Any]]] = {
            "batch_norm_gap": pictures,
            "lack_of_season": lambda folder: {"series": series(folder)},
            "physics": lambda folder: {"robots": robots(folder)},
        }
        for kind, measure in measures.items():
            if kind in (given.only or measures):
                found[kind] = measure(Path(scratch))
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    print(text)
    if given.write:
        KNOWN_SETS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
