"""Classes from their names alone: nothing is learnt from any label.

Yin et al. 2019, 'Benchmarking zero-shot text classification': each class becomes a sentence (the hypothesis), and a
text belongs to the class whose sentence is nearest to it. Nearness is the cosine between the network's own vectors.
"""

from __future__ import annotations

from typing import Any

import torch

from engines.contract import InputError, Problem
from engines.text.preparing import Prepared
from engines.text.settings import TextSettings
from engines.training.staged import Staged
from engines.training.tokens import Tokens

SHARPNESS = 20.0
"""Logits are cosines times this, as sentence encoders are trained (sentence-transformers' default scale)."""


def hypotheses(classes: list[str], template: str) -> list[str]:
    """One sentence a class. Raises InputError for a template without {label}."""
    if "{label}" not in template:
        raise InputError(
            Problem("setting hypothesis", f"found {template!r}", "accepted: a sentence with {label} in it")
        )
    return [template.replace("{label}", name.replace("_", " ")) for name in classes]


def from_names(prepared: Prepared, settings: TextSettings, network: Staged) -> None:
    """Sets the head so that a text's logits are its cosines with the hypotheses, times the text's own length.

    That length changes no answer; it is evened out by the mean length of the training texts, without their labels.
    """
    reader: Any = prepared.examples.reader  # type: ignore[attr-defined]
    sentences = [read.windows for read in reader.read(hypotheses(prepared.classes, settings.hypothesis))]
    head = network.head()
    device, last = head.weight.device, len(network.stages)
    network.eval()
    with torch.no_grad():
        names = network.run(Tokens.padded(sentences, reader.padding).to(device), 0, last)  # (C, D)
        some = prepared.part("train").plain(torch.arange(min(64, len(prepared.parts["train"]))))
        length = network.run(some.to(device), 0, last).norm(dim=1).mean()
        head.weight.copy_(SHARPNESS * names / names.norm(dim=1, keepdim=True) / length)
        if head.bias is not None:
            head.bias.zero_()
