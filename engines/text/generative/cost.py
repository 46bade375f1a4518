"""What a run of a model that writes has to do. Light: pages call it."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.text.generative.catalogue import TOKENS
from engines.text.generative.settings import TranslationSettings, WritingSettings
from engines.training import cost

TOKENS_A_WORD = 1.4
SHOWN_ANSWERS = 8 * 64
"""Tokens that a chat model writes after each training, to be looked at."""
GENERAL_EXAMPLES = 14
"""Examples of TOKENS that the general English of `forgetting` comes to, about."""


def work(card: ModelCard, strategy: Strategy, settings: WritingSettings, sizes: Sizes) -> list[Work]:
    """`sizes.details['words']` are those of a question and of an answer (5 %, median, 95 %), as the check has them."""
    words = {name: each[1] for name, each in sizes.details.get("words", {}).items()}
    question, answer = (TOKENS_A_WORD * words.get(name, TOKENS / 2) for name in ("question", "answer"))
    sizes = replace(sizes, each=max(0.05, min(settings.max_tokens, question + answer) / TOKENS))
    unit = "MACs" if settings.mixed_precision == "no" else "bf16 MACs"
    trained = cost.work(card, strategy, settings, sizes, warms_up=False, unit=unit)
    own = [one for one in trained if one.phase != "testing"]
    measured = _measured(card, settings, sizes, answer, unit)
    before = strategy not in {Strategy.SCRATCH, Strategy.ZERO_SHOT}
    own += measured * (2 if before else 1)
    if any(one.phase == "baseline" for one in trained):
        own += [replace(one, phase="baseline") for one in measured]
    return own


def _measured(card: ModelCard, settings: WritingSettings, sizes: Sizes, answer: float, unit: str) -> list[Work]:
    """One look at how well a network writes: translations are written out, answers are read."""
    if isinstance(settings, TranslationSettings):
        return [Work("testing", sizes.test * answer * settings.beams, "tokens written")]
    read = sizes.test * sizes.each + GENERAL_EXAMPLES * getattr(settings, "forgetting", False)
    return [Work("testing", read * cost.forward_macs(card), unit), Work("testing", SHOWN_ANSWERS, "tokens written")]
