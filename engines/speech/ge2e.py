"""The GE2E speaker encoder as stages. Wan et al. 2018, 'Generalized end-to-end loss for speaker verification';
weights and sizes are those of the package resemblyzer."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines import weights
from engines.contract import InputError, ModelCard, Problem
from engines.speech.audio import RATE
from engines.speech.speaker_card import BANDS, FRAMES, LAYERS, LOOKS, WIDTH
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule

HOP, WINDOW = 160, 400  # samples
LOUDNESS = -30.0  # dB of full scale that quieter clips are raised to


class Encoder(nn.Module):
    """Three LSTM layers and a projection: looks (B, LOOKS, FRAMES, BANDS) -> logits (B, classes)."""

    def __init__(self, classes: int):
        super().__init__()
        sizes = [BANDS, *[WIDTH] * (LAYERS - 1)]
        self.lstm = nn.ModuleList([nn.LSTM(size, WIDTH, batch_first=True) for size in sizes])
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, looks: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embed(looks))
        return logits

    def embed(self, looks: Tensor) -> Tensor:
        """float (B, WIDTH) of length 1."""
        for number in range(LAYERS):
            looks = self.layer(looks, number)
        return self.project(looks)

    def layer(self, looks: Tensor, number: int) -> Tensor:
        states, _ = self.lstm[number](looks.flatten(0, 1))
        unflattened: Tensor = states.unflatten(0, looks.shape[:2])
        return unflattened

    def project(self, states: Tensor) -> Tensor:
        """The last state of every look, projected; the mean over the looks. (B, LOOKS, FRAMES, WIDTH) -> (B, WIDTH)"""
        each = F.normalize(F.relu(self.linear(states[:, :, -1])), dim=-1)
        return F.normalize(each.mean(1), dim=-1)


def looks(samples: np.ndarray) -> Tensor:
    """float (LOOKS, FRAMES, BANDS): mel spectrograms of LOOKS stretches of float32 (N,) at 16 kHz."""
    from torchaudio.transforms import MelSpectrogram

    loudness = float(np.sqrt(np.mean(samples**2)))
    wanted = 10 ** (LOUDNESS / 20)
    if 0 < loudness < wanted:
        samples = samples * (wanted / loudness)
    least = FRAMES * HOP
    if len(samples) < least:
        samples = np.tile(samples, -(-least // len(samples)))
    mel = MelSpectrogram(
        RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, norm="slaney", mel_scale="slaney", pad_mode="constant"
    )(torch.from_numpy(samples.astype(np.float32)))  # (BANDS, T)
    starts = np.linspace(0, mel.shape[1] - FRAMES, LOOKS).round().astype(int)
    return torch.stack([mel[:, start : start + FRAMES].T for start in starts])


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int) -> Staged:
    """The encoder with a fresh head of `outputs` voices. Raises weights.WeightsUnavailable, and InputError for weights
    that do not fit."""
    seed_everything(seed, "weights")
    model = Encoder(outputs)
    if pretrained:
        path = weights.fetch(card)
        try:
            model.load_state_dict(
                ours(weights.read(path)) | {n: t for n, t in model.state_dict().items() if "head" in n}
            )
        except (RuntimeError, KeyError) as error:
            found = f"{path.name} holds weights of another network"
            raise InputError(Problem(f"model {card.name}", found, "accepted: its own weights")) from error
    return staged(model)


def ours(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors under our names, out of resemblyzer's checkpoint or of one saved here."""
    state = checkpoint.get("model_state", checkpoint)
    renamed = {}
    for name, tensor in state.items():  # type: ignore[union-attr]
        if re.fullmatch(r"lstm\.\w+_l\d", name):
            renamed[f"lstm.{name[-1]}.{name.removeprefix('lstm.')[:-1]}0"] = tensor
        elif name.startswith(("lstm.", "linear.")):
            renamed[name] = tensor
    return renamed


def staged(model: Encoder) -> Staged:
    """One stage a layer; the projection goes with the last."""

    def layer(number: int) -> Callable[[Tensor], Tensor]:
        def run(x: Tensor) -> Tensor:
            states = model.layer(x, number)
            return model.project(states) if number == LAYERS - 1 else states

        return run

    def modules(number: int) -> Callable[[], tuple[nn.Module, ...]]:
        last = (model.linear,) if number == LAYERS - 1 else ()
        return lambda: (model.lstm[number], *last)

    stages = [StageModule(f"{i + 1}", layer(i), modules(i)) for i in range(LAYERS)]
    return Staged(model, stages, lambda: model.head)
