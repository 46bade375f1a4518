"""Which translator already does these sentences best: chrF before anything is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.contract import ModelCard, Recipe, Run, Scores, Task
from engines.evidence import ranking
from engines.text.generative import networks
from engines.text.translation import scores
from engines.text.translation.fit import TranslationStudy

MOST = 24
"""Sentences of the training part that every model translates."""


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`."""

    def measure(card: ModelCard, study: TranslationStudy) -> tuple[Scores, dict[str, Any]]:
        written, read = study.prepared.examples("train"), study.sequences["train"].sequences
        chosen = ranking.some(len(read), MOST, recipe.seed)
        network = networks.build(card, pretrained=True, seed=recipe.seed).to(study.on.device).eval()
        translations = study.translated(network, [read[i].source for i in chosen], run)
        chrf, _ = scores.chrf(translations, [written[i].answer for i in chosen])
        return study.scores([chrf]), {"n": len(chosen)}

    return ranking.as_they_came(task, recipe, ranking.here(task, models), run, measure)
