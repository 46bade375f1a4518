"""Networks with random weights and made data, both by seed: a card can be measured where nothing can be downloaded.

Each network is imported when it is built, so that what is not installed leaves out its own rows and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engines.contract import Strategy
from engines.training import checkpoint, devices, strategies
from engines.training.examples import Examples, Labelled
from engines.training.loop import Plan, train
from engines.training.settings import TrainSettings
from engines.training.staged import Staged, StageModule
from engines.training.tokens import Tokens

CLASSES = 10
WORDS = 1000


class Notes:
    """A run that keeps nothing but its folder."""

    def __init__(self, path: Path):
        self.path = path

    def emit(self, kind: str, **data: Any) -> None:
        del kind, data

    def write(self, name: str, text: str) -> Path:
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name

    def check_cancelled(self) -> None:
        return


@dataclass
class Rows(Labelled):
    """Tensors as training examples."""

    inputs: Tensor
    """(N, …)"""
    labels: Tensor
    identity: str = "made"
    variation: str = ""

    def plain(self, indices: Tensor) -> Any:
        return self.inputs[indices]

    def varied(self, indices: Tensor, generator: torch.Generator) -> Any:
        del generator
        return self.plain(indices)

    def subset(self, chosen: Tensor) -> Rows:
        return replace(self, inputs=self.inputs[chosen], labels=self.labels[chosen])


@dataclass
class Texts(Rows):
    """Token ids (N, T), each text whole."""

    def plain(self, indices: Tensor) -> Tokens:
        return Tokens.padded([[self.inputs[i]] for i in indices.tolist()])


@dataclass(frozen=True)
class Made:
    """A network, and how its data are made."""

    build: Callable[[], Staged]
    examples: Callable[[int], Examples]
    """That many, always the same."""


def labels(n: int) -> Tensor:
    return torch.arange(n) % CLASSES


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def patterns(n: int, size: int, seed: int = 0) -> Rows:
    """Noise over one of ten patterns: something to learn, and by another seed something to be tested on."""
    drawn = F.interpolate(torch.randn(CLASSES, 3, size // 8, size // 8, generator=generator()), size=(size, size))
    noise = torch.randn(n, 3, size, size, generator=generator(1 + seed))
    return Rows(drawn[labels(n)] + 2.5 * noise, labels(n))


def vision(name: str, size: int) -> Made:
    def build() -> Staged:
        import timm

        from engines.vision.models import backbones

        devices.seed_everything(0, name)
        return backbones.staged(backbones.typed(timm.create_model(name, num_classes=CLASSES)))

    return Made(build, lambda n: Rows(torch.randn(n, 3, size, size, generator=generator()), labels(n)))


def text(kind: str, length: int, **sizes: int) -> Made:
    def build() -> Staged:
        from transformers import AutoConfig

        from engines.text.models import encoders
        from engines.text.models.pooled import PooledForSequenceClassification

        devices.seed_everything(0, kind)
        more = {"num_labels": CLASSES, "vocab_size": WORDS, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
        config = AutoConfig.for_model(kind, **more, **sizes)
        config.pooling = "last" if kind == "gpt2" else "mean"
        return encoders.staged(PooledForSequenceClassification(config))

    return Made(build, lambda n: Texts(torch.randint(3, WORDS, (n, length), generator=generator()), labels(n)))


def voice() -> Made:
    def build() -> Staged:
        from engines.speech.models import ge2e, ge2e_network

        devices.seed_everything(0, "voice")
        return ge2e.staged(ge2e_network.Encoder(CLASSES))

    return Made(build, lambda n: Rows(torch.randn(n, 2, 160, 40, generator=generator()).abs(), labels(n)))


SMALL = {
    "resnet18": vision("resnet18", 96),
    "tf_efficientnet_lite0": vision("tf_efficientnet_lite0", 96),
    "vit_tiny_patch16_224": vision("vit_tiny_patch16_224", 224),
    "BERT, 4 layers": text(
        "bert", 64, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024
    ),
    "GPT-2, 4 layers": text("gpt2", 64, n_embd=256, n_layer=4, n_head=4),
    "GE2E": voice(),
}
"""Six kinds: convolutions, depthwise ones, attention over pictures and both ways over words, recurrence."""


def squares(n: int, size: int) -> Any:
    """Decoded pictures of noise, as a run on photographs has them before it varies them."""
    from engines.vision.images.transforms import InputFormat, Later, Photos, augmentation

    form = InputFormat(size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "crop")
    pixels = np.random.default_rng(0).integers(0, 256, (n, form.stored, form.stored, 3), np.uint8)
    digests = np.array([f"{number:064x}" for number in range(n)])
    return Photos(Later(lambda: pixels), labels(n), digests, form, augmentation("light", form, flip=True), "light")


def trained(
    network: Staged,
    examples: Examples,
    settings: TrainSettings,
    strategy: Strategy,
    folder: Path,
    *,
    epochs: int,
    phase: str = "measured",
    seed: int = 0,
) -> checkpoint.Progress:
    """Our own loop, as a run has it, without validation."""
    on = devices.accelerator(settings, strategy)
    strategies.apply(network, strategy, settings)
    plan = Plan(phase, "", "transfer", strategy, epochs, 1e-3)
    return train(
        network,
        plan,
        examples,
        None,
        settings,
        run=Notes(folder),
        accelerator=on,
        loss=F.cross_entropy,
        metric=None,
        unit="examples",
        seed=seed,
    )


def whole(model: torch.nn.Module, head: torch.nn.Module, body: Callable[[Any], Tensor]) -> Staged:
    """A model that is one stage and a head."""
    return Staged(model, [StageModule("body", body, lambda: (model,))], lambda: head)
