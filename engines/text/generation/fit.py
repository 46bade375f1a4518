"""The study of a chatbot: conversations in, the perplexity of held-out answers out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engines.contract import Estimate, Recipe, Run, Scores, Task, Trial
from engines.evidence import bootstrap
from engines.evidence.scores import Sums
from engines.text.generation import prepare
from engines.text.generation.perplexity import answer_losses, general, perplexity
from engines.text.generative import encoding, model_files, networks
from engines.text.generative.conversations import Written
from engines.text.generative.examples import MOST_NEW, SHOWN, Sequence, readable
from engines.text.generative.fit import GenerativeStudy, Measured
from engines.text.generative.settings import GenerationSettings
from engines.training.staged import Staged


def open_study(task: Task, recipe: Recipe, settings: GenerationSettings, run: Run) -> ChatStudy:
    """See `contract.Task.open`."""
    return ChatStudy(task, recipe, settings, run)


class ChatStudy(GenerativeStudy[GenerationSettings]):
    """Conversations, and a model that answers as they do."""

    way = prepare.WAY
    value = staticmethod(perplexity)

    def metric_of_loss(self) -> Callable[[float], float]:
        return lambda loss: math.exp(min(loss, 700.0))

    def encode(self, written: Written) -> Sequence:
        return encoding.conversation(self.tokenizer, written, readable(self.config, self.settings))

    def measure(self, network: Staged, run: Run) -> Measured:
        """The summed negative log-likelihood and the number of the answer tokens of each test conversation; an answer
        of the model's own to the first few; and how well it still reads general English."""
        tokenizer, settings, on = self.tokenizer, self.settings, self.on
        tested = self.prepared.examples("test")
        losses = answer_losses(network, self.sequences["test"], on)
        run.check_cancelled()
        model = networks.model_of(network)
        prompts = [encoding.prompt(tokenizer, model.config, one, settings, room=MOST_NEW) for one in tested[:SHOWN]]
        with on.autocast():
            answers = model_files.write(model, tokenizer, prompts, on.device, most=[MOST_NEW] * len(prompts))
        aside = {}
        if settings.forgetting:
            run.check_cancelled()
            aside["general"] = answer_losses(network, general(tokenizer, readable(model.config, settings)), on)
        columns: dict[str, list[Any]] = {
            "predicted": [*answers, *[None] * (len(tested) - len(answers))],
            "tokens": [int(tokens) for tokens in losses[:, 1]],
            "perplexity": [perplexity(row) for row in losses],
        }
        return Measured(losses, columns, aside=aside)

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """Wavering between all tokens of the vocabulary alike."""
        return {"uniform": float(self.config.vocab_size)}

    def own_details(self, after: Measured) -> dict[str, Any]:
        """`forgetting`: the perplexity of general English before and after, and the difference, paired."""
        forgetting = None
        if self.came is not None and "general" in self.came.aside:
            ours, theirs = after.aside["general"], self.came.aside["general"]
            forgetting = {
                "before": _plain(bootstrap.estimate(theirs, perplexity)),
                "after": _plain(bootstrap.estimate(ours, perplexity)),
                "difference": _plain(Sums([ours], perplexity).minus(Sums([theirs], perplexity))),
                "tokens": int(np.sum(ours[:, 1])),
            }
        return {"forgetting": forgetting, "answer_tokens": int(after.statistics[:, 1].sum())}


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
