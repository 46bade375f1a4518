"""Which recogniser already hears these clips best: word error rate before anything is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.contract import ModelCard, Recipe, Run, Scores, Task
from engines.evidence import ranking
from engines.messages import _
from engines.speech.transcription import word_errors
from engines.speech.transcription.fit import TranscriptionStudy
from engines.speech.transcription.prepare import heard_before

MOST = 24
"""Clips of the training part that every model listens to."""


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`."""

    def measure(card: ModelCard, study: TranscriptionStudy) -> tuple[Scores, dict[str, Any]]:
        clips = study.prepared.of("train")
        clips = clips.at(ranking.some(len(clips), MOST, recipe.seed))
        heard = heard_before(study.spec, clips, _("What {name} hears", name=card.name))
        counts = word_errors.word_counts(study.alike(clips.texts), study.alike(heard))[:, :2]
        return study.scores([counts]), {"n": len(clips)}

    return ranking.as_they_came(task, recipe, ranking.here(task, models), run, measure)
