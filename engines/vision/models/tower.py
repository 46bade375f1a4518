"""The picture half of a CLIP or SigLIP network, and a linear layer on what it sees. This file stands alone: beside an
exported model it is what the model is loaded with. It needs torch and transformers, nothing of Headstart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, CLIPVisionConfig, PretrainedConfig, SiglipVisionConfig


class Tower(nn.Module):
    """Embeddings of the picture's patches, blocks, and a head: a vector of length 1, and a class for it.

    With vectors of class names as the head's weights it answers as the whole network does (Radford et al. 2021,
    section 3.1.2: a classifier generated from text).
    """

    def __init__(self, vision: Any, projection: nn.Module, width: int, classes: int):
        """`vision`: a CLIPVisionModel or a SiglipVisionModel; `projection`: what takes its vectors to `width`."""
        super().__init__()
        self.config = {**vision.config.to_dict(), "projection_dim": width}
        size = vision.config.image_size
        self.pretrained_cfg = {"input_size": (3, size, size), "fixed_input_size": True}
        self.embeddings = vision.embeddings
        self.norm_pre = getattr(vision, "pre_layrnorm", nn.Identity())
        self.blocks = nn.ModuleList(Block(layer) for layer in vision.encoder.layers)
        self.head = Head(vision.post_layernorm, getattr(vision, "head", FirstToken()), projection, width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of pictures (B, 3, S, S)."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """float (B, T, D): what the blocks see in each patch."""
        x = self.norm_pre(self.embeddings(x))
        for block in self.blocks:
            x = block(x)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        return self.head.vector(x) if pre_logits else self.head(x)

    def get_classifier(self) -> nn.Linear:
        return self.head.classifier

    def reset_classifier(self, classes: int) -> None:
        self.head.classifier = nn.Linear(self.head.classifier.in_features, classes)


class Block(nn.Module):
    """A layer of the encoder, which sees all patches at once."""

    def __init__(self, layer: Any):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.layer(x, None)
        return seen


class FirstToken(nn.Module):
    """How CLIP makes one vector of all patches: it takes the first, which stands for the picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


class Head(nn.Module):
    """From what the patches say to one vector of length 1, and from there to classes."""

    def __init__(self, norm: nn.Module, pool: nn.Module, projection: nn.Module, width: int, classes: int):
        super().__init__()
        self.norm, self.pool, self.projection = norm, pool, projection
        self.classifier = nn.Linear(width, classes)

    def vector(self, x: Tensor) -> Tensor:
        """float (B, D), of length 1, of what is seen in patches: float (B, T, D)."""
        return F.normalize(self.projection(self.pool(self.norm(x))), dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.vector(x))


def from_config(config: dict[str, Any], classes: int) -> Tower:
    """The network of this configuration (`Tower.config`), its weights random."""
    kinds: dict[str, type[PretrainedConfig]] = {
        "clip_vision_model": CLIPVisionConfig,
        "siglip_vision_model": SiglipVisionConfig,
    }
    wanted = kinds[config["model_type"]](**config)
    vision, width = AutoModel.from_config(wanted, dtype=torch.float32), config["projection_dim"]
    projects = config["model_type"] == "clip_vision_model"
    projection = nn.Linear(config["hidden_size"], width, bias=False) if projects else nn.Identity()
    return Tower(vision, projection, width, classes)
