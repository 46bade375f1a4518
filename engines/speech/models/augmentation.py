"""Variants of a training clip: parts of its spectrogram masked, or said slower and faster."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engines.speech.audio.files import RATE
from engines.speech.models.states import PLAIN, Variation

SPEEDS = (0.9, 1.0, 1.1)
"""Ko et al. 2015, 'Audio augmentation for speech recognition'."""
BANDS, WIDEST_BAND = 2, 0.15
TIMES, LONGEST_TIME = 2, 0.05
"""SpecAugment's masks (Park et al. 2019): how many, and the widest, as a share of the bands and of the time."""


def variation(name: str, *, spectrogram: bool, keeps_length: bool) -> Variation:
    """'none', 'mask', 'speed' or 'both'. Masks want a spectrogram; without one, and where an answer must keep its
    length (behind a boundary), what does not go is left out."""
    masks = name in {"mask", "both"} and spectrogram
    speeds = name in {"speed", "both"} and (spectrogram or not keeps_length)
    if not masks and not speeds:
        return PLAIN
    done = "both" if masks and speeds else "mask" if masks else "speed"
    return Variation(done, spoken_faster if speeds else None, masked if masks else None)


def spoken_faster(samples: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """float32 (N,) at another speed of SPEEDS, and with it at another pitch."""
    from torchaudio.functional import resample

    speed = SPEEDS[int(torch.randint(len(SPEEDS), (1,), generator=generator))]
    if speed == 1.0:
        return samples
    changed: np.ndarray = resample(torch.from_numpy(samples), round(RATE * speed), RATE).numpy()
    return changed


def masked(mel: Tensor, generator: torch.Generator) -> Tensor:
    """float (T, bands) with some bands and some stretches of time at its mean."""
    frames, bands = mel.shape
    masked = mel.clone()
    spoken = int((mel > mel.min()).any(1).sum()) or frames  # of a window that is mostly silence, the part that is not
    for _ in range(BANDS):
        first, last = _stretch(bands, WIDEST_BAND, generator)
        masked[:, first:last] = mel.mean()
    for _ in range(TIMES):
        first, last = _stretch(spoken, LONGEST_TIME, generator)
        masked[first:last] = mel.mean()
    return masked


def _stretch(whole: int, widest: float, generator: torch.Generator) -> tuple[int, int]:
    width = int(torch.randint(int(whole * widest) + 1, (1,), generator=generator))
    first = int(torch.randint(whole - width + 1, (1,), generator=generator))
    return first, first + width
