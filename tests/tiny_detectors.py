"""Small published detectors with random weights, in the form in which torchvision and the hub keep theirs."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import list_models
from torchvision.models._api import register_model
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig, RTDetrConfig, YolosConfig
from transformers import YolosForObjectDetection as Yolos

SSDLITE, DETR, DETR_OF_TWO = "ssdlite320_mobilenet_v3_large", "tiny-detr", "tiny-detr-of-two"
TINY = ("tiny_retinanet", "tiny_fcos", "tiny_fasterrcnn")
"""torchvision's networks on a trunk of three layers, registered under these names."""
CLASSES = {0: "person", 1: "amber", 2: "Blue", 3: "cat"}
"""What the small hub detector came with: two are those of `tiny_boxes`."""


def _trunk(*, p6p7: bool) -> BackboneWithFPN:
    def layer(narrow: int, wide: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(narrow, wide, 3, 2, 1), nn.BatchNorm2d(wide), nn.ReLU())

    layers = OrderedDict(stem=layer(3, 8), layer2=layer(8, 8), layer3=layer(8, 16), layer4=layer(16, 16))
    layers["stem"] = nn.Sequential(layers["stem"], nn.MaxPool2d(2))
    further = LastLevelP6P7(64, 64) if p6p7 else None
    return BackboneWithFPN(
        nn.Sequential(layers), {f"layer{i + 2}": str(i) for i in range(3)}, [8, 16, 16], 64, extra_blocks=further
    )


def _anchors(levels: int) -> AnchorGenerator:
    return AnchorGenerator(tuple((8 * 2**i,) for i in range(levels)), ((0.5, 1.0, 2.0),) * levels)


def tiny_retinanet(*, num_classes: int = 91, **_weights: Any) -> RetinaNet:
    return RetinaNet(_trunk(p6p7=True), num_classes, anchor_generator=_anchors(5))


def tiny_fcos(*, num_classes: int = 91, **_weights: Any) -> FCOS:
    return FCOS(_trunk(p6p7=True), num_classes)


def tiny_fasterrcnn(*, num_classes: int = 91, **_weights: Any) -> FasterRCNN:
    pool = MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=1)
    return FasterRCNN(
        _trunk(p6p7=False),
        rpn_anchor_generator=_anchors(4),
        box_roi_pool=pool,
        box_head=TwoMLPHead(64 * 7 * 7, 16),
        box_predictor=FastRCNNPredictor(16, num_classes),
        rpn_post_nms_top_n_test=20,
        rpn_post_nms_top_n_train=50,
    )


def register() -> None:
    """Makes the small networks known to torchvision by name."""
    for builder in (tiny_retinanet, tiny_fcos, tiny_fasterrcnn):
        if builder.__name__ not in list_models():
            register_model()(builder)


def write_published(models: Path, name: str, outputs: int = 91) -> Path:
    """The file of a network as torchvision publishes it: a state dict of 91 outputs whose norms count nothing."""
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = get_model(name, weights=None, weights_backbone=None, num_classes=outputs)
        state = {key: tensor for key, tensor in net.state_dict().items() if not key.endswith("num_batches_tracked")}
        for key, tensor in state.items():
            if "cls_logits.weight" in key:  # untaught ones are so near to nothing that all places say the same
                tensor.normal_(std=0.3)
    (models / name).mkdir(parents=True, exist_ok=True)
    torch.save(state, models / name / "pytorch_model.bin")
    return models / name / "pytorch_model.bin"


def detr_config(classes: dict[int, str]) -> DetrConfig:
    trunk = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "d_model": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 6}
    return DetrConfig(
        use_timm_backbone=False, backbone_config=trunk, auxiliary_loss=False, id2label=classes, **sizes, **heads
    )


def write_detr(models: Path, name: str = DETR, classes: dict[int, str] | None = None) -> Path:
    """A folder as the hub has it: config.json, model.safetensors, preprocessor_config.json."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        net = DetrForObjectDetection(detr_config(classes or CLASSES))
    net.save_pretrained(models / name)
    told = {"do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (models / name / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")
    return models / name


def write_yolos(models: Path, name: str = "tiny-yolos") -> Path:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = YolosConfig(
        image_size=[64, 64], patch_size=16, num_detection_tokens=5, use_mid_position_embeddings=False, **sizes
    )
    config.id2label = CLASSES
    Yolos(config).save_pretrained(models / name)
    return models / name


def write_rt_detr(models: Path, name: str = "tiny-rt-detr") -> Path:
    from transformers import RTDetrForObjectDetection, RTDetrResNetConfig

    trunk = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    sizes = {"d_model": 16, "encoder_hidden_dim": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "decoder_layers": 1}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 6, "num_denoising": 4}
    config = RTDetrConfig(
        backbone_config=trunk,
        encoder_in_channels=[8, 8, 16],
        decoder_in_channels=[16, 16, 16],
        id2label=CLASSES,
        **sizes,
        **heads,
    )
    RTDetrForObjectDetection(config).save_pretrained(models / name)
    return models / name
