"""Networks that learnt pictures together with words: CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023).

Their picture half is a network like any other here, cut into stages (`models.tower`). Their word half is asked once,
for the names of the classes: its vectors become the weights of the last layer.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, count
from engines.vision.models import backbones
from engines.vision.models.catalogue import IMAGE_TEXT
from engines.vision.models.tower import Tower, from_config

PROCESSOR = "preprocessor_config.json"


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """The picture half with a fresh head of `outputs` classes; as `backbones.build`.

    Raises InputError when its files are not to be had or hold another network.
    """
    seed_everything(seed, "weights")
    if pretrained:
        model = picture_half(whole(card), outputs)
    else:
        model = from_config(vision_config(hub_files.folder(card, with_weights=False)), outputs)
    return backbones.behind(backbones.staged(backbones.typed(model)), depth, outputs)


def named(card: ModelCard, sentences: Sequence[Sequence[str]]) -> Staged:
    """The picture half with a head made of the `sentences` about each class: the mean of their vectors, of length 1.

    Logits are the scaled cosines between picture and class. SigLIP's bias is the same for all classes: it is left out,
    and an answer is a softmax over the classes, as CLIP's. Raises InputError as `build`.
    """
    both = whole(card).eval()
    network = backbones.staged(backbones.typed(picture_half(both, len(sentences))))
    tokenizer = AutoTokenizer.from_pretrained(hub_files.folder(card, with_weights=False))
    head = network.head()
    with torch.no_grad():
        for number, about in enumerate(sentences):
            vectors = F.normalize(in_words(both, tokenizer, list(about)), dim=-1)  # (templates, D)
            head.weight[number] = both.logit_scale.exp() * F.normalize(vectors.mean(0), dim=-1)
        head.bias.zero_()
    return network.requires_grad_(False)


def in_words(both: Any, tokenizer: Any, sentences: list[str]) -> Tensor:
    """float (N, D): the vectors of sentences, as the network learnt to read them."""
    siglip = both.config.model_type == "siglip"
    longest = both.config.text_config.max_position_embeddings
    padding = "max_length" if siglip else True  # SigLIP reads the last place, padded or not
    tokens = tokenizer(sentences, padding=padding, max_length=longest, truncation=True, return_tensors="pt")
    given = {"input_ids": tokens["input_ids"]}
    if not siglip:
        given["attention_mask"] = tokens["attention_mask"]
    found: Tensor = both.get_text_features(**given).pooler_output
    return found


def whole(card: ModelCard) -> Any:
    """Both halves, pretrained. Raises InputError."""
    folder = hub_files.folder(card)
    try:
        return AutoModel.from_pretrained(folder, dtype=torch.float32)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        found = _("{name} holds weights of another network", name=folder.name)
        raise InputError(Problem(_("model {name}", name=card.name), found, _("accepted: its own weights"))) from error


def picture_half(both: Any, classes: int) -> Tower:
    """A tower of a CLIPModel or a SiglipModel, which shares its weights."""
    if both.config.model_type == "clip":
        return Tower(both.vision_model, both.visual_projection, both.config.projection_dim, classes)
    return Tower(both.vision_model, nn.Identity(), both.config.vision_config.hidden_size, classes)


def vision_config(folder: Path) -> dict[str, Any]:
    """`Tower.config` of the model in `folder`."""
    config = AutoConfig.from_pretrained(folder)
    vision: dict[str, Any] = config.vision_config.to_dict()
    width = config.projection_dim if config.model_type == "clip" else vision["hidden_size"]
    return {**vision, "projection_dim": width}


def pixels(card: ModelCard) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """Side of its input, and mean and standard deviation of each colour by which it is normalised."""
    folder = hub_files.folder(card, with_weights=False)
    size = vision_config(folder)["image_size"]
    written = folder / PROCESSOR
    own = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    half = [0.5, 0.5, 0.5]
    return size, tuple(own.get("image_mean", half)), tuple(own.get("image_std", half))


def is_one(name: str) -> bool:
    """Whether `name` may be one of these: a folder below HEADSTART_MODELS in the hub's layout, or owner/name there."""
    return hub_files.safe_name(name) and ("/" in name or hub_files.prepared(name) is not None)


@functools.lru_cache(maxsize=64)
def describe(name: str) -> ModelCard:
    """The card of an image–text model of the hub, read off its config.json. Raises InputError for another kind."""
    folder = hub_files.config_folder(name)
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in IMAGE_TEXT:
        found = _("it is a model of the kind '{kind}'", kind=kind)
        accepted = _("accepted: {values}, or the name of a timm model", values=_(" or ").join(IMAGE_TEXT.values()))
        raise InputError(Problem(_("model {name}", name=name), found, accepted))
    measured = measure(vision_config(folder))
    with torch.device("meta"):
        both = AutoModel.from_config(AutoConfig.from_pretrained(folder))
    return ModelCard(
        name=name,
        title=name.split("/")[-1],
        family=IMAGE_TEXT[kind],
        download_bytes=4 * count(both.parameters()),
        licence="see its page on the hub",
        source=_("{name} on the Hugging Face hub", name=name) if "/" in name else _("a folder on this machine"),
        source_task=_("pictures together with the words beside them"),
        hub=name if "/" in name else None,
        **measured,
    )


def measure(config: dict[str, Any]) -> dict[str, Any]:
    """What a card says of the picture half of this configuration: parameters, input, stages, width."""
    network = backbones.staged(backbones.typed(from_config(config, 2))).eval().requires_grad_(False)
    size = config["image_size"]
    stages = backbones.measured_stages(network, torch.zeros(1, 3, size, size))
    return {
        "parameters": count(network.parameters()) - count(network.head().parameters()),
        "input": _("{size} × {size} pixels, RGB; and class names, in words", size=size),
        "stages": tuple(stages),
        "head_inputs": network.head().in_features,
    }
