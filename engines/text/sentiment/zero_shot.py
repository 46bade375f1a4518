"""Classes from their names alone: nothing is learnt from any label.

Yin et al. 2019, 'Benchmarking zero-shot text classification': each class becomes a sentence (the hypothesis). A model
of natural language inference says how far a text entails it (`text.entailment`); with any other, a text belongs to the
class whose sentence is nearest to it by the cosine between the network's own vectors.
"""

from __future__ import annotations

import torch

from engines.contract import ModelCard
from engines.text.models import encoders, entailment
from engines.text.sentiment.prepare import Prepared, hypotheses
from engines.text.settings import TextSettings
from engines.training.staged import Staged
from engines.training.tokens import Tokens

SHARPNESS = 20.0
"""Logits are cosines times this, as sentence encoders are trained (sentence-transformers' default scale)."""


def network(prepared: Prepared, settings: TextSettings, card: ModelCard) -> Staged:
    """What answers for these classes. Raises InputError when its weights are not to be had."""
    reader = prepared.reader
    if isinstance(reader, entailment.PremiseReader):
        return entailment.build(card, reader)
    found = encoders.build(card, len(prepared.classes), pretrained=True, seed=0)
    from_names(prepared, settings, found)
    return found


def from_names(prepared: Prepared, settings: TextSettings, network: Staged) -> None:
    """Sets the head so that a text's logits are its cosines with the hypotheses, times the text's own length.

    That length changes no answer; it is evened out by the mean length of the training texts, without their labels.
    """
    reader = prepared.reader
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
