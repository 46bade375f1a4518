"""Pictures resized in numpy alone, to the bit as torchvision does it: so exported models read theirs."""

from collections.abc import Callable

import numpy as np

TOGETHER = 192  # columns, so that they stay in a processor's cache


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
    centres = scale * (np.arange(size) + 0.5)
    firsts = np.maximum((centres - reach + 0.5).astype(int), 0)
    lasts = np.minimum((centres + reach + 0.5).astype(int), n)
    places = firsts[:, None] + np.arange((lasts - firsts).max())
    shares = np.where(places < lasts[:, None], kernel((places - centres[:, None] + 0.5) / wide), 0.0)
    shares /= shares.sum(1, keepdims=True)
    bits = next((b for b in range(22) if int(0.5 + shares.max() * (1 << b + 1)) >= 1 << 15), 22)
    weights = np.trunc(shares * (1 << bits) + np.copysign(0.5, shares)).astype(np.int32)

    rows = pixels.reshape(n, -1)
    found = np.empty((size, rows.shape[1]), np.uint8)
    for left in range(0, rows.shape[1], TOGETHER):
        part = rows[:, left : left + TOGETHER].astype(np.int32)
        total = np.full((size, part.shape[1]), 1 << bits - 1, np.int32)  # 31 bits suffice: weights add up to 2 ** bits
        share = np.empty_like(total)
        for place, weight in zip(places.T, weights.T, strict=True):
            np.take(part, place, 0, share, "clip")
            total += np.multiply(share, weight[:, None], share)
        found[:, left : left + TOGETHER] = (total >> bits).clip(0, 255)
    return found.reshape(size, *pixels.shape[1:])


def bicubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1 - np.abs(x))
