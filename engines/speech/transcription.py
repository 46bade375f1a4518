"""The task speech.transcription: writing down what somebody says, adapted to how they say it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.contract import (
    DataReport,
    ModelCard,
    Predictor,
    Progress,
    Recipe,
    Result,
    Run,
    Sample,
    Settings,
    Strategy,
    Task,
    TaskInfo,
    Verdict,
)
from engines.speech import catalogue, samples
from engines.speech.settings import TranscriptionSettings


class Transcription(Task):
    """Speech recognition through Whisper and CTC models."""

    info = TaskInfo(
        name="speech.transcription",
        title="Transcribe",
        unit="clips",
        metric="wer",
        metric_title="Word error rate",
        metric_help="Words left out, invented or heard as others, for each word that was said: 0 is perfect.",
        higher_is_better=False,
        strategies=(Strategy.PARTIAL, Strategy.FEATURES, Strategy.FULL, Strategy.LORA, Strategy.ZERO_SHOT),
        formats=(
            "a zip or folder of WAV, FLAC, OGG or MP3 files with a metadata.csv: file_name, transcription",
            "columns speaker, accent and split too, if you like",
            "a Common Voice download (its .tsv and clips)",
        ),
        exports=("safetensors", "script"),
        default_model=catalogue.DEFAULT,
        rival="zero_shot",
        suggested=Strategy.PARTIAL,
    )
    settings = TranscriptionSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        return catalogue.find(model) or catalogue.describe(model)

    def samples(self) -> list[Sample]:
        return samples.TRANSCRIPTION

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out, samples.TRANSCRIPTION)

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
        from engines.speech import checking

        chosen = settings if isinstance(settings, TranscriptionSettings) else TranscriptionSettings()
        return checking.report(self.info, data, chosen, seed=seed, gallery=gallery, test=test, progress=progress)

    def fit(self, recipe: Recipe, run: Run) -> Result:
        from engines.speech import outcome

        return outcome.fit(self.info, recipe, self.describe(recipe.model), run)

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        from engines.speech import comparison

        return comparison.compare(self.info, recipe, self.describe(recipe.model), run, list(budgets), seeds)

    def load(self, run: Path) -> Predictor:
        from engines.speech import predicting

        return predicting.Transcriber(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.speech import explaining

        return explaining.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "script":
            from engines.speech import to_script

            return to_script.export(run, out, self.describe)
        from engines.speech import predicting

        return predicting.export(run, out)
