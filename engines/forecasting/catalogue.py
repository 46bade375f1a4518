"""The forecasters we know by heart. Light."""

from __future__ import annotations

from engines.contract import ModelCard, Stage

FRACAST = ModelCard(
    name="fracast",
    title="Fracast-0",
    family="Fracast",
    parameters=85_001,
    download_bytes=344_412,
    licence="Apache-2.0",
    source="Fracast contributors; it comes with the package fracast",
    source_task="public series of many kinds (GIFT-Eval pretraining, LOTSA, Chronos, BOOM, fev) and synthetic ones",
    input="up to 2,048 past values, missing ones too",
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


def _borrowed(
    name: str, title: str, family: str, parameters: int, download: int, hub: str, source: str, learnt: str, takes: str
) -> ModelCard:
    """A model that is asked through sktime and used as it comes; sizes are those of its page on the hub."""
    whole = (Stage("the whole model", parameters, 0),)
    return ModelCard(
        name,
        title,
        family,
        parameters,
        download,
        "Apache-2.0",
        source,
        learnt,
        takes,
        whole,
        1,
        head_parameters=0,
        hub=hub,
    )


BORROWED = (
    _borrowed(
        "ttm-r2", "TinyTimeMixer R2", "TinyTimeMixer", 805_280, 3_240_592, "ibm-granite/granite-timeseries-ttm-r2",
        "IBM Granite, on the hub; through sktime: as it comes, or fine-tuned", "700 million values of public series",
        "512 past values; answers up to 96",
    ),
    _borrowed(
        "chronos-bolt-small", "Chronos-Bolt Small", "Chronos", 47_700_000, 191_000_000, "amazon/chronos-bolt-small",
        "Amazon, on the hub; asked through sktime, zero-shot only", "100 billion values of public and made-up series",
        "up to 2,048 past values; answers 64 at once",
    ),
    _borrowed(
        "chronos-2", "Chronos-2", "Chronos", 120_000_000, 480_000_000, "amazon/chronos-2",
        "Amazon, on the hub; asked through sktime, zero-shot only", "public and made-up series, many with covariates",
        "up to 8,192 past values, and columns whose future is known",
    ),
    _borrowed(
        "timesfm-2.5", "TimesFM 2.5", "TimesFM", 200_000_000, 925_000_000, "google/timesfm-2.5-200m-transformers",
        "Google Research, on the hub; asked through sktime, zero-shot only", "public series, web searches, page views",
        "up to 2,048 past values",
    ),
)  # fmt: skip


def cards() -> list[ModelCard]:
    """Default first."""
    return [FRACAST, *BORROWED]


def find(name: str) -> ModelCard | None:
    return next((card for card in cards() if card.name == name), None)
