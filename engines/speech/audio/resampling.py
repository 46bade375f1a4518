"""Sound at another rate, a piece at a time, so that hours of it are never held at the rate they were recorded in."""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

MOST_PHASES = 4_000_000
"""Largest resampling filter, in taps: rates without a common divisor would need gigabytes."""
PIECE = 1 << 20
"""Samples that are resampled at a time: 4 MiB, and far more than a filter looks to either side."""


class Resampler:
    """Samples at `old` Hz go in piece by piece, those at `new` come out: the same as of all of them at once.

    The filter is torchaudio's windowed sinc. It repeats every `old / gcd` samples, so pieces that are cut there, with
    what the filter sees to both sides, give what the whole would. A rate that shares no divisor with the new one is
    taken for the nearest hundred: a thousandth of the pitch at most.
    """

    def __init__(self, old: int, new: int):
        if old // gcd(old, new) * (new // gcd(old, new)) > MOST_PHASES:
            old = round(old, -2)
        common = gcd(old, new)
        self._old, self._new = old // common, new // common
        self._waiting: list[np.ndarray] = []
        self._count = 0
        self._seen = 0
        """Of those that wait: how many have been resampled, and wait only to be seen by the filter."""
        if self._old == self._new:
            return
        import torch
        from torchaudio.transforms import Resample

        self._filter = Resample(old, new, dtype=torch.float32)
        self._beside = ceil(self._filter.width / self._old) * self._old

    def push(self, samples: np.ndarray) -> np.ndarray:
        """float32 (M,) at the new rate that are ready after float32 (N,) more; often none."""
        if self._old == self._new:
            return samples
        self._waiting.append(samples)
        self._count += len(samples)
        if self._count < PIECE + 2 * self._beside:
            return samples[:0]
        whole = np.concatenate(self._waiting)
        end = self._seen + (len(whole) - self._seen - self._beside) // self._old * self._old
        ready = self._resampled(whole[: end + self._beside])[: end // self._old * self._new]
        ready = ready[self._seen // self._old * self._new :]
        self._waiting, self._seen = [whole[end - self._beside :]], self._beside
        self._count = len(self._waiting[0])
        return ready

    def finish(self) -> np.ndarray:
        """float32 (M,) at the new rate: the rest."""
        if not self._count:
            return np.zeros(0, np.float32)
        whole = np.concatenate(self._waiting)
        return self._resampled(whole)[self._seen // self._old * self._new :]

    def _resampled(self, samples: np.ndarray) -> np.ndarray:
        import torch

        found: np.ndarray = self._filter(torch.from_numpy(samples)).numpy()
        return found
