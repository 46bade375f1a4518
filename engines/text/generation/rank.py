"""Which language model already reads these conversations best: perplexity before anything is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engines.contract import ModelCard, Recipe, Run, Scores, Task
from engines.evidence import ranking
from engines.text.generation.fit import ChatStudy
from engines.text.generation.perplexity import answer_losses
from engines.text.generative import networks
from engines.text.generative.examples import Sequences

MOST = 24
"""Conversations of the training part that every model reads."""


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`. Every model's perplexity is told a token of the first one's: models cut texts into
    tokens of their own, and whoever has more of them would look surer of each."""
    tokens = np.empty(0)

    def measure(card: ModelCard, study: ChatStudy) -> tuple[Scores, dict[str, Any]]:
        nonlocal tokens
        chosen = ranking.some(len(study.sequences["train"]), MOST, recipe.seed)
        read = Sequences([study.sequences["train"].sequences[i] for i in chosen], f"{MOST} to rank by")
        network = networks.build(card, pretrained=True, seed=recipe.seed).to(study.on.device)
        losses = answer_losses(network, read, study.on)
        tokens = tokens if len(tokens) else losses[:, 1]
        return study.scores([np.column_stack([losses[:, 0], tokens])]), {"n": len(chosen)}

    return ranking.as_they_came(task, recipe, ranking.here(task, models), run, measure)
