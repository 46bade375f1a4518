"""The task speech.transcription: writing down what somebody says, adapted to how they say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import Metric, ModelCard, Progress, Sample, Settings, Strategy, Task, TaskInfo, offered
from engines.messages import _, told
from engines.speech import samples
from engines.speech.models import catalogue
from engines.speech.settings import TranscriptionSettings


class Transcription(Task):
    """Speech recognition through Whisper and CTC models."""

    info = TaskInfo(
        name="speech.transcription",
        title=_("Transcribe"),
        unit=_("clips"),
        metric=Metric(
            "wer",
            _("Word error rate"),
            _("Words left out, invented or heard as others, for each word that was said: 0 is perfect."),
            higher_is_better=False,
            kind="share",
        ),
        offers=offered(Strategy.PARTIAL, Strategy.FEATURES, Strategy.FULL, Strategy.LORA, Strategy.ZERO_SHOT),
        usual=Strategy.PARTIAL,
        formats=(
            _("a zip or folder of WAV, FLAC, OGG or MP3 files with a metadata.csv: file_name, transcription"),
            _("columns speaker, accent and split too, if you like"),
            _("a Common Voice download, or a corpus laid out as LibriSpeech, LJSpeech, Kaldi, NeMo, VCTK or TIMIT"),
        ),
        accepts=("zip", "wav", "flac", "ogg", "opus", "mp3", "aiff", "caf", "au", "csv", "tsv", "json", "jsonl", "txt"),
        whole=("zip",),
        exports=("safetensors", "script"),
        default_model=catalogue.DEFAULT,
        pipeline_tag="automatic-speech-recognition",
        library="transformers",
        adapts_by=(),
        explored_as="speech.speaker",
        rival="zero_shot",
    )
    settings = TranscriptionSettings
    goes_on = True

    def check_target(
        self,
        data: Path,
        target: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """See `contract.Task.check_target`; what is said in the clips is no class."""
        from engines.speech.transcription.new_domain.target import report

        return report(self.info, data, target, self.own(settings), seed=seed, progress=progress)

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        return catalogue.describe(model)

    def samples(self) -> list[Sample]:
        return told(samples.TRANSCRIPTION)

    def has_sample(self, name: str) -> bool:
        return samples.available(name)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out, told(samples.TRANSCRIPTION))
