"""Ask a recorded image classifier on a host without torch: its frozen backbone through ONNX Runtime, its head in numpy.

Only for what `scripts/showcase_backbones.py` has written a backbone of, and for runs that learnt nothing but a head.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from engines import paths
from engines.cancellation import counted
from engines.contract import Predictor, Progress, Task
from engines.runs import no_model
from engines.vision.classification.dataset import open_unlabelled
from engines.vision.images import foreign, reading

if TYPE_CHECKING:
    import onnxruntime

HEAD = {"classifier.weight", "classifier.bias"}


def load(task: Task, run: Path) -> LightClassifier:
    """See `contract.Task.load`. Raises NotImplementedError for a run whose model needs more than is here."""
    return LightClassifier(run)


class LightClassifier(Predictor):
    """A recorded run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model."""
        try:
            config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
            head = load_file(run / "model" / "head.safetensors")
        except FileNotFoundError:
            raise no_model(run) from None
        own = config["headstart"]
        plain = own["framing"] == "pad" and own.get("test_time", "none") == "none" and not own.get("depth")
        if not plain or set(head) != HEAD:
            raise NotImplementedError("only a head that reads the whole of a frozen backbone is asked without torch")
        self.classes: list[str] = config["label_names"]
        self.temperature: float = own["temperature"]
        self.weight = head["classifier.weight"].astype(np.float64)  # (classes, width)
        self.bias = head["classifier.bias"].astype(np.float64)
        self.stored: int = own["stored"]
        self.white: float | None = own.get("white")
        shape = config["pretrained_cfg"]
        self.size: int = shape["input_size"][-1]
        self.mean, self.std = (np.array(shape[name], np.float32) for name in ("mean", "std"))
        self.backbone = paths.showcase() / "backbones" / f"{config['architecture']}.onnx"
        if not self.backbone.is_file() or importlib.util.find_spec("onnxruntime") is None:
            raise NotImplementedError(f"there is no {self.backbone.name} in the showcase, or nothing to run it")

    def probabilities(self, path: Path) -> np.ndarray:
        """float64 (classes,). Raises images.UnreadableImage."""
        image = reading.read(path, self.stored, self.white)
        square = _square(image, self.stored).resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = (np.asarray(square, np.float32) / 255 - self.mean) / self.std  # (size, size, 3)
        (features,) = _session(self.backbone).run(None, {"input": pixels.transpose(2, 0, 1)[None]})  # (1, width)
        logits = (self.weight @ features[0].astype(np.float64) + self.bias) / self.temperature
        odds = np.exp(logits - logits.max())
        return np.asarray(odds / odds.sum())

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """See `contract.Predictor`."""
        pictures, skipped = open_unlabelled(data, paths.work(data))
        yield from foreign.some_read(skipped, (self._row(*one) for one in counted(pictures, progress)))

    def _row(self, name: str, path: Path) -> dict[str, Any]:
        try:
            found = self.probabilities(path)
        except reading.UnreadableImage as error:
            return {"file": name, "error": foreign.reason(path, error)}
        best = int(found.argmax())
        said = {label: float(p) for label, p in zip(self.classes, found, strict=True)}
        return {"file": name, "label": self.classes[best], "confidence": float(found[best]), "probabilities": said}


def _square(image: Image.Image, side: int) -> Image.Image:
    """The whole RGB picture on a square of its own edge's mean colour, as `transforms.InputFormat.square` has it."""
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    canvas = Image.new("RGB", (side, side), _edge_colour(np.asarray(image)))
    small = image.resize((width, height), Image.Resampling.BICUBIC)
    canvas.paste(small, ((side - width) // 2, (side - height) // 2))
    return canvas


def _edge_colour(pixels: np.ndarray) -> tuple[int, int, int]:
    """The mean colour of the outermost pixels of uint8 (H, W, 3)."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = edge.mean(0).round().astype(int)
    return int(red), int(green), int(blue)


@functools.lru_cache(maxsize=2)
def _session(backbone: Path) -> onnxruntime.InferenceSession:
    """`input` float32 (N, 3, S, S) -> `features` float32 (N, width). One thread, no memory kept between questions, and
    few rewritings, whose copies are the most that loading takes: this is for small hosts."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(backbone, options, providers=["CPUExecutionProvider"])
