"""What a run of a recogniser has to do. Light: pages call it."""

from __future__ import annotations

from statistics import fmean

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.speech.settings import TranscriptionSettings
from engines.training import cost

SOURCE_SECONDS = {"validation": 33.0, "test": 93.0}
"""Of the accent that the models came with, in engines/speech/shipped/source."""
REHEARSED = 1 / 3
"""Clips of that accent which are gone through beside each of one's own."""
CHOICES = 1.5
"""Shares of what was learnt that are listened to, about, until one is borne."""


def work(card: ModelCard, strategy: Strategy, settings: TranscriptionSettings, sizes: Sizes) -> list[Work]:
    """`sizes.details['durations']` are seconds of clips, as the check has them."""
    durations = sizes.details.get("durations") or [5.0]
    tested, forgets = fmean(durations) * sizes.test, settings.forgetting and settings.language == "en"
    source = SOURCE_SECONDS if forgets else dict.fromkeys(SOURCE_SECONDS, 0.0)
    heard = tested + sum(source.values())  # before it learns
    if strategy is not Strategy.ZERO_SHOT:
        points = settings.curve + 1 + (settings.curve > 0) if forgets else 1
        tries = CHOICES if settings.mix is None else 0.0
        heard += points * (tested + source["test"]) + tries * source["validation"]
    rehearsed = 1 + REHEARSED * (settings.rehearse and settings.language == "en")
    more = Sizes(round(sizes.train * rehearsed), sizes.validation, 0)
    trained = cost.work(card, strategy, settings, more, warms_up=False)
    return [*trained, Work("testing", heard, "seconds heard")]
