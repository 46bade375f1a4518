"""How much of a card's memory a step of learning needs, by network and strategy: counted on the processor.

    python benchmarks/card_memory.py [--write]

What stands: weights, and of those that learn a gradient and Adam's two moments, all float32. What an example takes: the
tensors that the backward pass asks for again, every storage once (`torch.autograd.graph.saved_tensors_hooks`), as the
difference between 4 and 2 examples. Not counted: what a convolution needs while it computes, CUDA itself (about half a
gigabyte), and the data. In bfloat16 what an example takes is between a half and all of it. Networks have random weights
and the sizes of the catalogue's; with --write the table goes into docs/gpu.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

from benchmarks.cards import made
from benchmarks.cards.made import Made
from benchmarks.performance_page import ROOT, parser, publish, table
from engines.contract import Strategy
from engines.training import strategies
from engines.training.settings import TrainSettings

MIB, GIB = 2**20, 2**30
BATCH = 32
NETWORKS = {
    "EfficientNet-Lite0, 224 px": made.vision("tf_efficientnet_lite0", 224),
    "MobileNetV2, 224 px": made.vision("mobilenetv2_100", 224),
    "ResNet-50, 224 px": made.vision("resnet50", 224),
    "ViT-S/16, 224 px": made.vision("vit_small_patch16_224", 224),
    "MiniLM (6 layers of 384), 128 tokens": made.text(
        "bert", 128, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    ),
    "BERT-base, 128 tokens": made.text("bert", 128),
    "GPT-2, 128 tokens": made.text("gpt2", 128),
}
LEARNT = (Strategy.PARTIAL, Strategy.LORA, Strategy.FULL)


def needed(network: Made, strategy: Strategy) -> tuple[int, int]:
    """Bytes that stand, and bytes an example takes, while the strategy's part learns."""
    staged = network.build()
    strategies.apply(staged, strategy, TrainSettings())
    staged.model.train()
    parameters = list(staged.model.parameters())
    weights = sum(p.nbytes for p in parameters)
    learning = sum(p.nbytes for p in parameters if p.requires_grad)

    def kept(n: int) -> int:
        examples = network.examples(n)
        assert isinstance(examples, made.Rows)
        indices = torch.arange(n)
        own = {p.untyped_storage().data_ptr() for p in parameters}
        seen: dict[int, int] = {}

        def asked_again(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        with saved_tensors_hooks(asked_again, lambda tensor: tensor):
            loss = F.cross_entropy(staged(examples.plain(indices)), examples.labels[indices])
        del loss
        return sum(seen.values())

    return weights + 3 * learning, (kept(4) - kept(2)) // 2


def rows() -> Iterator[tuple[str, ...]]:
    for name, network in NETWORKS.items():
        for strategy in LEARNT:
            stands, each = needed(network, strategy)
            together = (stands + BATCH * each) / GIB
            yield name, f"`{strategy}`", f"{stands / MIB:,.0f}", f"{each / MIB:,.1f}", f"{together:.2f}"


def main() -> None:
    given = parser(__doc__).parse_args()
    columns = ("network", "strategy", "stands, MiB", "an example, MiB", f"with {BATCH} at a time, GiB")
    publish(table(columns, list(rows())), write=given.write, page=ROOT / "docs" / "gpu.md")


if __name__ == "__main__":
    main()
