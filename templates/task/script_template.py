"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Beside this file lie signals.csv, what the run learnt from and was tested on, the network (network.py) and, where it did
not begin with random numbers, the weights that it began with. This folder holds your data: share it with those who may
see them.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn

from engines.exports.script_parts import (
    HERE,
    RUN,
    as_in_the_run,
    fit_head,
    judge,
    logits_of,
    seeded,
    table,
    train_classes,
)

sys.path.insert(0, str(HERE))
from network import Network, standardised  # type: ignore[import-not-found]  # it lies beside this file


class Data(NamedTuple):
    signals: Tensor  # float32 (N, ...)
    labels: Tensor  # int64 (N,)

    def inputs(self, chosen: Tensor, _: Generator | None = None) -> Tensor:
        return self.signals[chosen]

    def batches(self, size: int, dice: Generator | None = None) -> Sequence[Tensor]:
        order = torch.randperm(len(self.labels), generator=dice) if dice else torch.arange(len(self.labels))
        return order.split(size)


def behind(part: Callable[[Tensor], Tensor], data: Data) -> Data:
    """What a part of the network makes of its inputs, float32 (N, ...)."""
    with torch.no_grad():
        found = [part(some.to(RUN["device"])).float().cpu() for some in data.signals.split(32)]
    return Data(torch.cat(found), data.labels)


# --- The run ---


def main() -> None:
    as_in_the_run()
    rows = table(HERE / "signals.csv")
    numbers = [[float(cell) for name, cell in row.items() if name[0] == "v"] for row in rows]
    inputs = standardised(torch.tensor(numbers))
    labels = torch.tensor([RUN["classes"].index(row["label"].removeprefix("'")) for row in rows])
    at = {part: [i for i, row in enumerate(rows) if row["part"] == part] for part in ("train", "validation", "test")}
    training, testing = (Data(inputs[at[part]], labels[at[part]]) for part in ("train", "test"))
    checks = Data(inputs[at["validation"]], labels[at["validation"]]) if at["validation"] else None

    seeded(RUN["seed"], "weights")
    model = Network(len(RUN["classes"]))
    if RUN["strategy"] == "scratch":
        learner = nn.Sequential(*model.to(RUN["device"]).stages, model.head)
        train_classes(learner, "scratch", learner, training, checks)
    else:
        model.stages.load_state_dict(load_file(HERE / "pretrained.safetensors"))
        learner = nn.Sequential(*model.to(RUN["device"]).stages, model.head).eval()
        seen = [behind(learner[:-1], part) for part in (training, checks) if part is not None]
        fit_head(learner, model.head, [(part.signals, part.labels) for part in seen], Data)
    if RUN["strategy"] != "scratch":
        # what stays as it came answers the same every time: it runs once over each signal, not every epoch
        frozen = learner[: len(model.stages) - len(RUN["stages"])]
        learner = learner[len(frozen) :]
        testing = behind(frozen, testing)
    if RUN["strategy"] in ("partial", "full"):
        own = [*(stage["rate"] for stage in RUN["stages"]), RUN["plans"]["fine-tuning"]["rate"]]
        rates = {id(p): rate for part, rate in zip(learner, own, strict=True) for p in part.parameters()}
        training, checks = behind(frozen, training), checks and behind(frozen, checks)
        train_classes(learner.requires_grad_(True), "fine-tuning", learner, training, checks, rates=rates)

    predicted = logits_of(learner, learner, testing).argmax(1).numpy()
    save_file(model.state_dict(), HERE / "model.safetensors")
    judge([rows[i]["name"] for i in at["test"]], predicted, testing.labels.numpy(), "signals")


if __name__ == "__main__":
    main()
