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

from engines.exports.usage_parts import HERE, RUN, chosen, say, words_given
from engines.vision.images.reading import UnreadableImage, read
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


def resized(pixels: np.ndarray, height: int, width: int, kernel: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """uint8 (H, W, 3) -> (height, width, 3), to the bit as torchvision does it with antialias."""
    return along(along(pixels.swapaxes(0, 1), width, kernel).swapaxes(0, 1), height, kernel)


def along(pixels: np.ndarray, size: int, kernel: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The first axis resized: each row is a weighted sum of those around it, the weights whole numbers of 16 bits."""
    n = len(pixels)
    if n == size:
        return pixels
    scale = n / size
    wide = max(scale, 1.0)
    reach = wide * (2 if kernel is bicubic else 1)
    firsts, weights = [], []
    for row in range(size):
        centre = scale * (row + 0.5)
        first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), n)
        shares = kernel((np.arange(first, last) - centre + 0.5) / wide)
        firsts.append(first)
        weights.append(shares / shares.sum())
    largest = max(own.max() for own in weights)
    bits = next((b for b in range(22) if int(0.5 + largest * (1 << b + 1)) >= 1 << 15), 22)
    found = np.empty((size, *pixels.shape[1:]), np.uint8)
    for row, (first, own) in enumerate(zip(firsts, weights, strict=True)):
        whole = np.trunc(own * (1 << bits) + np.copysign(0.5, own)).astype(np.int64)
        total = np.tensordot(whole, pixels[first : first + len(own)].astype(np.int64), 1)
        found[row] = ((total + (1 << bits - 1)) >> bits).clip(0, 255)
    return found


def bicubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1 - np.abs(x))


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


def main(paths: list[Path]) -> int:
    ask, unread = loaded(), 0
    for path in paths:
        try:
            pixels = square(path)
        except UnreadableImage as error:
            say({"file": path.name, "error": str(error)})
            unread += 1
            continue
        logits = np.stack([ask(inputs(seen))[0] for seen in looks(pixels)]).mean(0)
        say({"file": path.name, **chosen(RUN["classes"], logits, RUN["temperature"])})
    return 2 if unread == len(paths) else 0


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in words_given("PICTURE …")]))
