"""The craft of answering: conversations in, the perplexity of held-out answers out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator

from engines.contract import Progress, Run, Skipped
from engines.data.tables import Table
from engines.evidence import resampling
from engines.text import craft, encoding, writing_model
from engines.text.columns import Guess, guess_conversations
from engines.text.conversations import Written, of_chats, of_rows
from engines.text.craft import Craft, Found, Measured, Prepared
from engines.text.sequences import Sequence, Sequences, answer_losses, perplexity
from engines.text.writing_settings import GenerationSettings
from engines.training.staged import Staged

SHOWN = 8
"""Test conversations that the page shows with an answer from before and one from after."""
MOST_NEW = 64
"""Tokens of each of these answers."""
GENERAL = Path(__file__).with_name("general_english.txt")
"""The beginnings of twelve well-known English books and speeches of before 1900, in the public domain."""


def read(data: Path, settings: GenerationSettings, seed: int, progress: Progress | None = None) -> Found:
    """The conversations in a table, by the columns that were given or guessed. Raises InputError."""
    given = {
        "prompt_column": settings.prompt_column, "response_column": settings.response_column,
        "messages_column": settings.messages_column,
    }  # fmt: skip

    def rows(table: Table, guess: Guess) -> tuple[list[Written], list[Skipped]]:
        if chats := guess.roles.get("messages"):
            return of_chats(table, chats, settings.system)
        return of_rows(table, guess.roles["prompt"], guess.roles["response"], settings.system)

    return craft.from_tables(
        data, lambda table: guess_conversations(table, **given), rows, "conversations", settings, seed, progress
    )


def encode(tokenizer: Any, config: Any, written: Written, settings: GenerationSettings) -> Sequence:
    return encoding.conversation(tokenizer, written, readable(config, settings))


def readable(config: Any, settings: GenerationSettings) -> int:
    """How many tokens are read at most: what the settings say, or fewer where the model has no positions for them."""
    return min(settings.max_tokens, getattr(config, "max_position_embeddings", None) or settings.max_tokens)


def measure(
    network: Staged, tokenizer: Any, examples: list[Written], sequences: Sequences, settings: GenerationSettings,
    on: Accelerator, run: Run,
) -> Measured:  # fmt: skip
    """The summed negative log-likelihood and the number of the answer tokens of each test conversation; an answer of
    the model's own to the first few; and how well it still reads general English."""
    losses = answer_losses(network, sequences, on)
    run.check_cancelled()
    config = network.model.config
    prompts = [prompt(tokenizer, config, one, settings, room=MOST_NEW) for one in examples[:SHOWN]]
    with on.autocast():
        answers = writing_model.write(network.model, tokenizer, prompts, on.device, most=[MOST_NEW] * len(prompts))
    aside = {}
    if settings.forgetting:
        run.check_cancelled()
        aside["general"] = answer_losses(network, general(tokenizer, readable(config, settings)), on)
    columns: dict[str, list[Any]] = {
        "predicted": [*answers, *[None] * (len(examples) - len(answers))],
        "tokens": [int(tokens) for tokens in losses[:, 1]],
        "perplexity": [perplexity(row) for row in losses],
    }
    return Measured(losses, columns, aside=aside)


def prompt(tokenizer: Any, config: Any, written: Written, settings: GenerationSettings, *, room: int) -> list[int]:
    """The conversation up to its last answer, as tokens; of more than the model reads the last, with `room` tokens
    left for the answer where the model's positions end."""
    text = encoding.rendered(tokenizer, list(written.messages[:-1]), answer_next=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    positions = getattr(config, "max_position_embeddings", None) or settings.max_tokens + room
    return ids[-max(1, min(settings.max_tokens, positions - room)) :]


def general(tokenizer: Any, longest: int) -> Sequences:
    """A few lines of general English: every token but the first is asked for."""
    sequences = []
    for line in GENERAL.read_text(encoding="utf-8").splitlines():
        ids = tokenizer(line, add_special_tokens=False)["input_ids"][:longest]
        sequences.append(Sequence(ids, [False, *[True] * (len(ids) - 1)]))
    return Sequences(sequences, "general English")


def baselines(config: Any, _: Prepared) -> dict[str, float]:
    """Wavering between all tokens of the vocabulary alike."""
    return {"uniform": float(config.vocab_size)}


def details(before: Measured | None, after: Measured) -> dict[str, Any]:
    """`examples`: file, question, label, answer, base_answer, perplexity, base_perplexity of a few test conversations;
    `forgetting`: the perplexity of general English before and after, and the difference, paired."""
    forgetting = None
    if before is not None and "general" in before.aside:
        ours, theirs = after.aside["general"], before.aside["general"]
        forgetting = {
            "before": _plain(resampling.estimate(theirs, perplexity)),
            "after": _plain(resampling.estimate(ours, perplexity)),
            "difference": _plain(resampling.difference(ours, theirs, perplexity)),
            "tokens": int(np.sum(ours[:, 1])),
        }
    return {"forgetting": forgetting, "answer_tokens": int(after.statistics[:, 1].sum())}


def _plain(estimate: Any) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


CHAT = Craft(
    settings=GenerationSettings,
    read=read,
    encode=encode,
    measure=measure,
    value=perplexity,
    metric_of_loss=lambda loss: math.exp(min(loss, 700.0)),
    baselines=baselines,
    details=details,
    loader="AutoModelForCausalLM",
)
