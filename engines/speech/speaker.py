"""The task speech.speaker: whose voice is this?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.classifying.task import ClassificationTask
from engines.contract import (
    DataReport,
    ModelCard,
    Predictor,
    Progress,
    Sample,
    Settings,
    Strategy,
    TaskInfo,
)
from engines.speech import samples, speaker_card
from engines.speech.settings import SpeakerSettings

if TYPE_CHECKING:
    from engines.classifying.domain import Domain


class Speaker(ClassificationTask):
    """Speaker identification and verification on GE2E embeddings."""

    info = TaskInfo(
        name="speech.speaker",
        title="Recognise voices",
        unit="clips",
        metric="balanced_accuracy",
        metric_title="Balanced accuracy",
        metric_help="The share of clips given to the right speaker, averaged over the speakers.",
        higher_is_better=True,
        strategies=(Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH),
        formats=(
            "a zip or folder with one folder of WAV, FLAC, OGG or MP3 files a speaker",
            "sound files with a metadata.csv: file_name, speaker",
        ),
        exports=("safetensors",),
        default_model=speaker_card.NAME,
    )
    settings = SpeakerSettings

    def models(self) -> list[ModelCard]:
        return [speaker_card.card()]

    def describe(self, model: str) -> ModelCard:
        return speaker_card.find(model)

    def samples(self) -> list[Sample]:
        return samples.SPEAKERS

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out, samples.SPEAKERS)

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        from engines.speech import speaker_checking

        chosen = settings if isinstance(settings, SpeakerSettings) else SpeakerSettings()
        return speaker_checking.report(
            self.info, data, chosen, seed=seed, gallery=gallery, test=test, progress=progress
        )

    def domain(self) -> Domain:
        from engines.speech.identifying import DOMAIN

        return DOMAIN

    def load(self, run: Path) -> Predictor:
        from engines.speech import speaker_predicting

        return speaker_predicting.Identifier(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.speech import speaker_predicting

        return speaker_predicting.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        from engines.speech import speaker_predicting

        return speaker_predicting.export(run, out)
