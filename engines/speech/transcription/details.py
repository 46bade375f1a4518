"""What only the page of transcription reads of a result: see docs/architecture.md."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engines.contract import Estimate, ModelCard, Recipe, Strategy
from engines.messages import _
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription import phones, word_errors
from engines.speech.transcription.prepare import Prepared, Selection
from engines.speech.transcription.train import TrainSpec, decoder_stays
from engines.speech.transcription.weight_mixing import SHARES, Transcripts
from engines.training import overfitting
from engines.training.overfitting import Fit


def point(heard: Transcripts, testing: Selection, source: Selection) -> dict[str, Any]:
    """One point of the forgetting curve, each number with its interval."""
    found: dict[str, Any] = {"share": heard.share}
    for title, chosen, texts in (("wer", testing, heard.test), ("source", source, heard.source)):
        if len(chosen):
            found[title] = asdict(word_errors.wer(word_errors.word_counts(chosen.texts, texts)))
    if len(source):
        rows = word_errors.by_accent(source.accents, source.texts, heard.source, heard.source)
        found["sources"] = {row["accent"]: row["wer"]["after"] for row in rows}
    return found


def forgetting(source: Selection, before: list[str], after: list[str]) -> list[dict[str, Any]]:
    """The accents that the model came with, before and after; empty where they were not measured."""
    return word_errors.by_accent(source.accents, source.texts, before, after) if len(source) else []


def findings(prepared: Prepared, testing: Selection, before: list[str], after: list[str]) -> dict[str, Any]:
    """What suffered in the test before and after, and how many seconds of speech each part has."""
    return {
        "accents": word_errors.by_accent(testing.accents, testing.texts, before, after),
        "words": word_errors.worst_words(testing.texts, before, after),
        "phones": phones.suffering(testing.texts, before, after),
        "seconds": {
            part: round(sum((prepared.clips[i].seconds for i in own), 0.0), 1) for part, own in prepared.parts.items()
        },
    }


def network_view(spec: TrainSpec, card: ModelCard) -> dict[str, Any]:
    """What the page draws."""
    return {
        "stages": card.stage_view(spec.strategy, spec.settings.blocks),
        "head_parameters": card.head_parameters,
        "head_learns": spec.strategy not in {Strategy.ZERO_SHOT, Strategy.LORA} and not decoder_stays(spec),
    }


def advise(
    recipe: Recipe, settings: TranscriptionSettings, fit: Fit | None, gained: Estimate, share: float
) -> dict[str, Any] | None:
    """The one change that the numbers suggest."""
    if recipe.strategy is Strategy.ZERO_SHOT:
        return {
            "text": _("Let the last layers learn from your clips: a few minutes of speech are often enough."),
            "strategy": "partial",
            "settings": {},
        }
    if gained.value > 0:
        text = _("It hears these clips worse than before. Smaller steps change less.")
        return {
            "text": text,
            "strategy": recipe.strategy,
            "settings": {"learning_rate": settings.learning_rate_for(recipe.strategy) / 3},
        }
    if fit and fit.reading == "still improving":
        return overfitting.longer(fit, recipe.strategy, settings)
    if fit and fit.reading == "by heart":
        ways: list[overfitting.Way] = [
            (_("more variation of the clips can hold that back"), recipe.strategy, {"augment": "both"}),
            (_("let less of the model learn"), Strategy.FEATURES, {}),
        ]
        return overfitting.held_back(fit, recipe.strategy, settings, "clips", ways)
    if share < SHARES[0]:
        text = _(
            "The accent it came with suffered, so less is kept of what was learnt. Adapters change less of the model."
        )
        return {"text": text, "strategy": "lora", "settings": {}}
    return None
