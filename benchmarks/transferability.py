"""Could we have known? Models and depths as ranked before training, against frozen heads measured on the test part.

    python benchmarks/transferability.py --task vision.classification [--keep DIR] [--write]

Candidates are a network as far as each of its stages, and the same networks with random weights. Each set's training
part (at most 300 examples) is scored as `rank` scores it; the truth is the balanced accuracy, on the test part that no
score has seen, of a logistic regression fitted on the training part's frozen features. Sets are made of what is
installed: Tux Paint's stamps, scikit-learn's digits, Headstart's own samples and the documentation of installed
libraries; several share pictures or sentences. Everything is drawn with seed 0; intervals are over sets, as if they
were independent. No set, candidate or score was left out for what it gave. Each set leaves a file in `--keep`,
so that a measurement that was stopped goes on.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import registry
from engines.classification.depths import at_each_depth
from engines.classification.fit import ClassificationStudy
from engines.contract import Recipe, Strategy
from engines.evidence.intervals import balanced
from engines.evidence.ranking import Aside
from engines.evidence.transferability import Sketch, balanced_mean, head_answers, mean_ranks, probe_right, ranked
from engines.vision.samples import TUXPAINT_PLACES, is_photograph

SEED = 0
TRACK_RECORD = ROOT / "engines/evidence/track_record.json"
MOST = 300  # examples that are learnt from
STAMPS = next(place for place in map(Path, TUXPAINT_PLACES) if place.is_dir())
RANDOM_DEPTHS = {"vision.classification": (3, 6, 8), "text.sentiment": (1, 4, 7)}
NETWORKS = ("tf_efficientnet_lite0", "mobilenetv2_100", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
MODELS = {"vision.classification": NETWORKS, "text.sentiment": ("all-MiniLM-L6-v2", "elmo-small")}
SCORES = ("kNN, leave-one-out", "LogME", "NLEEP", "their mean rank", "probe, cross-validated")
HALVES = "one half of the test, judged by the other"
Picture = tuple[Image.Image, str]


# --- sets of pictures -----------------------------------------------------------------------------


def stamps(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((STAMPS / folder).rglob("*.png"))]
    return [path for path in found if is_photograph(path.relative_to(STAMPS))]


def opened(path: Path) -> Image.Image:
    """On white, as `vision.classification` lays transparent pictures."""
    picture = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def photographs() -> Iterator[Picture]:
    for label in ("animals", "food", "household", "plants"):
        yield from ((opened(path), label) for path in stamps(label))


def animals() -> Iterator[Picture]:
    for label, folders in {
        "birds": ["animals/birds"],
        "mammals": ["animals/mammals"],
        "others": ["animals/fish", "animals/insects", "animals/shellfish", "animals/amphibians", "animals/lizards"],
    }.items():
        yield from ((opened(path), label) for path in stamps(*folders))


def themes() -> Iterator[Picture]:
    for label, folders in {
        "clothes": ["clothes"],
        "money": ["symbols/money"],
        "seasons": ["seasonal"],
        "town": ["town"],
        "tools": ["household/tools", "hobbies/music", "sports"],
    }.items():
        yield from ((opened(path), label) for path in stamps(*folders))


def drawn() -> Iterator[Picture]:
    everything = sorted(path for path in STAMPS.rglob("*.png") if not path.stem.endswith("_mirror"))
    cartoons = [path for path in everything if "cartoon" in path.parts]
    real = [path for path in everything if is_photograph(path) and "symbols" not in path.parts]
    chosen = np.random.default_rng(SEED).permutation(len(real))[:150]
    yield from ((opened(path), "cartoon") for path in cartoons)
    yield from ((opened(real[i]), "photograph") for i in sorted(chosen))


def rotated() -> Iterator[Picture]:
    angles = np.random.default_rng(SEED).integers(4, size=1000) * 90
    for path, angle in zip(stamps("animals", "food", "household", "plants"), angles, strict=False):
        yield opened(path).rotate(int(angle), expand=True, fillcolor="white"), f"{angle} degrees"


def blurred() -> Iterator[Picture]:
    radii = np.random.default_rng(SEED).integers(3, size=1000)
    for path, radius in zip(stamps("animals", "food", "household", "plants"), radii, strict=False):
        picture = opened(path)
        sharp = picture.resize((224, 224))
        yield sharp.filter(ImageFilter.GaussianBlur(2.0 * int(radius))), f"blur {radius}"


def letters() -> Iterator[Picture]:
    for style in ("filled", "outlined"):
        for case in ("lowercase", "uppercase"):
            for language in ("english", "german", "spanish"):
                folder = STAMPS / "symbols/alphabets" / language / style / case
                yield from (
                    (opened(path), f"{style} {case}")
                    for path in sorted(folder.glob("*.png"))
                    if "_mirror" not in path.stem
                )


def digits() -> Iterator[Picture]:
    from sklearn.datasets import load_digits

    found = load_digits()
    for i in sorted(np.random.default_rng(SEED).permutation(len(found.images))[:400]):
        ink = (found.images[i] / 16 * 255).round().astype(np.uint8)
        yield Image.fromarray(ink).resize((64, 64), Image.Resampling.BICUBIC), f"digit {found.target[i]}"


PICTURES: dict[str, Callable[[], Iterator[Picture]]] = {
    "photographs": photographs,
    "animals": animals,
    "themes": themes,
    "photograph or cartoon": drawn,
    "rotation": rotated,
    "blur": blurred,
    "letter style": letters,
    "digits": digits,
}


def write_pictures(name: str, into: Path) -> Path:
    for number, (picture, label) in enumerate(PICTURES[name]()):
        (into / label).mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").save(into / label / f"{number:05d}.png")
    return into


# --- sets of texts --------------------------------------------------------------------------------


def sample(name: str) -> list[tuple[str, str]]:
    path = ROOT / f"engines/text/shipped/{name}.tsv"
    return [(row["text"], row["label"]) for row in csv.DictReader(path.open(encoding="utf-8"), delimiter="\t")]


def shuffled_words() -> list[tuple[str, str]]:
    rng = np.random.default_rng(SEED)
    rows = []
    for text, _ in sample("products"):
        words = text.split()
        if len(words) >= 6:
            mixed = rng.random() < 0.5
            rows.append((" ".join(rng.permutation(words)) if mixed else text, "shuffled" if mixed else "as written"))
    return rows


def documentation() -> list[tuple[str, str]]:
    rows = []
    for label, modules in {
        "numpy": ["numpy", "numpy.linalg", "numpy.random"],
        "pandas": ["pandas", "pandas.core.frame", "pandas.core.generic"],
        "torch": ["torch", "torch.nn.functional", "torch.nn"],
        "scipy": ["scipy.stats", "scipy.signal", "scipy.ndimage", "scipy.optimize"],
    }.items():
        seen = {}
        for module in map(importlib.import_module, modules):
            for member in vars(module).values():
                text = inspect.getdoc(member) if inspect.isroutine(member) or inspect.isclass(member) else None
                for line in (text or "").splitlines():
                    if 40 <= len(line) <= 200 and line[0].isupper() and label not in line.lower():
                        seen[line.strip()] = label
                        break
        rows += sorted(seen.items())[:150]
    return rows


def languages() -> list[tuple[str, str]]:
    """Only the first three words of a sentence, in one of two languages."""
    rows = list(csv.DictReader((ROOT / "engines/text/shipped/pairs.csv").open(encoding="utf-8")))
    source, target = list(rows[0])[:2]
    pick = np.random.default_rng(SEED).random(len(rows)) < 0.5
    return [
        (" ".join(row[source if one else target].split()[:3]), "English" if one else "French")
        for row, one in zip(rows, pick, strict=True)
    ]


TEXTS: dict[str, Callable[[], list[tuple[str, str]]]] = {
    "films": lambda: sample("films"),
    "products": lambda: sample("products"),
    "film or product": lambda: (
        [(t, "film") for t, _ in sample("films")[:400]] + [(t, "product") for t, _ in sample("products")[:400]]
    ),
    "shuffled words": shuffled_words,
    "library of a sentence": documentation,
    "English or French": languages,
}


def write_texts(name: str, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    path = into / "texts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(TEXTS[name]())
    return path


# --- measured -------------------------------------------------------------------------------------


@dataclass
class Measured:
    """What was foretold of the candidates on a set, and what came of it."""

    task: str
    name: str
    candidates: list[str]
    pretrained: np.ndarray
    """bool (M,)"""
    scores: np.ndarray
    """float (M, 5): the higher the better, as `SCORES`."""
    truth: np.ndarray
    """float (M,): balanced accuracy on the test part."""
    right: np.ndarray
    """bool (M, T): which test examples each got right."""
    tested: np.ndarray
    """int (T,): their labels."""
    gains: list[tuple[float, float, float]]
    """(foretold, its error, measured) by depth."""
    tied: int
    """Candidates that cannot be told apart from the first, itself included."""
    sizes: tuple[int, int]


def measure(task: str, name: str, data: Path, folder: Path, size: int | None) -> Measured:
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    labels = tested = groups = np.empty(0, dtype=np.int64)
    settings = {"test_fraction": 0.4} | ({"image_size": size} if size else {})
    for model in MODELS[task]:
        recipe = Recipe(task, str(data), model, Strategy.FEATURES, seed=SEED, settings=settings)
        study = registry.task(task).open(recipe, Aside(folder))
        assert isinstance(study, ClassificationStudy)
        parts = study.prepared.parts
        learning = np.sort(np.concatenate([parts["train"], parts["validation"]]))
        learning = np.sort(np.random.default_rng(SEED).permutation(learning)[:MOST])
        labels, tested = (study.prepared.examples.labels.numpy()[at] for at in (learning, parts["test"]))
        groups = np.unique([study.prepared.groups[i] for i in learning], return_inverse=True)[1]
        for pretrained in (True, False) if model == MODELS[task][0] else (True,):
            network = study.build(pretrained=pretrained, seed=SEED)
            learnt, asked = (
                at_each_depth(network, study.prepared.examples.subset(torch.from_numpy(at)), study.on.device, ignore)
                for at in (learning, parts["test"])
            )
            for depth, pair in enumerate(zip(learnt, asked, strict=True), start=1):
                found[f"{model if pretrained else 'random'} {depth}"] = pair
    right = {one: probe_right(pair[0], labels, groups, seed=SEED) for one, pair in found.items()}
    answers = {one: head_answers(pair[0], labels, pair[1]) == tested for one, pair in found.items()}
    accuracy = {one: balanced(tested, own) for one, own in answers.items()}
    kept = [one for one in found if not one.startswith("random") or int(one.split()[1]) in RANDOM_DEPTHS[task]]
    ranks = ranked([Sketch(found[one][0], labels, groups, SEED) for one in kept])
    probes = np.array([balanced(labels, right[one]) for one in kept])
    gains = []
    for depth in range(1, 1 + sum(one.startswith("random") for one in found)):
        ours, theirs = f"{MODELS[task][0]} {depth}", f"random {depth}"
        foretold = balanced_mean(right[ours].astype(float) - right[theirs], labels, groups)
        gains.append((foretold.value, foretold.error, accuracy[ours] - accuracy[theirs]))
    return Measured(
        task,
        name,
        kept,
        np.array([not one.startswith("random") for one in kept]),
        np.column_stack([ranks.scores, -ranks.mean, probes]),
        np.array([accuracy[one] for one in kept]),
        np.stack([answers[one] for one in kept]),
        tested,
        gains,
        int((~ranks.apart).sum()),
        (len(labels), len(tested)),
    )


def ignore(_: int) -> None:
    """Nobody waits for the progress."""


# --- told -----------------------------------------------------------------------------------------


def interval(values: np.ndarray) -> str:
    """The mean over sets, with the 95 % interval of a bootstrap over them."""
    drawn = np.random.default_rng(SEED).integers(len(values), size=(10_000, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def of_scores(sets: list[Measured], only_pretrained: bool) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number, score in enumerate(SCORES):
        correlations, regrets = [], []
        for one in sets:
            at = one.pretrained if only_pretrained else np.ones(len(one.truth), dtype=bool)
            scores, truth = one.scores[at], one.truth[at]
            if number == 3 and only_pretrained:  # ranks among these alone
                scores = scores.copy()
                scores[:, 3] = -mean_ranks(scores[:, :3])
            correlations.append(spearmanr(scores[:, number], truth).statistic)
            best = np.lexsort((-scores[:, 0], -scores[:, number]))[0]
            regrets.append(100 * (truth.max() - truth[best]))
        rows.append((score, interval(np.array(correlations)), f"{np.mean(regrets):.1f}", f"{np.max(regrets):.1f}"))
    halves = [
        by_halves(one, one.pretrained if only_pretrained else np.ones(len(one.truth), dtype=bool)) for one in sets
    ]
    agree, lost = np.array([own[0] for own in halves]), np.array([own[1] for own in halves])
    rows.append((f"*{HALVES}*", interval(agree), f"{lost.mean():.1f}", f"{lost.max():.1f}"))
    return rows


def by_halves(one: Measured, at: np.ndarray) -> tuple[float, float]:
    """How well one half of the test orders the candidates as the other half measures them, and what its pick loses
    there, in points: what noise in the truth leaves to be had. Means over random halves."""
    rng, correlations, regrets = np.random.default_rng(SEED), [], []
    for _ in range(50):
        part = np.zeros(len(one.tested), dtype=bool)
        for label in np.unique(one.tested):
            own = rng.permutation(np.flatnonzero(one.tested == label))
            part[own[: len(own) // 2]] = True
        first, other = (
            np.array([balanced(one.tested[half], right[half]) for right in one.right[at]]) for half in (part, ~part)
        )
        correlations.append(spearmanr(first, other).statistic)
        regrets.append(100 * (other.max() - other[first.argmax()]))
    return float(np.nanmean(correlations)), float(np.mean(regrets))


def of_the_rule(sets: list[Measured]) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean rank among pretrained candidates, on each set: Spearman with the truth, and the regret in points."""
    correlations, regrets = [], []
    for one in sets:
        ranks, truth = mean_ranks(one.scores[one.pretrained, :3]), one.truth[one.pretrained]
        correlations.append(spearmanr(-ranks, truth).statistic)
        best = np.lexsort((-one.scores[one.pretrained, 0], ranks))[0]
        regrets.append(100 * (truth.max() - truth[best]))
    return np.array(correlations), np.array(regrets)


def track_record(sets: list[Measured]) -> dict[str, float]:
    """What pages say beside a ranking: how the rule did on our own sets."""
    correlations, regrets = of_the_rule(sets)
    return {
        "sets": len(regrets),
        "spearman": round(float(correlations.mean()), 2),
        "regret": round(float(regrets.mean()), 1),
        "worst": round(float(regrets.max()), 1),
    }


def report(task: str, own: list[Measured]) -> str:
    parts = []
    many, few = len(own[0].truth), int(own[0].pretrained.sum())
    header = ("Score", "Spearman, mean over sets (95 %)", "regret of its pick, points", "worst")
    parts.append(f"**{task}**, {many} candidates × {len(own)} sets:\n\n{table(header, of_scores(own, False))}")
    parts.append(f"The {few} with pretrained weights alone:\n\n{table(header, of_scores(own, True))}")
    rows: list[tuple[str, ...]] = []
    for one in own:
        first, best = int(np.lexsort((-one.scores[:, 0], -one.scores[:, 3]))[0]), int(one.truth.argmax())
        rho = spearmanr(one.scores[:, 3], one.truth).statistic
        rows.append(
            (
                one.name,
                f"{one.sizes[0]} / {one.sizes[1]}",
                f"{rho:.2f}",
                f"{one.candidates[first]}: {one.truth[first]:.2f}",
                f"{one.candidates[best]}: {one.truth[best]:.2f}",
                f"{one.tied} of {many}",
                f"{one.scores[first, 4]:.2f}",
            )
        )
    columns = (
        "Set",
        "learnt / tested",
        "Spearman of the mean rank",
        "its pick",
        "the best",
        "tied with the pick",
        "expected of the pick",
    )
    return "\n\n".join([*parts, table(columns, rows), of_whole_networks(task, own), of_forecasts(own)])


def of_whole_networks(task: str, sets: list[Measured]) -> str:
    """How the mean rank orders whole networks, where there are three or more: which model, whatever the depth."""
    if len(MODELS[task]) < 3:
        return ""
    correlations, regrets = [], []
    for one in sets:
        deepest: dict[str, int] = {}
        for at, (name, known) in enumerate(zip(one.candidates, one.pretrained, strict=True)):
            if known:
                deepest[name.rsplit(" ", 1)[0]] = at  # the last depth of each
        at_whole = np.array(list(deepest.values()))
        ranks, truth = mean_ranks(one.scores[at_whole, :3]), one.truth[at_whole]
        correlations.append(spearmanr(-ranks, truth).statistic)
        regrets.append(100 * (truth.max() - truth[np.lexsort((-one.scores[at_whole, 0], ranks))[0]]))
    lost = np.array(regrets)
    return (
        f"The {len(MODELS[task])} whole networks alone, mean rank: Spearman {interval(np.nan_to_num(correlations))}, "
        f"mean regret {lost.mean():.1f} points, worst {lost.max():.1f}."
    )


def of_forecasts(own: list[Measured]) -> str:
    """The accuracy and the gain to expect, against what was measured."""
    errors = np.concatenate([100 * (one.scores[:, 4] - one.truth) for one in own])
    gains = np.array([gain for one in own for gain in one.gains])
    whole = np.array([one.gains[-1] for one in own])
    clear = gains[np.abs(gains[:, 0]) > gains[:, 1]]
    return (
        f"Accuracy to expect (probe) over {len(errors)} pairs: mean error "
        f"{np.abs(errors).mean():.1f} points, bias {errors.mean():+.1f}, worst {np.abs(errors).max():.1f}. "
        f"Gain to expect over random weights, {len(gains)} pairs of a depth and a set: {signs(gains)}, mean error "
        f"{100 * np.abs(gains[:, 0] - gains[:, 2]).mean():.1f} points, Spearman "
        f"{spearmanr(gains[:, 0], gains[:, 2]).statistic:.2f}; of whole networks, {len(whole)} pairs: "
        f"{signs(whole)}, mean error {100 * np.abs(whole[:, 0] - whole[:, 2]).mean():.1f}; where its interval "
        f"leaves out zero, {len(clear)} pairs: {signs(clear)}."
    )


def signs(gains: np.ndarray) -> str:
    right = np.sign(gains[:, 0]) == np.sign(gains[:, 2])
    return f"sign right in {right.sum()} of {len(right)} ({100 * right.mean():.0f} %)"


def kept(file: Path, measured: Callable[[], Measured]) -> Measured:
    """What was measured on a set, from its file where there is one."""
    if not file.is_file():
        found = {name: getattr(value, "tolist", lambda v=value: v)() for name, value in vars(measured()).items()}
        file.write_text(json.dumps(found), encoding="utf-8")
    told = json.loads(file.read_text(encoding="utf-8"))
    arrays = {name: np.array(told[name]) for name in ("pretrained", "scores", "truth", "right", "tested")}
    return Measured(**told | arrays)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--task", choices=MODELS, required=True)
    options.add_argument("--sets", help="only these, with commas between them")
    options.add_argument("--size", type=int, help="of pictures, in pixels; by default what each network was made for")
    options.add_argument("--keep", type=Path, help="a folder for what was measured on each set")
    given = options.parse_args()
    of_pictures = given.task == "vision.classification"
    write, names = (write_pictures, list(PICTURES)) if of_pictures else (write_texts, list(TEXTS))
    names = given.sets.split(",") if given.sets else names
    sets = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        folder = given.keep or Path(scratch) / "kept"
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            place = Path(scratch) / name.replace(" ", "-")

            def measured(name: str = name, place: Path = place) -> Measured:
                return measure(given.task, name, write(name, place), Path(scratch), given.size)

            sets.append(kept(folder / f"{given.task} {name}.json".replace(" ", "-"), measured))
            print(name, sets[-1].sizes, sets[-1].truth.round(2), file=sys.stderr, flush=True)
    page = ROOT / "docs/evidence/transferability.md"
    publish(report(given.task, sets), write=given.write, page=page, part=given.task)
    if given.write:
        told = json.loads(TRACK_RECORD.read_text(encoding="utf-8"))
        told[given.task] = told.get(given.task, {}) | track_record(sets)
        TRACK_RECORD.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
