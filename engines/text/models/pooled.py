"""A pretrained transformer with one linear layer on its pooled output. This file stands alone: beside every exported
model it is what `AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)` finds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class PooledForSequenceClassification(PreTrainedModel):
    """`config.pooling`: "mean" over the tokens, as sentence encoders are trained, or "last", what a GPT has read."""

    base_model_prefix = "backbone"
    _supports_sdpa = True
    _no_split_modules: list[str] = []  # noqa: RUF012  (as transformers declares it)

    def __init__(self, config: Any):
        super().__init__(config)
        config._attn_implementation = None  # the backbone takes the fastest attention that it has
        self.backbone = AutoModel.from_config(config)
        if getattr(self.backbone, "pooler", None) is not None:
            self.backbone.pooler = None  # BERT's own, made for another task
        for name in getattr(config, "left_out", ()):  # of a network that ends early: what stands behind its last block
            self.backbone.set_submodule(name, nn.Identity())
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: object) -> SequenceClassifierOutput:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = self.backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state  # (B, T, D)
        return SequenceClassifierOutput(logits=self.classifier(pool(hidden, mask, self.config.pooling)))


def pool(hidden: Tensor, mask: Tensor, how: str) -> Tensor:
    """float (B, D) from the tokens' vectors (B, T, D) and their mask (B, T)."""
    present = mask.to(hidden.dtype).unsqueeze(-1)  # (B, T, 1)
    if how == "mean":
        return (hidden * present).sum(1) / present.sum(1).clamp_min(1)
    last = (torch.arange(mask.shape[1], device=mask.device) * mask).argmax(1)  # (B,)
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), last]
