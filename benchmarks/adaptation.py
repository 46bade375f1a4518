"""What adapting to a new domain without labels gains and loses, method by method, on texts, pictures and voices.

    python benchmarks/adaptation.py [--only TASK] [--downloads DIR] [--gains FILE] [--write]

Heads are trained by the product's own studies (strategy features) on a labelled domain; every method then gets the
features of so many examples of another one, and never their labels. The gain is in balanced accuracy over the model
before, on all examples of the target domain. Intervals are Student's t over shifts, of means over seeds; seeds draw the
head's data order, the split and the targets.

Texts: four domains of vaderSentiment 0.5's source archive (800 each, rated clearly), the 12 ordered pairs; and, as the
domain on which nothing was ever tuned, restaurant reviews (Kotzias et al. 2015) as the package sentiment 4.2.0 of the
npm registry has them. Pictures, 128 pixels a side: halves of the sample photographs, one half
damaged in seven ways on which methods were compared before, and in three that chose nothing; and, as a domain that
nobody damaged, photographs of animals, food, household things and vehicles, and drawings of the same (all of Tux
Paint's; its vector drawings are drawn by Chromium). Voices: the sample's, and other sentences damaged in six ways; and
six voices of espeak-ng in a Scottish accent, and the same six in three others; all synthetic (transcription in another
accent: benchmarks/pseudo_labels.py). Each task has its section of the page, and its part of measured.json; other tasks'
stay as they are.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from scipy.special import softmax
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, registry
from engines.adaptation import estimate, rule
from engines.adaptation.methods import METHODS, Seen
from engines.adaptation.target import Brought, Target
from engines.classification.adapting import AdaptingStudy, as_sure_as, linear
from engines.contract import Strategy
from engines.evidence.intervals import balanced
from engines.evidence.ranking import Aside

PAGE = ROOT / "docs/few_labels/new_domain.md"
SEEDS = range(3)
SIZES = {"text.sentiment": (30, 150, 300), "vision.classification": (30, 124), "speech.speaker": (30, 120)}
SETTINGS = {"vision.classification": {"image_size": 128}}
TUNED, HELD_OUT = "compared before", "never looked at before"
RESTAURANTS = "sentiment@4.2.0"


@dataclass(frozen=True)
class Gain:
    """What one method came to on one shift with one seed."""

    task: str
    shift: str
    group: str
    seed: int
    method: str
    n: int
    before: float
    after: float
    errors: tuple[float, ...] = ()
    """Of the estimated accuracy, before and after, as differences from the true one."""


@dataclass(frozen=True)
class Domain:
    """A target domain, whole."""

    name: str
    group: str
    path: Path


# --- measured -------------------------------------------------------------------------------------


def measured(
    task: str, source: Path, domains: list[Domain], seed: int, title: str, folder: Path, norms: bool
) -> Iterator[Gain]:
    run = folder / "runs" / f"{task} {title} {seed}"  # of its own: trainings in one folder would share checkpoints
    recipe = api.recipe(task, source, strategy="features", seed=seed, settings=SETTINGS.get(task))
    study = registry.task(task).open(recipe, Aside(run))
    assert isinstance(study, AdaptingStudy)
    trial = study.trial(Strategy.FEATURES)
    spec, kept = trial.spec, trial.kept
    features, labels = study.source_features(spec, kept)
    tested, truth = study.seen(spec, kept, study.prepared.part("test")), study.prepared.labels("test")
    head, temperature = linear(kept.network), study.temperature(kept)
    known = Seen(features, labels, features[:1], head, temperature)
    for domain in domains:
        own, whole = opened(study, domain)
        everything = study.seen(spec, kept, whole)
        before = head(everything)
        for n in SIZES[task]:
            at = np.sort(np.random.default_rng(seed).permutation(len(everything))[:n])
            seen = replace(known, target=everything[at])
            for name, method in METHODS.items():
                heads = as_sure_as(method(seen), seen, features)
                after = heads.target(everything)
                errors = (
                    guess(head(tested), truth, before[at], own.labels[at], temperature),
                    guess(heads.source(tested), truth, after[at], own.labels[at], temperature),
                )
                yield gain(
                    task, f"{title} → {domain.name}", domain.group, seed, name, n, own.labels, before, after, errors
                )
        if norms:
            for name in ("adabn", "tent"):
                adapted = study.adapt(trial, own, rule.Choice(name, ""))
                shift, n = f"{title} → {domain.name}", max(SIZES[task])  # it sees all there are
                yield gain(task, shift, domain.group, seed, name, n, own.labels, adapted.before, adapted.after)


def opened(study: AdaptingStudy[Any, Any], domain: Domain) -> tuple[Target, Any]:
    other = replace(study.recipe, target=str(domain.path))
    study.recipe = other
    source = study.source()
    from engines.adaptation.target import opened as as_target

    found: Brought = study.open_target(source)
    target = as_target(found, source, study.info.unit)
    assert (target.labels >= 0).all(), domain.name
    return target, study.target_examples(found)


def gain(
    task: str,
    shift: str,
    group: str,
    seed: int,
    method: str,
    n: int,
    labels: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    errors: tuple[float, ...] = (),
) -> Gain:
    scores = [balanced(labels, logits.argmax(1) == labels) for logits in (before, after)]
    return Gain(task, shift, group, seed, method, n, scores[0], scores[1], errors)


def guess(known: np.ndarray, truth: np.ndarray, asked: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """The estimated accuracy less the true one."""
    sure = softmax(known / temperature, axis=1)
    at = estimate.threshold(sure.max(1), sure.argmax(1) == truth)
    return estimate.accuracy(softmax(asked / temperature, axis=1).max(1), at) - float(
        (asked.argmax(1) == labels).mean()
    )


# --- domains --------------------------------------------------------------------------------------


def texts(downloads: Path, folder: Path) -> dict[str, Path]:
    from scripts.elmo_corpus import VADER, fetched, vader_rows
    from scripts.make_text_samples import drawn, write

    archive = fetched(downloads, VADER, "--no-binary", ":all:")
    found = dict(vader_rows(archive))
    sets = {"films": "movieReviewSnippets", "products": "amazonReviewSnippets"}
    sets |= {"tweets": "tweets", "news": "nytEditorialSnippets"}
    made = {}
    for name, original in sets.items():
        made[name] = folder / f"{name}.tsv"
        write(made[name], drawn(found[original]))
    if not (packed := downloads / "sentiment-4.2.0.tgz").is_file():
        subprocess.run(["npm", "pack", "--silent", RESTAURANTS], cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(packed) as tar:
        file = tar.extractfile("package/test/fixtures/yelp.json")
        assert file
        reviews = {row["text"].strip(): row["class"] for row in json.load(file)}
    made["restaurants"] = folder / "restaurants.tsv"
    rows = [(2.0 if label else -2.0, " ".join(text.split())) for text, label in reviews.items()]
    chosen = np.random.default_rng(0).permutation(len(rows))[:800]
    write(made["restaurants"], [rows[i] for i in chosen])
    return made


def on_texts(downloads: Path, folder: Path) -> Iterator[Gain]:
    made = texts(downloads, folder)
    for source in made:
        for seed in SEEDS:
            targets = [
                Domain(name, HELD_OUT if "restaurants" in (name, source) else TUNED, path)
                for name, path in made.items()
                if name != source
            ]
            yield from measured("text.sentiment", made[source], targets, seed, source, folder, norms=False)


Damage = Callable[[Image.Image, np.random.Generator], Image.Image]


def noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float64) + rng.normal(0, 40, (*picture.size[::-1], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def warm(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float64) * [1.0, 0.75, 0.4]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


DAMAGES: Mapping[str, tuple[str, Damage]] = {
    "unchanged": (TUNED, lambda picture, _: picture),
    "blur": (TUNED, lambda picture, _: picture.filter(ImageFilter.GaussianBlur(4))),
    "noise": (TUNED, noisy),
    "dark": (TUNED, lambda picture, _: ImageEnhance.Brightness(picture).enhance(0.25)),
    "edges": (
        TUNED,
        lambda picture, _: ImageOps.invert(picture.convert("L").filter(ImageFilter.FIND_EDGES)).convert("RGB"),
    ),
    "low contrast": (TUNED, lambda picture, _: ImageEnhance.Contrast(picture).enhance(0.2)),
    "grey": (TUNED, lambda picture, _: picture.convert("L").convert("RGB")),
    "few colours": (HELD_OUT, lambda picture, _: ImageOps.posterize(picture, 1)),
    "turned by 30°": (HELD_OUT, lambda picture, _: picture.rotate(30, expand=True, fillcolor="white")),
    "warm light": (HELD_OUT, warm),
}
SIDE = 256
DRAWN = ("animals", "food", "household", "vehicles")
"""What there are both photographs and drawings of."""
CHROMIUM = "/usr/bin/chromium"
FITTED = f"<style>body {{margin: 0}} img {{width: {SIDE}px; height: {SIDE}px; object-fit: contain}}</style>"


def on_pictures(_downloads: Path, folder: Path) -> Iterator[Gain]:
    from benchmarks.transferability import opened as on_white
    from benchmarks.transferability import stamps

    everything = [(label, path) for label in ("animals", "food", "household", "plants") for path in stamps(label)]
    for seed in reversed(SEEDS):  # the one with batch norms takes longest, and comes last
        order = np.random.default_rng(seed).permutation(len(everything))
        half = {int(i) for i in order[: len(order) // 2]}
        source, rng = folder / f"half {seed}", np.random.default_rng(seed)
        domains = [Domain(name, group, folder / f"{name} {seed}") for name, (group, _) in DAMAGES.items()]
        for number, (label, path) in enumerate(everything):
            picture = on_white(path)
            picture.thumbnail((SIDE, SIDE))
            if number in half:
                save(picture, source / label / f"{number:03d}.png")
                continue
            for domain in domains:
                damaged = DAMAGES[domain.name][1](picture, rng)
                save(damaged, domain.path / label / f"{number:03d}.png")
        yield from measured("vision.classification", source, domains, seed, "photographs", folder, norms=seed == 0)

    source, by_hand = folder / "photographs", Domain("drawings", HELD_OUT, folder / "drawings")
    for label in DRAWN:
        for number, path in enumerate(stamps(label)):
            picture = on_white(path)
            picture.thumbnail((SIDE, SIDE))
            save(picture, source / label / f"{number:03d}.png")
    for number, (label, picture) in enumerate(drawings()):
        save(picture, by_hand.path / label / f"{number:03d}.png")
    for seed in reversed(SEEDS):
        yield from measured("vision.classification", source, [by_hand], seed, "all", folder, norms=seed == 0)


def drawings() -> Iterator[tuple[str, Image.Image]]:
    """Class and picture, on white, SIDE pixels or less a side: stamps in a folder called cartoon, and all that are
    vectors, which are drawings; one of which both kinds are there once, and none that is another one flipped over."""
    from playwright.sync_api import sync_playwright

    from benchmarks.transferability import STAMPS
    from benchmarks.transferability import opened as on_white

    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]).new_page()
        page.set_viewport_size({"width": SIDE, "height": SIDE})
        for label in DRAWN:
            files = sorted(path for path in (STAMPS / label).rglob("*") if not path.stem.endswith("_mirror"))
            pixels = {path.with_suffix("") for path in files if path.suffix == ".png"}
            for path in files:
                if path.suffix == ".svg" and path.with_suffix("") not in pixels:
                    content = base64.b64encode(path.read_bytes()).decode()
                    page.set_content(f'{FITTED}<img src="data:image/svg+xml;base64,{content}">')
                    page.locator("img").evaluate("image => image.decode()")
                    yield label, Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                elif path.suffix == ".png" and "cartoon" in path.parts:
                    picture = on_white(path)
                    picture.thumbnail((SIDE, SIDE))
                    yield label, picture


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def filtered(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    found: np.ndarray = sosfilt(butter(6, [low, high], "bandpass", fs=16_000, output="sos"), sound)
    return found


def echoing(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    room = rng.normal(size=8000) * np.exp(-np.arange(8000) / 1600)
    room[0] = 8.0
    found = np.convolve(sound, room)[: len(sound)]
    return found / np.abs(found).max() * np.abs(sound).max()


def with_noise(sound: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    return sound + rng.normal(size=len(sound)) * np.sqrt(np.mean(sound**2)) * 10 ** (-decibels / 20)


HEARD: Mapping[str, tuple[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]]] = {
    "unchanged": (TUNED, lambda sound, _: sound),
    "telephone": (TUNED, lambda sound, _: filtered(sound, 300, 3400)),
    "noise, 10 dB": (TUNED, lambda sound, rng: with_noise(sound, rng, 10)),
    "echo": (HELD_OUT, echoing),
    "noise, 0 dB": (HELD_OUT, lambda sound, rng: with_noise(sound, rng, 0)),
    "muffled": (HELD_OUT, lambda sound, _: filtered(sound, 60, 900)),
}


SPEAKERS = ("m1", "m3", "m7", "f1", "f3", "f5")
"""Variants of espeak-ng's voices: the same speaker, so to say, in whatever accent."""


def in_accent(folder: Path, accent: str, said: slice) -> Path:
    """A folder of clips for each of SPEAKERS."""
    from engines.speech import samples

    for speaker in SPEAKERS:
        (folder / speaker).mkdir(parents=True)
        for number, text in enumerate(samples.sentences()[said]):
            voice = f"{samples.ACCENTS[accent]}+{speaker}"
            samples.speak("espeak-ng", voice, text, folder / speaker / f"{number:02d}.wav")
    return folder


def on_voices(_downloads: Path, folder: Path) -> Iterator[Gain]:
    from engines.speech import samples
    from engines.speech.audio import files

    own, *others = samples.ACCENTS
    spoken_here = in_accent(folder / own, own, slice(0, 20))
    accents = [Domain(accent, HELD_OUT, in_accent(folder / accent, accent, slice(60, 80))) for accent in others]
    for seed in SEEDS:
        yield from measured("speech.speaker", spoken_here, accents, seed, own, folder, norms=False)

    source = api.make_sample("speech.speaker", "voices", folder / "samples")
    rng = np.random.default_rng(0)
    domains = [
        Domain(name, group, folder / f"voices {number}") for number, (name, (group, _)) in enumerate(HEARD.items())
    ]
    for speaker, (program, voice) in samples.VOICES.items():
        for number, text in enumerate(samples.sentences()[60:80]):
            spoken = folder / "spoken.wav"
            samples.speak(program, voice, text, spoken)
            sound = files.read(spoken).samples
            for domain in domains:
                path = domain.path / speaker / f"{number:02d}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                damaged = HEARD[domain.name][1](sound, rng)
                files.write(path, (damaged / max(1.0, np.abs(damaged).max())).astype(np.float32))
    for seed in SEEDS:
        yield from measured("speech.speaker", source, domains, seed, "voices", folder, norms=False)


KINDS = {"text.sentiment": on_texts, "vision.classification": on_pictures, "speech.speaker": on_voices}


# --- told -----------------------------------------------------------------------------------------


def over_shifts(gains: list[Gain]) -> dict[str, Any]:
    """The mean over shifts of means over seeds, with its interval; the worst shift, and how many lost over 2 points."""
    shifts = sorted({gain.shift for gain in gains})
    means = np.array([np.mean([g.after - g.before for g in gains if g.shift == shift]) for shift in shifts])
    half = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return {
        "mean": float(means.mean()),
        "low": float(means.mean() - half),
        "high": float(means.mean() + half),
        "worst": float(means.min()),
        "best": float(means.max()),
        "hurt": int((means < -0.02).sum()),
        "shifts": len(means),
        "seeds": len({gain.seed for gain in gains}),
        "base": float(np.mean([g.before for g in gains])),
    }


def rows(gains: list[Gain], task: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for group in (TUNED, HELD_OUT):
        for n in sorted({g.n for g in gains if g.task == task}):
            for name in rule.METHODS:
                own = [g for g in gains if (g.task, g.group, g.n, g.method) == (task, group, n, name)]
                if own:
                    told = over_shifts(own)
                    between = f"{100 * told['mean']:+.1f} ({100 * told['low']:+.1f} to {100 * told['high']:+.1f})"
                    found.append(
                        (
                            group,
                            str(n),
                            rule.METHODS[name].title,
                            between,
                            f"{100 * told['worst']:+.1f}",
                            f"{100 * told['best']:+.1f}",
                            f"{told['hurt']} of {told['shifts']}",
                            str(told["seeds"]),
                        )
                    )
    return found


def kept(gains: list[Gain], task: str) -> dict[str, Any]:
    """What the product quotes: each method over all shifts, with as many targets as it is offered from."""
    own = [g for g in gains if g.task == task]
    methods = {}
    for name in rule.METHODS:
        sizes = sorted({g.n for g in own if g.method == name})
        if sizes:
            n = next((size for size in sizes if size >= rule.METHODS[name].least), sizes[-1])
            told = over_shifts([g for g in own if g.method == name and g.n == n])
            methods[name] = {key: round(told[key], 4) for key in ("mean", "low", "high", "worst")} | {"n": n}
    errors = [abs(g.errors[0]) for g in own if g.errors and g.method == "t3a" and g.n == max(SIZES[task])]
    after = [
        abs(g.errors[1]) for g in own if g.errors and g.n == max(SIZES[task]) and g.method in ("t3a", "self-training")
    ]
    return {
        "shifts": len({g.shift for g in own}),
        "seeds": len({g.seed for g in own}),
        "methods": methods,
        "estimate": {
            "mean": round(float(np.mean(errors)), 4),
            "worst": round(max(errors), 4),
            "mean_after": round(float(np.mean(after)), 4),
            "worst_after": round(max(after), 4),
        },
    }


HEADS = (
    "shifts",
    "targets",
    "method",
    "gain in points (95 % interval)",
    "worst",
    "best",
    "lost over 2 points",
    "seeds",
)


def told(gains: list[Gain], task: str) -> str:
    own = [g for g in gains if g.task == task]
    bases = {group: [g.before for g in own if g.group == group] for group in (TUNED, HELD_OUT)}
    base = ", ".join(f"{np.mean(values):.3f} on shifts {group}" for group, values in bases.items())
    error = kept(gains, task)["estimate"]
    text = (
        f"**{task}**, balanced accuracy before adapting {base}.\n\n{table(HEADS, rows(gains, task))}\n\n"
        f"Estimated accuracy (average thresholded confidence) before adapting: off by {100 * error['mean']:.1f} "
        f"points on average, {100 * error['worst']:.1f} at worst; after it: {100 * error['mean_after']:.1f} and "
        f"{100 * error['worst_after']:.1f}."
    )
    if own_words := ALONE.get(task):
        text += f"\n\n{own_words}, by itself:\n\n{table(HEADS_ALONE, alone(own, task))}"
    return text


ALONE = {
    "vision.classification": "One of the shifts never looked at before",
    "speech.speaker": "The same six (synthetic) voices in another accent, never looked at before",
}
APART = {"vision.classification": "all → drawings", "speech.speaker": "Scottish → "}
"""How the names of the shifts begin that are told by themselves: drawings, which no program made, and accents."""
HEADS_ALONE = ("shift", "targets", "method", "before", "gain in points", "least and most of the seeds")


def alone(gains: list[Gain], task: str) -> list[tuple[str, ...]]:
    """What each method gained on these shifts, by seed."""
    found: list[tuple[str, ...]] = []
    own = [g for g in gains if g.shift.startswith(APART[task])]
    for shift, n in sorted({(g.shift, g.n) for g in own}):
        for name in rule.METHODS:
            some = [g for g in own if (g.shift, g.n, g.method) == (shift, n, name)]
            if some:
                points = [100 * (g.after - g.before) for g in some]
                before, title = f"{np.mean([g.before for g in some]):.3f}", rule.METHODS[name].title
                between = f"{min(points):+.1f} to {max(points):+.1f}"
                found.append((shift, str(n), title, before, f"{np.mean(points):+.1f}", between))
    return found


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", choices=tuple(KINDS), action="append")
    arguments.add_argument("--downloads", type=Path, help="folder with the packages, or for them")
    arguments.add_argument("--gains", type=Path, help="a JSON file in which gains of other calls are kept and added to")
    arguments.add_argument("--told", action="store_true", help="measure nothing: tell what the file of gains holds")
    given = arguments.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    gains = []
    if given.gains and given.gains.is_file():
        gains = [Gain(**{**row, "errors": tuple(row["errors"])}) for row in json.loads(given.gains.read_text())]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("HEADSTART_HOME", f"{scratch}/home")
        downloads = given.downloads or Path(scratch, "downloads")
        downloads.mkdir(parents=True, exist_ok=True)
        for task in [] if given.told else given.only or KINDS:
            gains = [gain for gain in gains if gain.task != task]
            for found in KINDS[task](downloads, Path(scratch)):
                gains.append(found)
                print(found, file=sys.stderr)
            if given.gains:
                given.gains.write_text(json.dumps([vars(gain) for gain in gains]))
    known = json.loads(rule.MEASURED.read_text(encoding="utf-8"))
    for task in KINDS:
        if any(gain.task == task for gain in gains):
            publish(told(gains, task), write=given.write, page=PAGE, part=task)
            known[task] = kept(gains, task)
    if given.write:
        rule.MEASURED.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
