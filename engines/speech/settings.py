"""The knobs of the speech tasks. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.adaptation.rule import adapt_setting
from engines.contract import Strategy, setting
from engines.data.parts import parts_setting
from engines.messages import _
from engines.training.settings import TrainSettings
from engines.training.shots import shots_setting

LAYOUTS = ("auto", "table", "kaldi", "librispeech", "text-files", "folders")
"""How data say what is spoken, or who speaks: see `audio.layouts`."""
NORMALISERS = {
    "plain": _("without case and punctuation"),
    "english": _(
        "after Whisper's English normaliser, which also makes numbers, abbreviations and British spelling alike"
    ),
}
"""What is done to words before they are compared, to go on with after 'Words are compared'."""


@dataclass(frozen=True)
class ClipSettings(TrainSettings):
    """How both speech tasks read clips and what is said of them."""

    layout: str = setting(
        "auto", _("Where it stands what is said, or who speaks; by default it is guessed"), choices=LAYOUTS, reads=True
    )
    file_column: str | None = setting(None, _("The column with the sound files; by default it is guessed"), reads=True)
    speaker_column: str | None = setting(None, _("The column with the speakers; by default it is guessed"), reads=True)
    parts: str = parts_setting()


@dataclass(frozen=True)
class TranscriptionSettings(ClipSettings):
    """How a recogniser learns. The defaults are what worked on a few dozen clips: few passes, small steps."""

    hidden: ClassVar[frozenset[str]] = frozenset(
        {"balance", "refit", "folds", "find_learning_rate", "depth", "baseline_epochs"}
    )

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

    batch_size: int = setting(6, _("Clips per step"), low=1, high=256)
    weight_decay: float = setting(0.01, _("Pull of the weights towards zero (AdamW)"), low=0.0, high=10.0)
    blocks: int = setting(2, _("Encoder layers that learn with strategy 'partial', the last ones"), low=1, high=1000)
    decoder: bool = setting(
        False,
        _("With 'partial' and Whisper: the decoder learns too (1e-4 suits it better then)"),
        title=_("The decoder learns too"),
    )
    layer_decay: float = setting(1.0, _("Learning rate of a layer relative to the next one"), low=0.05, high=1.0)
    views: int = setting(1, _("Variants of each clip heard by the frozen part, computed once"), low=1, high=64)
    augment: str = setting(
        "none",
        _(
            "How training clips are varied: parts of the spectrogram masked (SpecAugment), said slower and "
            "faster, or both"
        ),
        title=_("Vary the clips"),
        group="often",
        choices=("none", "mask", "speed", "both"),
    )
    text_column: str | None = setting(None, _("The column with what is said; by default it is guessed"), reads=True)
    accent: str = setting("", _("The accent of clips whose table has no such column"), reads=True)
    transcripts: str = setting(
        "",
        _('Transcripts put right, as JSON {"file": "what is said in it"}; an empty one leaves the clip out'),
        reads=True,
    )
    normaliser: str = setting(
        "plain",
        _(
            "How words are made alike before errors are counted: case and punctuation only (plain), or numbers and "
            "abbreviations too, by Whisper's English normaliser (english)"
        ),
        title=_("Words made alike"),
        group="data",
        choices=tuple(NORMALISERS),
    )
    language: str = setting(
        "en",
        _("Two letters: what a multilingual Whisper is told to write"),
        title=_("Language"),
        group="data",
        low=None,
    )
    worse_by: float = setting(
        2.0,
        _("Points of word error rate that the accent it came with may lose"),
        title=_("Points it may lose"),
        low=0.0,
        high=100.0,
    )
    mix: float | None = setting(
        None,
        _("Share of what was learnt that is kept, 1 is all: by default the most that `worse_by` allows"),
        title=_("Share of it that is kept"),
        low=0.0,
        high=1.0,
    )
    rehearse: bool = setting(
        True,
        _("Also go through some clips of the accent that the model came with: it forgets less, and takes longer"),
        title=_("Practise the old accent too"),
    )
    forgetting: bool = setting(
        True,
        _("Also measure what it does to the accent that the model came with"),
        title=_("Measure what is forgotten"),
    )
    curve: int = setting(
        3,
        _("Mixtures between before and after that are tested for the forgetting curve"),
        title=_("Mixtures to test"),
        low=0,
        high=20,
    )
    baseline: str = setting("zero_shot", _("What it is compared with: the model as it came"), choices=("zero_shot",))
    adapt: str = adapt_setting(writes=True)


@dataclass(frozen=True)
class SpeakerSettings(ClipSettings):
    """How a classifier of voices learns."""

    bf16_on_gpu: ClassVar[frozenset[Strategy]] = frozenset()  # three small LSTMs

    shots: int = shots_setting()
    augment: str = setting(
        "none",
        _("How training clips are varied: said slower or faster, with a little noise"),
        title=_("Vary the clips"),
        group="often",
        choices=("none", "speed"),
    )
    adapt: str = adapt_setting()
