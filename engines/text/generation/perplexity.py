"""How likely a text is to a language model: of held-out answers, and of general English."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import Accelerator
from torch.nn import functional as F

from engines.text.generative.examples import Sequence, Sequences
from engines.training.examples import batches
from engines.training.staged import Staged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GENERAL = Path(__file__).with_name("general_english.txt")
"""The beginnings of twelve well-known English books and speeches of before 1900, in the public domain."""


def answer_losses(network: Staged, examples: Sequences, on: Accelerator, batch: int = 16) -> np.ndarray:
    """float64 (N, 2): of each example the summed negative log-likelihood of its answer tokens (nats), and their number.

    In the run's precision. Perplexity is exp of the quotient of the two columns' sums.
    """
    network.eval()
    found = np.zeros((len(examples), 2))
    with torch.no_grad():
        for indices in batches(examples, batch):
            with on.autocast():
                logits = network(examples.plain(indices).to(on.device), network.boundary).float()  # (n, V)
            each = F.cross_entropy(logits, examples.targets(indices).to(on.device), reduction="none").cpu()
            tokens = examples.tokens[indices]
            owner = torch.repeat_interleave(torch.arange(len(indices)), tokens)
            sums = torch.zeros(len(indices), dtype=torch.float64).index_add(0, owner, each.double())
            found[indices.numpy()] = torch.stack([sums, tokens.double()], 1).numpy()
    return found


def perplexity(sums: np.ndarray) -> float:
    """From summed negative log-likelihood and number of tokens: how many equally likely tokens the model wavers
    between on average, 1 or more."""
    return float(np.exp(min(sums[0] / sums[1], 700.0)))


def general(tokenizer: PreTrainedTokenizerBase, longest: int) -> Sequences:
    """A few lines of general English: every token but the first is asked for."""
    sequences = []
    for line in GENERAL.read_text(encoding="utf-8").splitlines():
        ids = tokenizer(line, add_special_tokens=False)["input_ids"][:longest]
        sequences.append(Sequence(ids, [False, *[True] * (len(ids) - 1)]))
    return Sequences(sequences, "general English")
