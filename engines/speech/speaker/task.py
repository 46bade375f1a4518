"""The task speech.speaker: whose voice is this?"""

from __future__ import annotations

from pathlib import Path

from engines.classification.classification_task import ClassificationTask
from engines.contract import Metric, ModelCard, Sample, Strategy, TaskInfo, Words, offered
from engines.messages import _, told
from engines.speech import samples
from engines.speech.models import speaker_catalogue
from engines.speech.settings import SpeakerSettings


class Speaker(ClassificationTask):
    """Speaker identification and verification on GE2E embeddings."""

    info = TaskInfo(
        name="speech.speaker",
        title=_("Recognise voices"),
        unit=_("clips"),
        metric=Metric(
            "balanced_accuracy",
            _("Balanced accuracy"),
            _("The share of clips given to the right speaker, averaged over the speakers."),
            higher_is_better=True,
            kind="share",
        ),
        offers=offered(Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH),
        usual=Strategy.FEATURES,
        formats=(
            _("a zip or folder with one folder of WAV, FLAC, OGG or MP3 files a speaker"),
            _("sound files with a metadata.csv: file_name, speaker"),
        ),
        accepts=("zip", "wav", "flac", "ogg", "opus", "mp3", "aiff", "caf", "au", "csv", "tsv", "json", "jsonl", "txt"),
        whole=("zip",),
        exports=("safetensors",),
        default_model=speaker_catalogue.NAME,
        pipeline_tag="audio-classification",
        library="transformers",
        words=Words(explain_question=_("Which moments decided?")),
        adapts_by=(),
    )
    settings = SpeakerSettings

    def models(self) -> list[ModelCard]:
        return [speaker_catalogue.card()]

    def describe(self, model: str) -> ModelCard:
        return speaker_catalogue.find(model)

    def samples(self) -> list[Sample]:
        return told(samples.SPEAKERS)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out, told(samples.SPEAKERS))
