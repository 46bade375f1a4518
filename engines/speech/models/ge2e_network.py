"""The GE2E speaker encoder by itself: an exported classifier of voices is loaded with this very file, voice.py there.
It needs torch and torchaudio, nothing of Headstart. Sounds are float32 (N,) samples at 16 kHz."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

BANDS, FRAMES, WIDTH, LAYERS, LOOKS = 40, 160, 256, 3, 5
HOP, WINDOW = 160, 400  # samples
LOUDNESS = -30.0  # dB of full scale that quieter clips are raised to


class Encoder(nn.Module):
    """Three LSTM layers and a projection: looks (B, LOOKS, FRAMES, BANDS) -> logits (B, classes). With fewer `layers`
    there is no projection: a voice is the mean of the last one's states."""

    def __init__(self, classes: int, layers: int = LAYERS):
        super().__init__()
        sizes = [BANDS, *[WIDTH] * (LAYERS - 1)][:layers]
        self.lstm = nn.ModuleList([nn.LSTM(size, WIDTH, batch_first=True) for size in sizes])
        if layers == LAYERS:
            self.linear = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, looks: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embed(looks))
        return logits

    def embed(self, looks: Tensor) -> Tensor:
        """The voice itself: float (B, WIDTH) of length 1."""
        for number in range(len(self.lstm)):
            looks = self.layer(looks, number)
        return self.project(looks)

    def layer(self, looks: Tensor, number: int) -> Tensor:
        states, _ = self.lstm[number](looks.flatten(0, 1))
        unflattened: Tensor = states.unflatten(0, looks.shape[:2])
        return unflattened

    def project(self, states: Tensor) -> Tensor:
        """The last state of every look, projected; the mean over the looks. (B, LOOKS, FRAMES, WIDTH) -> (B, WIDTH)"""
        if len(self.lstm) < LAYERS:
            return F.normalize(states.mean((1, 2)), dim=-1)
        each = F.normalize(F.relu(self.linear(states[:, :, -1])), dim=-1)
        return F.normalize(each.mean(1), dim=-1)


def looks(samples: np.ndarray) -> Tensor:
    """float (LOOKS, FRAMES, BANDS): mel spectrograms of stretches of 1.6 s, spread evenly over float32 (N,)."""
    loudness = float(np.sqrt(np.mean(samples**2)))
    wanted = 10 ** (LOUDNESS / 20)
    if 0 < loudness < wanted:
        samples = samples * (wanted / loudness)
    least = FRAMES * HOP
    if len(samples) < least:
        samples = np.tile(samples, -(-least // len(samples)))
    mel = torchaudio.transforms.MelSpectrogram(
        16_000, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, norm="slaney", mel_scale="slaney", pad_mode="constant"
    )(torch.from_numpy(samples.astype(np.float32)))  # (BANDS, T)
    starts = np.linspace(0, mel.shape[1] - FRAMES, LOOKS).round().astype(int)
    return torch.stack([mel[:, start : start + FRAMES].T for start in starts])
