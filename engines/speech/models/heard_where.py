"""Whether a recogniser's answer follows the moments that an explanation marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engines.attribution import faithfulness
from engines.speech.audio.files import RATE
from engines.speech.models.recogniser import Recogniser
from engines.speech.models.states import Answers, EncoderStates

MOMENT = 0.25  # seconds
WIDTH = int(MOMENT * RATE)  # samples
STEPS = 4
"""Fewer than elsewhere: Whisper hears thirty seconds each time, however short a clip is."""
MOST = 1
"""Clips of one question that are tested: each is heard some forty times."""


def tested(
    recogniser: Recogniser, device: torch.device, sound: np.ndarray, text: str, marked: np.ndarray
) -> dict[str, Any] | None:
    """Whether the likelihood of what was heard falls where what is `marked`, float (M,) of each MOMENT, is silenced,
    and comes back with it, more than by loudness and random orders (see `attribution.faithfulness`). None where nothing
    was heard, or what was cannot be spelt."""
    try:
        spelt = recogniser.spell(text)
    except ValueError:
        return None
    if not text:
        return None
    loud = [float(np.mean(np.square(sound[start : start + WIDTH]))) for start in range(0, len(sound), WIDTH)]
    found = faithfulness.measure(
        lambda silent: likelihood(recogniser, device, sound, spelt, silent),
        marked,
        np.array(loud),
        named="loudness",
        steps=STEPS,
    )
    return None if found is None else found.told()


def likelihood(
    recogniser: Recogniser,
    device: torch.device,
    sound: np.ndarray,
    spelt: tuple[list[int], list[int]],
    silent: np.ndarray,
) -> np.ndarray:
    """float (K,): the mean likelihood of a token, or letter, of the words as `Recogniser.spell` spells them, where some
    moments are silent, bool (K, M)."""
    read, answer = (torch.tensor([own], dtype=torch.int64, device=device) for own in spelt)
    found = []
    for moments in silent:
        left = np.where(np.repeat(moments, WIDTH)[: len(sound)], np.float32(0), sound)
        with torch.no_grad():
            outputs = recogniser.network(EncoderStates([recogniser.hear(left).to(device)], read))
            found.append(float(torch.exp(-recogniser.loss(outputs, Answers.of(answer), 0.0))))
    return np.array(found)


def by_moment(weights: np.ndarray, seconds: float) -> np.ndarray:
    """float (M,): what weights float (T,), spread evenly over the clip's seconds, add up to in each MOMENT."""
    count = -(-round(seconds * RATE) // WIDTH)
    at = np.minimum((np.arange(len(weights)) * seconds / max(1, len(weights)) / MOMENT).astype(int), count - 1)
    return np.bincount(at, weights=weights, minlength=count)
