"""The knobs of the speech tasks. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import Strategy, setting
from engines.training.settings import TrainSettings


@dataclass(frozen=True)
class TranscriptionSettings(TrainSettings):
    """How a recogniser learns. The defaults are what worked on a few dozen clips: few passes, small steps."""

    hidden: ClassVar[frozenset[str]] = frozenset({"balance", "refit", "folds", "find_learning_rate"})

    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.FEATURES: 6,
        Strategy.PARTIAL: 3,
        Strategy.FULL: 3,
        Strategy.LORA: 6,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.FEATURES: 1e-4,
        Strategy.PARTIAL: 2e-4,
        Strategy.FULL: 5e-5,
        Strategy.LORA: 5e-4,
    }

    batch_size: int = setting(6, "Clips per step", low=1, high=256)
    weight_decay: float = setting(0.01, "Pull of the weights towards zero (AdamW)", low=0.0, high=10.0)
    blocks: int = setting(2, "Encoder layers that learn with strategy 'partial', the last ones", low=1, high=1000)
    decoder: bool = setting(False, "With 'partial' and Whisper: the decoder learns too (1e-4 suits it better then)")
    layer_decay: float = setting(1.0, "Learning rate of a layer relative to the next one", low=0.05, high=1.0)
    views: int = setting(1, "Variants of each clip heard by the frozen part, computed once", low=1, high=64)
    augment: str = setting(
        "none",
        "How training clips are varied: parts of the spectrogram masked (SpecAugment), said slower and faster, or both",
        choices=("none", "mask", "speed", "both"),
    )
    accent: str = setting("", "The accent of clips whose table has no such column", reads=True)
    transcripts: str = setting(
        "",
        'Transcripts put right, as JSON {"file": "what is said in it"}; an empty one leaves the clip out',
        reads=True,
    )
    language: str = setting("en", "Two letters: what a multilingual Whisper is told to write", low=None)
    worse_by: float = setting(
        2.0, "Points of word error rate that the accent it came with may lose", low=0.0, high=100.0
    )
    mix: float | None = setting(
        None,
        "Share of what was learnt that is kept, 1 is all: by default the most that `worse_by` allows",
        low=0.0,
        high=1.0,
    )
    rehearse: bool = setting(
        True, "Also go through some clips of the accent that the model came with: it forgets less, and takes longer"
    )
    forgetting: bool = setting(True, "Also measure what it does to the accent that the model came with")
    curve: int = setting(
        3, "Mixtures between before and after that are tested for the forgetting curve", low=0, high=20
    )
    baseline: str = setting("zero_shot", "What it is compared with: the model as it came", choices=("zero_shot",))


@dataclass(frozen=True)
class SpeakerSettings(TrainSettings):
    """How a classifier of voices learns."""

    augment: str = setting(
        "none", "How training clips are varied: said slower or faster, with a little noise", choices=("none", "speed")
    )
