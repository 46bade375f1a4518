"""The task forecasting.forecast: what comes next in your series, and how sure is that?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.contract import (
    DataReport,
    InputError,
    ModelCard,
    Predictor,
    Problem,
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
from engines.forecasting import catalogue
from engines.forecasting.settings import ForecastSettings


class Forecast(Task):
    """Forecasting with a pretrained network, beside the classical methods."""

    info = TaskInfo(
        name="forecasting.forecast",
        title="Forecast",
        unit="observations",
        metric="mase",
        metric_title="MASE",
        metric_help="The error relative to that of repeating the last season in the past: below 1 is better than that.",
        higher_is_better=False,
        strategies=(Strategy.PARTIAL, Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH, Strategy.ZERO_SHOT),
        formats=(
            "a CSV or Parquet table with a column of dates and one of numbers",
            "with a column that names the series (long), or one series a column (wide)",
        ),
        exports=("safetensors", "script"),
        default_model="fracast",
        rival="zero_shot",
        suggested=Strategy.PARTIAL,
    )
    settings = ForecastSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        listed = ", ".join(card.name for card in catalogue.cards())
        raise InputError(Problem(f"model {model}", "there is no such forecaster", f"known: {listed}"))

    def samples(self) -> list[Sample]:
        from engines.forecasting import samples

        return samples.SAMPLES

    def make_sample(self, name: str, out: Path) -> Path:
        from engines.forecasting import samples

        return samples.make(name, out)

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
        from engines.forecasting import checking

        chosen = settings if isinstance(settings, ForecastSettings) else ForecastSettings()
        return checking.report(self.info, data, chosen, gallery=gallery, progress=progress)

    def fit(self, recipe: Recipe, run: Run) -> Result:
        from engines.forecasting import outcome

        return outcome.fit(self.info, recipe, self.describe(recipe.model), run)

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        from engines.forecasting import comparison

        return comparison.compare(self.info, recipe, self.describe(recipe.model), run, list(budgets), seeds)

    def load(self, run: Path) -> Predictor:
        from engines.forecasting import predicting

        return predicting.Forecaster(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.forecasting import explaining

        return explaining.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "script":
            from engines.forecasting import to_script

            return to_script.export(run, out, self.describe)
        from engines.forecasting import keeping

        return keeping.export(run, out)
