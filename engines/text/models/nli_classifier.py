"""A model of natural language inference that names the class of a text: the one whose sentence the text entails most
(Yin et al. 2019). This file stands alone: beside an exported model it is what
`AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)` finds."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class EntailmentForSequenceClassification(PreTrainedModel):
    """Reads each text together with a sentence about each class; a class's logit is that of 'entailment'.

    `config.entailment`: "label", the number of 'entailment' among the "labels" that the model itself tells apart; and a
    list for each class: the tokens that follow a text in "sentences", and in "types" their token types, or None.
    """

    base_model_prefix = "nli"
    _supports_sdpa = True
    _no_split_modules: list[str] = []  # noqa: RUF012  (as transformers declares it)

    def __init__(self, config: PretrainedConfig):
        super().__init__(config)
        own = copy.deepcopy(config)
        own.num_labels, own.auto_map = config.entailment["labels"], {}
        own._attn_implementation = None  # the model takes the fastest attention that it has
        self.nli = AutoModelForSequenceClassification.from_config(own)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> SequenceClassifierOutput:
        """Logits (B, C) of texts as the tokenizer gives them on their own, padded behind: int64 (B, T)."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        about, found = self.config.entailment, []
        for sentence, types in zip(about["sentences"], about["types"], strict=True):
            pair = with_sentence(input_ids, mask, sentence, types)
            found.append(self.nli(**pair).logits[:, about["label"]])
        return SequenceClassifierOutput(logits=torch.stack(found, 1))


def with_sentence(ids: Tensor, mask: Tensor, sentence: list[int], types: list[int] | None) -> dict[str, Tensor]:
    """What the model reads, (B, T + S): each text (B, T), and behind its last token the S tokens of the sentence."""
    n = len(sentence)
    place = torch.arange(ids.shape[1] + n, device=ids.device) - mask.sum(1, keepdim=True)  # (B, T + S), 0: its first
    within, at = (place >= 0) & (place < n), place.clamp(0, n - 1)
    pair = {
        "input_ids": torch.where(within, torch.tensor(sentence, device=ids.device)[at], F.pad(ids, (0, n))),
        "attention_mask": (place < n).to(mask.dtype),
    }
    if types is not None:
        pair["token_type_ids"] = torch.where(within, torch.tensor(types, device=ids.device)[at], 0)
    return pair
