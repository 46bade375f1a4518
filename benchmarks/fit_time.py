"""How long does `fit vision.classification --strategy features` take on 250 training and 400 test images?

    python benchmarks/fit_time.py [--rounds 3]

Wall seconds of the whole command, imports included, with an empty cache each time. The images are scikit-learn's
handwritten digits, enlarged to 256 × 256 so that reading them costs what photographs cost. The promise: under 45 s on
2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parent.parent
TRAIN, TEST = 250, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        data = images(Path(scratch) / "digits")
        seconds, value = [], 0.0
        for number in range(rounds):
            environment = os.environ | {"HEADSTART_HOME": f"{scratch}/home-{number}"}
            command = [sys.executable, "-m", "engines", "fit", "vision.classification", "--data", str(data), "--json"]
            command += ["--strategy", "features", "--set", "flip=false", "--out", f"{scratch}/run-{number}"]
            began = time.monotonic()
            done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
            seconds.append(time.monotonic() - began)
            result = json.loads(done.stdout.splitlines()[-1])
            value = result["value"]
            assert result["n_train"] + result["n_validation"] == TRAIN
            assert result["n_test"] == TEST
    print(f"{TRAIN} training and {TEST} test images, {os.cpu_count()} cores, {rounds} rounds, cold cache")
    print(f"seconds: median {statistics.median(seconds):.1f}, all {', '.join(f'{s:.1f}' for s in seconds)}")
    print(f"balanced accuracy {value:.3f}")


def images(folder: Path) -> Path:
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))[: TRAIN + TEST]
    for place, i in enumerate(order):
        target = folder / ("train" if place < TRAIN else "test") / str(digits.target[i]) / f"{i:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        pixels = Image.fromarray((digits.images[i] * 255 / 16).astype(np.uint8))
        pixels.resize((256, 256), Image.Resampling.BICUBIC).save(target)
    return folder


if __name__ == "__main__":
    main()
