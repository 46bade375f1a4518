"""Are the offline pack's image networks what they are said to be? Their logits beside those of the code they come from.

    pip install --no-deps efficientnet-lite-pytorch==0.1.0
    python benchmarks/pack.py [--write]

The weights are read as Headstart reads them: the pack's tensors, paired in order with timm's network. The other side is
the code that the same people published (the package above for the EfficientNet-Lites, torchvision for MobileNetV2) with
the file loaded strictly. Inputs are 8 of noise (seed 0), of the size that the network was made for. Beside it, what the
frozen network takes for a picture: CPU seconds, one thread, the fastest of 5 batches of 8.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import weights
from engines.training.staged import count
from engines.vision.models import backbones, catalogue

PAGE = ROOT / "docs/vision.md"
BATCH, TRIES = 8, 5


def original(name: str) -> torch.nn.Module:
    """The published code of the pack's networks, with random weights."""
    if name == "mobilenetv2_100":
        return torchvision.models.mobilenet_v2()
    from efficientnet_lite_pytorch import EfficientNet

    made: torch.nn.Module = EfficientNet.from_name(f"efficientnet-lite{name[-1]}")
    return made


def row(name: str) -> tuple[str, ...]:
    card = catalogue.find(name)
    assert card is not None
    theirs, ours = original(name).eval(), timm.create_model(name).eval()
    state: dict[str, Any] = weights.read(weights.fetch(card))
    theirs.load_state_dict(state)
    ours.load_state_dict(backbones.paired_in_order(state, ours))
    side = backbones.typed(ours).pretrained_cfg["input_size"][1]
    pictures = torch.randn(BATCH, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(pictures)
        seconds = []
        for _ in range(TRIES):
            began = time.process_time()
            found = ours(pictures)
            seconds.append((time.process_time() - began) / BATCH)
    return (
        card.title,
        f"{count(ours.parameters()) / 1e6:.1f} M",
        str(side),
        f"{(found - expected).abs().max().item():.0e}" if not torch.equal(found, expected) else "0, to the last bit",
        f"{expected.abs().max().item():.1f}",
        f"{1000 * min(seconds):.0f}",
        card.licence,
    )


def main() -> None:
    given = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    names = [card.name for card in catalogue.cards() if card.package]
    header = ("network", "parameters", "pixels", "largest difference of a logit", "largest logit", "CPU ms", "licence")
    publish(table(header, [row(name) for name in names]), write=given.write, page=PAGE)


if __name__ == "__main__":
    main()
