"""The forecasters we know by heart. Light."""

from __future__ import annotations

from engines.contract import ModelCard, Stage
from engines.messages import _, told

FRACAST = ModelCard(
    name="fracast",
    title="Fracast-0",
    family="Fracast",
    parameters=85_001,
    download_bytes=344_412,
    licence="Apache-2.0",
    source=_("Fracast contributors; it comes with the package fracast"),
    source_task=_("public series of many kinds (GIFT-Eval pretraining, LOTSA, Chronos, BOOM, fev) and synthetic ones"),
    input=_("up to 2,048 past values, missing ones too"),
    stages=(
        Stage("embedding", 1_088, 491_520),
        Stage("time scales", 24_448, 115_353_600),
        Stage("decoder", 58_880, 25_297_920),
    ),  # multiply-accumulates at 512 past values
    head_inputs=64,
    head_parameters=585,
    package="fracast",
    sha256="0d678f123f3d1f91c5065cca2b5d40eccc469360afc2381b27290486011ded2c",
)


WHOLE = _("the whole model")
BORROWED = (
    ModelCard(
        name="ttm-r2",
        title="TinyTimeMixer R2",
        family="TinyTimeMixer",
        parameters=805_280,
        download_bytes=3_240_592,
        licence="Apache-2.0",
        source=_("IBM Granite, on the hub; through sktime: as it comes, or fine-tuned"),
        source_task=_("700 million values of public series"),
        input=_("512 past values; answers up to 96"),
        stages=(Stage(WHOLE, 805_280, 0),),
        head_inputs=1,
        head_parameters=0,
        hub="ibm-granite/granite-timeseries-ttm-r2",
    ),
    ModelCard(
        name="chronos-bolt-small",
        title=_("Chronos-Bolt Small"),
        family="Chronos",
        parameters=47_700_000,
        download_bytes=191_000_000,
        licence="Apache-2.0",
        source=_("Amazon, on the hub; asked through sktime, zero-shot only"),
        source_task=_("100 billion values of public and made-up series"),
        input=_("up to 2,048 past values; answers 64 at once"),
        stages=(Stage(WHOLE, 47_700_000, 0),),
        head_inputs=1,
        head_parameters=0,
        hub="amazon/chronos-bolt-small",
    ),
    ModelCard(
        name="chronos-2",
        title="Chronos-2",
        family="Chronos",
        parameters=120_000_000,
        download_bytes=480_000_000,
        licence="Apache-2.0",
        source=_("Amazon, on the hub; asked through sktime, zero-shot only"),
        source_task=_("public and made-up series, many with covariates"),
        input=_("up to 8,192 past values, and columns whose future is known"),
        stages=(Stage(WHOLE, 120_000_000, 0),),
        head_inputs=1,
        head_parameters=0,
        hub="amazon/chronos-2",
    ),
    ModelCard(
        name="timesfm-2.5",
        title=_("TimesFM 2.5"),
        family="TimesFM",
        parameters=200_000_000,
        download_bytes=925_000_000,
        licence="Apache-2.0",
        source=_("Google Research, on the hub; asked through sktime, zero-shot only"),
        source_task=_("public series, web searches, page views"),
        input=_("up to 2,048 past values"),
        stages=(Stage(WHOLE, 200_000_000, 0),),
        head_inputs=1,
        head_parameters=0,
        hub="google/timesfm-2.5-200m-transformers",
    ),
)
"""Models that are asked through sktime; sizes are those of their pages on the hub."""


def cards() -> list[ModelCard]:
    """Default first."""
    return [FRACAST, *told(BORROWED)]


def find(name: str) -> ModelCard | None:
    return next((card for card in cards() if card.name == name), None)
