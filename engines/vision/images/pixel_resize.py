"""Pictures resized in numpy alone, to the bit as torchvision does it: so exported models read theirs."""

from collections.abc import Callable

import numpy as np


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
