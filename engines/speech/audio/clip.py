"""One clip of speech, and all that were found in somebody's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.contract import ReadAs, Skipped
from engines.messages import _
from engines.speech.audio import decode_cache
from engines.speech.audio.decode_cache import Checked
from engines.speech.audio.files import RATE
from engines.speech.audio.recordings import Recording

UNSTATED = _("all clips")
"""The accent of clips whose accent nobody stated."""
CLIPPED = 0.001
"""More than this share of samples at full scale can be heard."""


@dataclass(frozen=True)
class Clip:
    """A stretch of speech of at most `silence.LONGEST` seconds."""

    name: str
    """The file's relative path; 'talk.wav, part 3' where it was split."""
    source: Recording
    checked: Checked
    span: tuple[int, int]
    """In samples at RATE."""
    part: int = 0
    parts: int = 1

    @property
    def text(self) -> str:
        """What is spoken; of a part, what is spoken in all of the file."""
        return self.source.text or ""

    @property
    def accent(self) -> str:
        return self.source.accent or UNSTATED

    @property
    def speaker(self) -> str:
        return self.source.speaker or ""

    @property
    def seconds(self) -> float:
        return (self.span[1] - self.span[0]) / RATE

    @property
    def is_clipped(self) -> bool:
        return self.checked.clipped > CLIPPED


@dataclass
class Clips:
    """Everything found in somebody's data."""

    clips: list[Clip]
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    """Over every clip's bytes and what is said about it, whatever the order and the file names."""
    work: Path
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Digest -> the work folder of clips that came from other data."""
    read_as: list[ReadAs] = field(default_factory=list)
    """What was guessed of the data."""

    def samples(self, clip: Clip) -> np.ndarray:
        """float32 (N,) at 16 kHz."""
        return decode_cache.samples(self.elsewhere.get(clip.checked.sha256, self.work), clip.checked, clip.span)
