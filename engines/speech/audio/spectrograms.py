"""What speech looks like: the wave above, and below it the spectrogram in mel bands, as the models see it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engines.speech.audio.files import RATE

BANDS, HOP, WINDOW = 80, 160, 400  # mel bands; samples
WIDTH, WAVE, SPECTROGRAM = 640, 56, 120  # pixels
ANCHORS = np.array([[18, 22, 30], [38, 70, 110], [59, 130, 196], [140, 180, 190], [232, 170, 90], [255, 232, 190]])
"""Colours from silent to loud, of the house: nearly black, blue, orange, paper."""
LINE = (59, 130, 196)


def log_mel(samples: np.ndarray) -> Tensor:
    """float32 (BANDS, T) in [0, 1], 80 dB from top to bottom; 100 frames a second. samples: float32 (N,) at 16 kHz."""
    from torchaudio.transforms import MelSpectrogram

    mel = MelSpectrogram(RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS)(torch.from_numpy(samples))
    decibels = 10 * torch.log10(mel.clamp_min(1e-10))
    return ((decibels - decibels.max()) / 80 + 1).clamp(0, 1)


def draw(samples: np.ndarray, out: Path) -> None:
    """Writes wave and spectrogram as a PNG of WIDTH pixels."""
    out.parent.mkdir(parents=True, exist_ok=True)
    picture = np.concatenate([_wave(samples), coloured(log_mel(samples).numpy())])
    Image.fromarray(picture).save(out, optimize=True)


def coloured(shares: np.ndarray, width: int = WIDTH, height: int = SPECTROGRAM) -> np.ndarray:
    """uint8 (height, width, 3) of float (F, T) in [0, 1]; low frequencies at the bottom."""
    grey = Image.fromarray((shares[::-1] * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    place = np.asarray(grey, dtype=float) / 255 * (len(ANCHORS) - 1)
    low = np.floor(place).astype(int).clip(0, len(ANCHORS) - 2)
    part = (place - low)[..., None]
    return ((1 - part) * ANCHORS[low] + part * ANCHORS[low + 1]).round().astype(np.uint8)


def _wave(samples: np.ndarray) -> np.ndarray:
    """uint8 (WAVE, WIDTH, 3): loudest and quietest sample of each column."""
    columns = np.array_split(samples, WIDTH)
    middle = (WAVE - 1) / 2
    rows = np.arange(WAVE)[:, None]
    top = np.array([middle - max(c.max(initial=0), 0) * middle for c in columns])
    bottom = np.array([middle - min(c.min(initial=0), 0) * middle for c in columns])
    inside = (rows >= np.floor(top)) & (rows <= np.ceil(bottom))  # (WAVE, WIDTH)
    return np.where(inside[..., None], LINE, ANCHORS[0]).astype(np.uint8)
