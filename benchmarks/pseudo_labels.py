"""What a recogniser gains by learning from what it hears itself in another accent. SYNTHETIC voices.

    python benchmarks/pseudo_labels.py [--seeds 2] [--gains FILE] [--write]

The default recipe of `speech.transcription` learns the Scottish sample (30 sentences). Each other accent of espeak-ng
says the 60 sentences that it has not learnt from; nobody writes them down. `adapt=pseudo-labels` then learns from those
it is surest of. Word error rates on these 60, before and after, and on the Scottish test, each with its interval over
clips and seeds; over the accents Student's t of the means over seeds. Beside it what learning the labelled clips once
more comes to, without any clip of the new accent: a second training helps by itself. Nothing was chosen by these
numbers. Wants espeak-ng.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, registry
from engines.adaptation import rule
from engines.evidence.ranking import Aside
from engines.speech import samples
from engines.speech.transcription import train, word_errors
from engines.speech.transcription.new_domain import pseudo_labels, target
from engines.speech.transcription.prepare import Selection
from engines.speech.transcription.word_errors import WordErrors

TASK, METHOD = "speech.transcription", "pseudo-labels"
PAGE = ROOT / "docs/few_labels/new_domain.md"
OTHERS = tuple(accent for accent in samples.ACCENTS if accent != "Scottish")


def spoken(folder: Path) -> dict[str, Path]:
    """Accent -> a folder of its clips, with what is said in them in a table."""
    for accent in OTHERS:
        samples.unheard(folder / accent, accent=accent)
    return {accent: folder / accent for accent in OTHERS}


def measured(seed: int, accents: dict[str, Path], folder: Path) -> list[dict[str, Any]]:
    """A row an accent: word counts (N, 2) before and after, of its clips and of the Scottish test, and how many clips
    were learnt from."""
    data = api.make_sample(TASK, "scottish", folder / "samples")
    recipe = api.recipe(TASK, data, strategy=registry.task(TASK).info.usual, seed=seed, settings={"curve": 0})
    study: Any = registry.task(TASK).open(recipe, Aside(folder / f"source {seed}"))
    study.before()
    trial = study.trial(recipe.strategy)
    spec, model = trial.spec, trial.spec.recogniser.network.model
    learnt = {name: value.clone() for name, value in model.state_dict().items()}
    training = study.with_rehearsal(study.prepared.of("train"))
    clips = {
        accent: target.read(place, study.settings, learnt=(), said=(), seed=seed, unit=study.info.unit)
        for accent, place in accents.items()
    }
    again = once_more(study, spec, training, clips, folder / f"again {seed}")
    rows = []
    for accent, own in clips.items():
        model.load_state_dict(learnt)
        spec.run = Aside(folder / f"{accent} {seed}")  # of its own: trainings in one folder would share checkpoints
        choice = rule.Choice(METHOD, "")
        checks = study.prepared.of("validation")
        adapted = pseudo_labels.adapt(spec, choice, own, training, checks, study.info.unit)
        before = [heard.text for heard in adapted.before]
        found = {
            "before": word_errors.word_counts(own.texts, before)[:, :2],
            "after": word_errors.word_counts(own.texts, adapted.after)[:, :2],
            "again": again[accent],
            "home_before": word_errors.word_counts(study.testing.texts, trial.after.test)[:, :2],
            "home_after": errors(spec, study.testing),
            "believed": word_errors.word_counts(
                [own.texts[i] for i in adapted.kept], [before[i] for i in adapted.kept]
            )[:, :2],
        }
        rows.append({"accent": accent, "seed": seed, **{name: counts.tolist() for name, counts in found.items()}})
        print(accent, seed, {name: round(100 * word_errors.rate(c.sum(0)), 1) for name, c in found.items()}, flush=True)
    return rows


def once_more(
    study: Any, spec: train.TrainSpec, training: Selection, clips: dict[str, target.NewClips], run: Path
) -> dict[str, np.ndarray]:
    """What is heard in each accent after the labelled clips alone were learnt from once more: what a second training is
    worth by itself, with no clip of the new domain. Word counts (N, 2)."""
    spec.run = Aside(run)
    came_with = train.freeze(spec)
    checks = study.prepared.of("validation").spoken(spec.recogniser)
    train.adapt(spec, training.spoken(spec.recogniser, spec.settings), checks, came_with, phase="once more")
    return {accent: errors(spec, replace(own.selection(), texts=own.texts)) for accent, own in clips.items()}


def errors(spec: train.TrainSpec, clips: Selection) -> np.ndarray:
    """Word counts (N, 2) of what is heard now."""
    heard = train.transcripts(spec, spec.seen(clips.unspelt(spec.recogniser)), clips.seconds, "")
    return word_errors.word_counts(clips.texts, heard)[:, :2]


def said(estimate: Any, *, signed: bool = False) -> str:
    value, low, high = (100 * part for part in (estimate.value, estimate.low, estimate.high))
    form = "{:+.1f} ({:+.1f} to {:+.1f})" if signed else "{:.1f} ({:.1f} to {:.1f})"
    return form.format(value, low, high)


def over(rows: list[dict[str, Any]], name: str) -> WordErrors:
    return WordErrors([np.array(row[name]) for row in rows])


def changes(rows: list[dict[str, Any]]) -> np.ndarray:
    """The change of the word error rate in each accent, the mean over seeds: float (A,)."""
    by_accent = [[row for row in rows if row["accent"] == accent] for accent in OTHERS]
    return np.array([over(own, "after").estimate().value - over(own, "before").estimate().value for own in by_accent])


def kept(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the product quotes."""
    found = changes(rows)
    half = student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    numbers = {"mean": found.mean(), "low": found.mean() - half, "high": found.mean() + half, "worst": found.max()}
    method = {name: round(float(value), 4) for name, value in numbers.items()} | {"n": len(rows[0]["before"])}
    return {
        "shifts": len(found),
        "seeds": len({row["seed"] for row in rows}),
        "errors": True,
        "methods": {METHOD: method},
    }


def told(rows: list[dict[str, Any]]) -> str:
    lines = []
    for accent in OTHERS:
        own = [row for row in rows if row["accent"] == accent]
        before, after = over(own, "before"), over(own, "after")
        sure = np.concatenate([np.array(row["believed"]) for row in own])
        n = f"{np.mean([len(row['believed']) for row in own]):.0f} of {len(own[0]['before'])}"
        lines.append(
            (
                accent,
                said(before.estimate()),
                said(after.estimate()),
                said(after.minus(before), signed=True),
                said(after.minus(over(own, "again")), signed=True),
                n,
                f"{100 * word_errors.rate(sure.sum(0)):.1f}",
                said(over(own, "home_after").minus(over(own, "home_before")), signed=True),
            )
        )
    all_of_it = kept(rows)["methods"][METHOD]
    mean = " ".join(
        [
            f"{100 * all_of_it['mean']:+.1f} points of word error rate over the {len(OTHERS)} accents",
            f"(Student's t, 95 %: {100 * all_of_it['low']:+.1f} to {100 * all_of_it['high']:+.1f});",
            f"{100 * all_of_it['worst']:+.1f} at worst.",
        ]
    )
    head = (
        "accent (synthetic)",
        "before",
        "after",
        "change in points (95 % interval)",
        "against the labelled clips once more",
        "clips learnt from",
        "errors in these",
        "change on the Scottish test",
    )
    seeds = len({row["seed"] for row in rows})
    return f"Word error rate in %; seeds: {seeds}. {mean}\n\n{table(head, lines)}"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--gains", type=Path, help="a JSON file in which finished seeds are kept")
    given = arguments.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    rows: list[dict[str, Any]] = []
    if given.gains and given.gains.is_file():
        rows = json.loads(given.gains.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("HEADSTART_HOME", f"{scratch}/home")
        wanted = sorted(set(range(given.seeds)) - {row["seed"] for row in rows})
        accents = spoken(Path(scratch)) if wanted else {}
        for seed in wanted:
            rows += measured(seed, accents, Path(scratch))
            if given.gains:
                given.gains.write_text(json.dumps(rows), encoding="utf-8")
    publish(told(rows), write=given.write, page=PAGE)
    if given.write:
        known = json.loads(rule.MEASURED.read_text(encoding="utf-8"))
        rule.MEASURED.write_text(json.dumps({**known, TASK: kept(rows)}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
