"""The task forecasting.forecast: what comes next in your series, and how sure is that?"""

from __future__ import annotations

from pathlib import Path

from engines.contract import InputError, Metric, ModelCard, Problem, Recipe, Sample, Strategy, Task, TaskInfo, offered
from engines.forecasting import samples
from engines.forecasting.models import catalogue
from engines.forecasting.settings import ForecastSettings
from engines.messages import _, told


class Forecast(Task):
    """Forecasting with a pretrained network, beside the classical methods."""

    info = TaskInfo(
        name="forecasting.forecast",
        title=_("Forecast"),
        unit=_("observations"),
        metric=Metric(
            "mase",
            _("MASE"),
            _("The error relative to that of repeating the last season in the past: below 1 is better than that."),
            higher_is_better=False,
        ),
        offers=offered(Strategy.PARTIAL, Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH, Strategy.ZERO_SHOT),
        usual=Strategy.PARTIAL,
        formats=(
            _("a CSV or Parquet table with a column of dates and one of numbers"),
            _("with a column that names the series (long), one series a column (wide), or a column for each date"),
        ),
        accepts=("csv", "tsv", "txt", "parquet", "xlsx", "jsonl", "json", "zip"),
        exports=("safetensors", "script"),
        default_model="fracast",
        pipeline_tag="time-series-forecasting",
        library="sktime",
        no_target=_(
            "a series carries its own answers, so its form of this is zero-shot: "
            "the model forecasts series that it has never learnt from"
        ),
        rival="zero_shot",
    )
    settings = ForecastSettings
    goes_on = True

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        listed = ", ".join(card.name for card in catalogue.cards())
        raise InputError(
            Problem(
                _("model {model}", model=model), _("there is no such forecaster"), _("known: {listed}", listed=listed)
            )
        )

    def require_offered(self, recipe: Recipe) -> None:
        """Refuses, too, what cannot be done with a model of the hub."""
        super().require_offered(recipe)
        from engines.forecasting.models import hub_models

        card = self.describe(recipe.model)
        if hub_models.is_borrowed(card):
            hub_models.require_offered(card, recipe.strategy, self.settings.parse(recipe.settings).baseline)

    def samples(self) -> list[Sample]:
        return told(samples.SAMPLES)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out)
