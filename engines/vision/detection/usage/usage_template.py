"""Asks the model beside this file what is on a picture, and where.

    pip install -r requirements.txt
    python usage.py PICTURE …

It prints a line of JSON a picture: boxes, each with its class, its score and its edges (left, upper, right, lower, in
pixels of the picture), the surest first, from the threshold on; and those below it as unsure. A picture is read upright
(EXIF), on white where it is transparent, and grey of 16 bits is scaled.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines.exports.usage_parts import HERE, RUN, Row, each, named, say_all, words_given
from engines.vision.detection.networks.decode import boxes_of, boxes_of_candidates, on_picture
from engines.vision.images.pixel_resize import bicubic, resized
from engines.vision.images.reading import read, size


def square(path: Path) -> np.ndarray:
    """uint8 (size, size, 3): the whole picture, on the mean colour of its own edge."""
    side = RUN["size"]
    pixels = np.array(read(path, side))
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    lower, narrower = max(1, round(height * scale)), max(1, round(width * scale))
    left, top = (side - narrower) // 2, (side - lower) // 2
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = edge.astype(np.float64).mean(0).round().astype(np.uint8)
    canvas[top : top + lower, left : left + narrower] = resized(pixels, lower, narrower, bicubic)
    return canvas


def inputs(pixels: np.ndarray) -> np.ndarray:
    """uint8 (size, size, 3) -> float32 (1, 3, size, size), as the network expects it."""
    mean, std = np.array(RUN["mean"], np.float32), np.array(RUN["std"], np.float32)
    scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def loaded() -> Callable[[np.ndarray], np.ndarray]:
    """inputs -> what the network says, float32 (1, A, …)."""
    if RUN["onnx"]:
        import onnxruntime

        session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
        return lambda x: np.asarray(session.run(["places"], {"input": x})[0])
    else:
        import json

        import torch
        from safetensors.torch import load_file

        sys.path.insert(0, str(HERE))
        from detector import from_config  # type: ignore[import-not-found]  # it lies beside this file

        model: Any = from_config(json.loads((HERE / "config.json").read_text(encoding="utf-8"))).eval()
        model.load_state_dict(load_file(HERE / "model.safetensors"))

        def ask(x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return np.asarray(model(torch.from_numpy(x)).numpy())

        return ask


def found(said: np.ndarray, width: int, height: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The boxes that the answers say, in pixels of a picture of that size: the sure ones, and the others."""
    if RUN["of_places"]:
        boxes, scores, labels, _broken = boxes_of(said, RUN["size"])
    else:
        boxes, scores, labels, _broken = boxes_of_candidates(said, RUN["size"], RUN["same"])
    back = on_picture(boxes, width, height, RUN["size"])
    real = (back[:, :2] < back[:, 2:]).all(1)
    rows = [
        {
            "label": RUN["classes"][label],
            "score": round(float(score), 4),
            "box": [round(float(edge), 2) for edge in box],
        }
        for box, score, label in zip(back[real], scores[real], labels[real], strict=True)
    ]
    sure = int((scores[real] >= RUN["threshold"]).sum())
    return rows[:sure], rows[sure:]


def model() -> Callable[[Path], Row]:
    """Loads it; what it then says of a picture. Raises ValueError for one that cannot be read."""
    ask = loaded()

    def answer(path: Path) -> Row:
        pixels, own = square(path), size(path)
        sure, unsure = found(ask(inputs(pixels))[0], own.width, own.height)
        threshold = round(RUN["threshold"], 4)
        return {"boxes": sure, "unsure": unsure, "threshold": threshold, "width": own.width, "height": own.height}

    return answer


if __name__ == "__main__":
    pictures = named(Path(word) for word in words_given("PICTURE …"))
    sys.exit(say_all(each(pictures, model())))
