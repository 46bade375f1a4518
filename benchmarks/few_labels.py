"""What a few labels are worth, by showing: docs/few_labels.md.

    python benchmarks/few_labels.py shots|showing|stages [--draws 20] [--write]

`shots`: of the photographs sample 1, 2, 5, 10 and 20 of each class are drawn by each seed and all others are the test;
balanced accuracy by class means, by logistic regression, by the head that the page offers, and by a head on
standardised features. `showing`: how long the warm server takes to answer about one more picture, voice or sentence,
asked as the page asks, once ONNX Runtime answers for PyTorch. `stages`: where the time of one picture goes. Few
threads, nothing else running: the numbers are of this machine.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, busy, parser, processor, replaced, table
from engines import api, registry
from engines.contract import Strategy

PAGE = ROOT / "docs" / "few_labels.md"
SHOTS = (1, 2, 5, 10, 20)
ASKED = 60
"""Questions of which each is timed, after one that is not."""
PATIENCE = 600.0
"""Seconds that a network may take to be written for ONNX Runtime."""


def photographs(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Frozen features float (N, 1280), labels int (N,), and what goes together, of the photographs sample."""
    from engines.evidence.ranking import Aside

    task = "vision.classification"
    data = api.make_sample(task, "photographs", folder)
    recipe = api.recipe(task, data, strategy=Strategy.FEATURES, settings={"folds": 0})
    study: Any = registry.task(task).open(recipe, Aside(folder))
    found: dict[str, Any] = {name: study.features(name) for name in ("train", "validation", "test")}
    order = np.concatenate([study.prepared.parts[name] for name in found])
    features = np.concatenate([part.values for part in found.values()])
    labels = np.concatenate([part.targets for part in found.values()])
    groups = [study.prepared.groups[i] for i in order]
    return features, labels, groups


def shots(draws: int) -> str:
    from sklearn.linear_model import LogisticRegression

    from engines.adaptation.linear import unit_length
    from engines.classification.few_labels import prototypes
    from engines.evidence.intervals import balanced
    from engines.training.shots import drawn

    def regression(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
        head = LogisticRegression(C=prototypes.REGULARISATION, max_iter=1000)
        return np.asarray(head.fit(unit_length(x), y).predict(unit_length(asked)))

    def standardised(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
        shift, scale = x.mean(0), np.maximum(x.std(0), 1e-3)
        head = LogisticRegression(C=1.0, max_iter=1000).fit((x - shift) / scale, y)
        return np.asarray(head.predict((asked - shift) / scale))

    def means(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return np.asarray((unit_length(asked) @ prototypes.class_means(x, y, y.max() + 1).T).argmax(1))

    def offered(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return prototypes.fitted(x, y, y.max() + 1).probabilities(asked).argmax(1)

    methods: dict[str, Callable[..., np.ndarray]] = {
        "class means": means,
        "logistic regression": regression,
        "what the page offers": offered,
        "standardised features": standardised,
    }
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        features, labels, groups = photographs(Path(scratch))
    everything = {"train": np.arange(len(labels)), "validation": np.arange(0), "test": np.arange(0)}
    rows = []
    for k in SHOTS:
        found: dict[str, list[float]] = {name: [] for name in methods}
        for seed in range(draws):
            parts, _ = drawn(everything, labels, groups, k, seed, own_test=False, unit="photographs")
            train, test = parts["train"], parts["test"]
            for name, answers in methods.items():
                right = answers(features[train], labels[train], features[test]) == labels[test]
                found[name].append(balanced(labels[test], right))
        cells = [
            f"{np.mean(values):.3f} ({np.quantile(values, 0.025):.2f} – {np.quantile(values, 0.975):.2f})"
            for values in found.values()
        ]
        rows.append((str(k), *cells))
        print(rows[-1], flush=True)
    said = (
        f"`benchmarks/few_labels.py shots`: {len(labels)} photographs in {labels.max() + 1} classes, what frozen "
        f"EfficientNet-Lite0 sees of them; {draws} draws (seeds 0 to {draws - 1}), all others are the test. Mean "
        "balanced accuracy, and between which values 95 % of the draws lie: they share the same photographs, so this "
        "is no interval for other photographs."
    )
    return f"{said}\n\n{table(('of each class', *methods), rows)}"


def picture(shade: int, rng: np.random.Generator) -> bytes:
    """A frame as the page sends it: noise, 256 x 192, JPEG."""
    from PIL import Image

    seen = np.clip(rng.normal(shade, 40, (192, 256, 3)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(seen).save(file, "JPEG", quality=85)
    return file.getvalue()


def showing(_: int) -> str:
    import psutil

    from engines import paths
    from engines.datasets.folder import DatasetFolder, New
    from engines.jobs.serving import client, wire

    rng = np.random.default_rng(0)

    def sound(pitch: int) -> bytes:
        import soundfile

        at = np.arange(int(1.6 * 16_000)) / 16_000
        file = io.BytesIO()
        wave = 0.3 * np.sin(2 * np.pi * pitch * at) + 0.02 * rng.normal(size=len(at))
        soundfile.write(file, wave.astype(np.float32), 16_000, format="WAV", subtype="PCM_16")
        return file.getvalue()

    def text(_: int) -> bytes:
        return f"A sentence of about a dozen words that is unlike the one before, {rng.integers(10**6)}.".encode()

    makers: dict[str, Callable[[int], bytes]] = {
        "pictures": functools.partial(picture, rng=rng),
        "sounds": sound,
        "texts": text,
    }
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        try:
            for kind, made in makers.items():
                dataset = DatasetFolder.create(kind, kind)
                for number in range(3):
                    dataset.add_all([New(made(60 + 60 * number), f"{i}", f"class {number}") for i in range(20)])
                question: dict[str, Any] = {"verb": "show", "dataset": dataset.id}
                client.ask(question)
                waited = time.monotonic()
                while kind == "pictures" and not list(paths.cache().glob("*.onnx")):
                    client.ask(question | {"ask": base64.b64encode(made(60)).decode()})
                    if time.monotonic() - waited > PATIENCE:
                        raise SystemExit("the network was not written for ONNX Runtime")
                    time.sleep(0.2)
                time.sleep(2)  # until it is loaded, too
                took, inside = [], []
                server = psutil.Process(wire.address()["pid"])  # type: ignore[index]  # it has just answered
                before = server.cpu_times()
                for number in range(ASKED + 1):
                    asked = base64.b64encode(made(60 + 60 * (number % 3))).decode()
                    start = time.perf_counter()
                    inside.append(client.ask(question | {"ask": asked})["milliseconds"])
                    took.append(1000 * (time.perf_counter() - start))
                spent = sum(server.cpu_times()[:2]) - sum(before[:2])
                took, inside = took[1:], inside[1:]
                way = f"{np.median(np.array(took) - inside):.0f}"
                each = f"{1000 * spent / (ASKED + 1):.0f}"
                rows.append((kind, f"{np.median(took):.0f}", f"{np.quantile(took, 0.95):.0f}", way, each, str(ASKED)))
                print(rows[-1], flush=True)
        finally:
            client.stop()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    said = (
        f"`benchmarks/few_labels.py showing`: from the question to the answer, through the warm server, beside 60 "
        f"examples in 3 classes (made up: noise, tones, one sentence); {threads} thread(s) of {processor()}, {busy()}. "
        "The last time is what the server computes for one answer, whatever else the machine does."
    )
    head = ("", "median, ms", "95 % within, ms", "of it on the way, ms", "processor time, ms", "questions")
    return f"{said}\n\n{table(head, rows)}"


def stages(_: int) -> str:
    import torch

    from engines.contract import InputError
    from engines.datasets.folder import DatasetFolder, New
    from engines.jobs.serving import client, wire
    from engines.vision.images import reading

    rng = np.random.default_rng(0)
    rows: list[tuple[str, ...]] = []

    def timed(name: str, does: Callable[[int], object]) -> None:
        does(0)
        wall, cpu = [], []
        for number in range(ASKED):
            start, spent = time.perf_counter(), time.process_time()
            does(number)
            wall.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.process_time() - spent))
        rows.append((name, f"{np.median(wall):.1f}", f"{np.median(cpu):.1f}"))
        print(rows[-1], flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
        looks: Any = registry.task("vision.classification").embedder()
        frames = [picture(60 + 60 * (i % 3), rng) for i in range(ASKED)]
        squares = torch.from_numpy(looks.format.square(reading.read(frames[0], looks.format.stored)))[None]
        inputs = looks.format.plain(squares.permute(0, 3, 1, 2))
        dataset = DatasetFolder.create("pictures", "stages")
        dataset.add_all([New(content, f"{i}", f"class {i % 3}") for i, content in enumerate(frames)])
        timed("base64, twice there and back", lambda i: [base64.b64decode(base64.b64encode(frames[i]))] * 2)
        timed("what was shown so far, from its events", lambda _: dataset.state())
        timed("JPEG to pixels", lambda i: reading.read(frames[i], looks.format.stored))
        timed("square, and network's input", lambda _: looks.format.plain(squares.permute(0, 3, 1, 2)))
        network = looks.seen.network
        with torch.no_grad():
            timed("network, PyTorch", lambda _: network.run(inputs, 0, network.boundary))
        if waiting := looks.seen.begin():  # else HEADSTART_CACHE has it already
            waiting.join()
        assert looks.seen.at_once
        timed("network, ONNX Runtime", lambda _: looks.seen(inputs))
        try:

            def unknown(_: int) -> None:
                with contextlib.suppress(InputError):
                    client.ask({"verb": "show", "dataset": "none"})

            timed("connection, key, question and answer (page's side)", unknown)
            assert wire.address()
        finally:
            client.stop()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    said = (
        f"`benchmarks/few_labels.py stages`: medians of {ASKED} frames of 256 × 192 pixels; {threads} thread(s) of "
        f"{processor()}, {busy()}. Processor time does not hang on what else the machine does."
    )
    return f"{said}\n\n{table(('', 'ms', 'processor time, ms'), rows)}"


PARTS: dict[str, Callable[[int], str]] = {"shots": shots, "showing": showing, "stages": stages}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("part", choices=list(PARTS))
    arguments.add_argument("--draws", type=int, default=20)
    given = arguments.parse_args()
    text = PARTS[given.part](given.draws)
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replaced(page, f"few_labels.py {given.part}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
