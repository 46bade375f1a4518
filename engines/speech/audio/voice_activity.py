"""Where somebody speaks: silence is trimmed, and what is longer than a model hears at once is split in the pauses."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from engines.speech.audio.files import RATE

MARGIN = 0.2  # seconds kept on both sides of speech
LONGEST = 28.0  # seconds; Whisper hears 30 at once
QUIET = 0.003
"""A clip whose loudest sample stays below this (-50 dBFS) is silent."""
FLOOR = 0.03
"""Without the speech detector: quieter than this share of the loudest stretch is a pause."""

Span = tuple[int, int]
"""First sample, and the one after the last, at RATE."""


def silent(samples: np.ndarray) -> bool:
    """Whether float32 (N,) holds nothing louder than QUIET."""
    return not len(samples) or max(samples.max(), -samples.min()) < QUIET  # without a copy: it may be an hour


def speech(samples: np.ndarray) -> list[Span]:
    """Stretches of float32 (N,) in which somebody speaks, by Silero VAD, or by loudness where it is not installed."""
    if silent(samples):
        return []
    return _by_model(samples) if _detector() is not None else by_loudness(samples)


def trimmed(samples: np.ndarray, spans: Sequence[Span]) -> Span:
    """What is left of a clip when the silence before and after all speech goes; all of it where there is none."""
    if not spans:
        return 0, len(samples)
    margin = int(MARGIN * RATE)
    return max(0, spans[0][0] - margin), min(len(samples), spans[-1][1] + margin)


def pieces(samples: np.ndarray, spans: Sequence[Span], longest: float = LONGEST) -> list[Span]:
    """The trimmed clip in pieces of at most `longest` seconds, cut in the widest pauses, else where it is quietest."""
    return _split(samples, trimmed(samples, spans), spans, int(longest * RATE))


def _split(samples: np.ndarray, whole: Span, spans: Sequence[Span], most: int) -> list[Span]:
    start, stop = whole
    found: list[Span] = []
    while stop - start > most:
        pauses = [
            (after[0] - before[1], (before[1] + after[0]) // 2)
            for before, after in pairwise(spans)
            if start + most // 4 < (before[1] + after[0]) // 2 <= start + most
        ]
        cut = max(pauses)[1] if pauses else _quietest(samples, start + most // 2, start + most)
        found.append((start, cut))
        start = cut
    return [*found, (start, stop)]


def _quietest(samples: np.ndarray, start: int, stop: int) -> int:
    """The middle of the quietest twentieth of a second there."""
    width = min(RATE // 20, stop - start)
    energy = np.cumsum(np.pad(np.square(samples[start:stop], dtype=np.float64), (1, 0)))
    return start + int((energy[width:] - energy[:-width]).argmin()) + width // 2


def by_loudness(samples: np.ndarray, window: float = 0.05, shortest_pause: float = 0.3) -> list[Span]:
    """Stretches louder than FLOOR of the loudest, joined over pauses shorter than `shortest_pause` seconds."""
    width = int(window * RATE)
    padded = np.pad(samples, (0, -len(samples) % width))
    loud = np.sqrt((padded.reshape(-1, width) ** 2).mean(axis=1))
    found: list[Span] = []
    for frame in np.flatnonzero(loud > FLOOR * loud.max()):
        start, stop = int(frame) * width, min(len(samples), (int(frame) + 1) * width)
        if found and start - found[-1][1] < shortest_pause * RATE:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return found


@functools.cache
def _detector() -> object | None:
    """Silero VAD on onnxruntime, many frames a call; None where it is not installed, or cannot be used as it is: its
    libraries do not load (OSError, RuntimeError), or it is from before it took many frames a call (TypeError)."""
    try:
        import torch

        threads = torch.get_num_threads()
        try:
            from silero_vad import load_silero_vad  # importing it sets torch to one thread

            found: object = load_silero_vad(sequence=True)
            return found
        finally:
            torch.set_num_threads(threads)
    except (ImportError, OSError, RuntimeError, TypeError):
        return None


def _by_model(samples: np.ndarray) -> list[Span]:
    from silero_vad import get_speech_timestamps_sequence

    found = get_speech_timestamps_sequence(samples, _detector(), threshold=0.4, min_silence_duration_ms=200)
    return [(int(span["start"]), int(span["end"])) for span in found]
