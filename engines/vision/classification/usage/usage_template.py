"""Asks the model beside this file what is in a picture.

    pip install -r requirements.txt
    python usage.py PICTURE …

It prints a line of JSON a picture: the class, how likely it is, and how likely each class is. A picture is read upright
(EXIF), on white where it is transparent, and grey of 16 bits is scaled.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines.exports.usage_parts import HERE, RUN, Row, chosen, each, named, say_all, words_given
from engines.vision.images.pixel_resize import bicubic, bilinear, resized
from engines.vision.images.reading import read
from engines.vision.models.shallow import Shallow
from engines.vision.models.tower import from_config

# --- A picture becomes a square, and the square an input ---


def square(path: Path) -> np.ndarray:
    """uint8 (stored, stored, 3)."""
    side = RUN["stored"]
    pixels = np.array(read(path, side, RUN["white"]))
    height, width = pixels.shape[:2]
    if RUN["framing"] == "crop":
        short = min(height, width)  # the middle square
        left, top = (width - short) // 2, (height - short) // 2
        return resized(pixels[top : top + short, left : left + short], side, side, bicubic)
    else:
        scale = side / max(height, width)  # the whole picture, on the mean colour of its own edge
        lower, narrower = max(1, round(height * scale)), max(1, round(width * scale))
        left, top = (side - narrower) // 2, (side - lower) // 2
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        canvas = np.empty((side, side, 3), np.uint8)
        canvas[:] = edge.astype(np.float64).mean(0).round().astype(np.uint8)
        canvas[top : top + lower, left : left + narrower] = resized(pixels, lower, narrower, bicubic)
        return canvas


def cut(pixels: np.ndarray, top: int, left: int) -> np.ndarray:
    return pixels[top : top + RUN["size"], left : left + RUN["size"]]


def looks(pixels: np.ndarray) -> list[np.ndarray]:
    """The ways in which the square is looked at, uint8 (size, size, 3): answers are averaged over them."""
    size, over = RUN["size"], RUN["stored"] - RUN["size"]
    if RUN["framing"] == "crop":
        plain = cut(pixels, round(over / 2), round(over / 2))
    else:
        plain = resized(pixels, size, size, bilinear)
    if RUN["test_time"] == "flip":
        return [plain, plain[:, ::-1]]
    if RUN["test_time"] == "five-crop":
        corners = [cut(pixels, top, left) for top in (0, over) for left in (0, over)]
        return [plain, *corners, cut(pixels, round(over / 2), round(over / 2))]
    return [plain]


def inputs(pixels: np.ndarray) -> np.ndarray:
    """uint8 (size, size, 3) -> float32 (1, 3, size, size), as the network expects it."""
    mean, std = np.array(RUN["mean"], np.float32), np.array(RUN["std"], np.float32)
    scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


# --- The network ---


def loaded() -> Callable[[np.ndarray], np.ndarray]:
    """inputs -> logits float32 (1, classes)."""
    if RUN["onnx"]:
        import onnxruntime

        session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
        return lambda x: np.asarray(session.run(["logits"], {"input": x})[0])
    else:
        import torch
        from safetensors.torch import load_file

        if RUN["tower"]:  # the picture half of an image–text network
            model: Any = from_config(RUN["tower"], len(RUN["classes"]))
        else:
            import timm

            model = timm.create_model(RUN["architecture"], num_classes=len(RUN["classes"]))
        if RUN["shallow"]:  # the first blocks of the network are all that it needs
            model = Shallow(model, classes=len(RUN["classes"]), **RUN["shallow"])
        model.eval().load_state_dict(load_file(HERE / "model.safetensors"))

        def ask(x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return np.asarray(model(torch.from_numpy(x)).numpy())

        return ask


def model() -> Callable[[Path], Row]:
    """Loads it; what it then says of a picture. Raises ValueError for one that cannot be read."""
    ask = loaded()

    def answer(path: Path) -> Row:
        logits = np.stack([ask(inputs(seen))[0] for seen in looks(square(path))]).mean(0)
        return chosen(RUN["classes"], logits, RUN["temperature"])

    return answer


if __name__ == "__main__":
    pictures = named(Path(word) for word in words_given("PICTURE …"))
    sys.exit(say_all(each(pictures, model())))
