"""Classes from their names by natural language inference: which models can, and how a text and a sentence are joined.

Yin et al. 2019, 'Benchmarking zero-shot text classification', section 4.2: a text is the premise, a sentence about a
class the hypothesis, and a class is as likely as 'entailment' is. Any model of the hub whose configuration names a
class 'entailment' is asked that way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedTokenizerBase

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.text.models import encoders
from engines.text.models.nli_classifier import EntailmentForSequenceClassification
from engines.text.models.tokenising import TokenReader, tokenizer_of
from engines.training import array_cache
from engines.training.staged import Staged, StageModule
from engines.training.tokens import Tokens

LEAST_ROOM = 8
"""Tokens of a text that must fit beside the longest sentence."""


def label_of(config: PretrainedConfig) -> int | None:
    """The number of the class 'entailment', or None where a model has no such class."""
    labels = getattr(config, "label2id", None) or {}
    return next((int(number) for name, number in labels.items() if str(name).lower().startswith("entail")), None)


def asks(card: ModelCard) -> bool:
    """Whether the model of this card tells what entails what."""
    if card.family == "ELMo":
        return False
    return label_of(AutoConfig.from_pretrained(hub_files.folder(card, with_weights=False))) is not None


class PremiseReader(TokenReader):
    """Turns texts into windows that leave room for a sentence about each class."""

    def __init__(self, folder: Path, name: str, sentences: list[str], max_tokens: int, max_windows: int):
        """Raises InputError where a sentence leaves no room for a text, or the model joins the two in a way of its own
        (not a text as it is alone, and the sentence behind it)."""
        tokenizer = tokenizer_of(folder)
        self.sentences = [follows(tokenizer, sentence, name) for sentence in sentences]
        self.says = sentences
        longest = encoders.longest(AutoConfig.from_pretrained(folder), min(max_tokens, tokenizer.model_max_length))
        room = longest - max(len(ids) for ids, _ in self.sentences)
        if room < LEAST_ROOM:
            found = _(
                "'{sentences}' leaves no room for a text among {longest} tokens",
                sentences=max(sentences, key=len),
                longest=longest,
            )
            raise InputError(
                Problem(_("setting hypothesis"), found, _("accepted: shorter sentences, or more max_tokens"))
            )
        super().__init__(tokenizer, name, room, max_windows)
        self.identity += _(", each with {key}", key=array_cache.key(sentences))


def follows(tokenizer: PreTrainedTokenizerBase, sentence: str, name: str) -> tuple[list[int], list[int] | None]:
    """The tokens that come behind a text's own where it is read together with `sentence`, and their types or None."""
    alone, pair = tokenizer("a text"), tokenizer("a text", sentence)
    n = len(alone["input_ids"])
    if pair["input_ids"][:n] != alone["input_ids"] or len(pair["input_ids"]) == n:
        found = _("it reads a text together with a sentence in a way of its own")
        raise InputError(
            Problem(_("model {name}", name=name), found, _("accepted: such as BERT, RoBERTa, BART or DeBERTa do"))
        )
    types = pair["token_type_ids"][n:] if "token_type_ids" in pair else None
    return pair["input_ids"][n:], types


def build(card: ModelCard, reader: PremiseReader) -> Staged:
    """The pretrained model, asking for the reader's sentences. Raises InputError when its weights are not to be had or
    do not fit."""
    folder = hub_files.folder(card)
    try:
        theirs = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        model = EntailmentForSequenceClassification(_config(theirs.config, reader))
        model.nli.load_state_dict(theirs.state_dict())
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        found = _("{name} holds weights of another network", name=folder.name)
        raise InputError(Problem(_("model {name}", name=card.name), found, _("accepted: its own weights"))) from error
    return staged(model)


def original(card: ModelCard) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration and the weights as they came, one copy of a tensor for each place it is used in."""
    model = AutoModelForSequenceClassification.from_pretrained(hub_files.folder(card), dtype=torch.float32)
    config: dict[str, Any] = model.config.to_dict()
    config.pop("_name_or_path", None)
    return config, {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}


def _config(config: PretrainedConfig, reader: PremiseReader) -> PretrainedConfig:
    """The model's own, with the sentences it is to ask for."""
    about = {
        "label": label_of(config),
        "labels": config.num_labels,
        "sentences": [ids for ids, _ in reader.sentences],
        "types": [types for _, types in reader.sentences],
        "says": reader.says,
    }
    config.entailment, config.dtype = about, torch.float32
    config.num_labels = len(reader.says)
    return config


def staged(model: EntailmentForSequenceClassification) -> Staged:
    """One stage: text and sentence are read together from the first block on. The logits are ready behind it."""

    def whole(tokens: Tokens) -> Tensor:
        logits = model(input_ids=tokens.values, attention_mask=tokens.attention_mask).logits  # (W, C)
        return tokens.pooled(logits)

    nothing: Any = nn.Identity()
    return Staged(model, [StageModule("text and sentence", whole, lambda: (model.nli,))], lambda: nothing)
