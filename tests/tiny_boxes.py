"""Pictures with coloured squares on them and their boxes, and a detector's exports asked about new ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from engines.contract import Predictor
from engines.vision.detection.composites import Scene, write_coco
from tests import alone

SIDE, PICTURES = 64, 36
COLOURS = {"amber": (214, 137, 16), "blue": (40, 90, 200)}


def scene(rng: np.random.Generator, number: int) -> Scene:
    """Noise with one or two squares of about a third of its side; every ninth picture has none."""
    pixels = rng.normal(120, 25, (SIDE, SIDE, 3)).clip(0, 255)
    boxes = []
    for place in range(0 if number % 9 == 8 else 1 + number % 2):
        label = list(COLOURS)[(number // 2 + place) % 2]
        side = int(rng.integers(18, 26))
        left, top = int(rng.integers(0, 32 - 26)) + 32 * place, int(rng.integers(0, SIDE - side))
        pixels[top : top + side, left : left + side] = COLOURS[label]
        boxes.append((label, (left, top, left + side, top + side)))
    return Scene(Image.fromarray(pixels.astype(np.uint8)), boxes)


def scenes(seed: int, n: int) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [scene(rng, number) for number in range(n)]


def write_data(folder: Path) -> Path:
    write_coco(folder, scenes(3, PICTURES))
    return folder


def counts() -> dict[str, int]:
    """Boxes of each class."""
    labels = [label for one in scenes(3, PICTURES) for label, _box in one.boxes]
    return {name: labels.count(name) for name in COLOURS}


def write_new(folder: Path) -> tuple[Path, str]:
    folder.mkdir(parents=True)
    for number, one in enumerate(scenes(4, 4)):
        one.picture.save(folder / f"{number}.png")
    whole = (folder / "1.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder, "cut.png"


def snippet_loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The lines shown on screen, run in a fresh process that knows nothing of Headstart, give the same answers."""
    import torch

    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    inputs, _width, _height = predictor.inputs(new / "0.png")  # type: ignore[attr-defined]
    np.save(exported / "inputs.npy", inputs.cpu().numpy())
    lines = f"import sys\nsys.path.insert(0, '.')\n{snippet}\nimport numpy\nwith torch.no_grad():\n"
    lines += "    said = model(torch.from_numpy(numpy.load('inputs.npy')))\nnumpy.save('said.npy', said.numpy())"
    alone.printed(lines, exported)
    with torch.no_grad():
        expected = predictor.model(inputs).cpu().numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.load(exported / "said.npy"), expected, atol=1e-5)
    for name in ("inputs.npy", "said.npy"):
        (exported / name).unlink()
    shutil.rmtree(exported / "__pycache__", ignore_errors=True)


def onnx_loads_back(exported: Path, _snippet: str, predictor: Predictor, new: Path) -> None:
    """usage.py that lies beside the file, run where there is no torch, finds what the predictor finds."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    pictures = [path for path in sorted(new.iterdir()) if path.name != "cut.png"]
    lines = "import sys, runpy\nsys.modules['torch'] = None\nrunpy.run_path('usage.py', run_name='__main__')"
    command = [sys.executable, "-c", lines, *map(str, pictures)]
    ended = subprocess.run(command, cwd=exported, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    known = {row["file"]: row for row in predictor.predict(new) if "error" not in row}
    for answer in map(json.loads, ended.stdout.splitlines()):
        own = known.pop(answer["file"])
        assert [box["label"] for box in answer["boxes"]] == [box["label"] for box in own["boxes"]]
        for box, same in zip(answer["boxes"], own["boxes"], strict=True):
            np.testing.assert_allclose(box["box"], same["box"], atol=0.05)
    assert not known
