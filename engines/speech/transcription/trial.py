"""One strategy, taught to a recogniser, and what is heard in the test then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engines.speech.transcription.train import TrainOutcome, TrainSpec
from engines.speech.transcription.weight_mixing import Transcripts
from engines.speech.transcription.word_errors import WordErrors
from engines.training.checkpoint import Progress


@dataclass
class TranscriptionTrial:
    """See `contract.Trial`."""

    spec: TrainSpec
    """With the network as it is kept."""
    outcome: TrainOutcome | None
    """None where nothing was learnt."""
    after: Transcripts
    scores: WordErrors
    """Of `after`, in the test."""
    curve: list[Transcripts]
    """From what the model heard as it came to what it hears with all that was learnt."""
    chosen: dict[str, Any]
    """The 'share' that is kept of what was learnt, and 'why'."""
    rehearsed: list[str]
    """Names of the clips of the source accent that were gone through besides."""

    @property
    def progress(self) -> Progress:
        return self.outcome.progress if self.outcome else Progress()

    @property
    def trainable(self) -> int:
        return self.outcome.trainable if self.outcome else 0

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.spec.recogniser.network.model.parameters())

    @property
    def seconds(self) -> float:
        return self.outcome.seconds if self.outcome else 0.0

    def state(self) -> dict[str, Tensor]:
        known = self.spec.recogniser.network.model.state_dict()
        return {name: known[name].detach().cpu() for name in (self.outcome.after if self.outcome else ())}
