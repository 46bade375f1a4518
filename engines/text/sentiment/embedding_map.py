"""Texts as points on a plane, near to each other where the network takes them for alike: before and after it learnt."""

from __future__ import annotations

import numpy as np
import torch

from engines.contract import Strategy
from engines.text.sentiment.prepare import Prepared
from engines.training import strategies, transfer
from engines.training.examples import LabelledExamples, batches
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec
from engines.unlabelled.projection import plane

MOST = 1000
"""Points on a map; of a larger test a random part is drawn."""
FEWEST = 5

Column = list[float | None]


def of_test(prepared: Prepared, lesson: TrainSpec, learnt: TrainOutcome) -> dict[str, Column]:
    """x_before, y_before, x_after, y_after of every test text; None for those that are not drawn.

    'before' is the pretrained network as it came; there is none where a run began from scratch, and none where the
    network has not changed. Empty for a handful of texts.
    """
    n = len(prepared.parts["test"])
    if n < FEWEST:
        return {}
    chosen = np.sort(np.random.default_rng(0).choice(n, min(n, MOST), replace=False))
    texts = prepared.part("test").subset(torch.from_numpy(chosen))
    found = placed(n, chosen, plane(vectors(learnt.network, texts, lesson.on.device)), "after")
    if learnt.network.boundary < len(learnt.network.stages) and learnt.pretrained:
        network = lesson.build(True).to(lesson.on.device)
        strategies.apply(network, Strategy.FEATURES, lesson.settings)
        before = transfer.features(lesson, network, texts, views=1).activations[:, 0].numpy()
        found |= placed(n, chosen, plane(before), "before")
    return found


def vectors(network: Staged, texts: LabelledExamples, device: torch.device) -> np.ndarray:
    """float32 (N, D): what the head reads of each text."""
    network.eval().to(device)
    drawn = batches(texts, 32)
    with torch.no_grad():
        found = [network.run(texts.plain(i).to(device), 0, len(network.stages)).float().cpu() for i in drawn]
    return torch.cat(found)[torch.argsort(torch.cat(drawn))].numpy()


def placed(n: int, chosen: np.ndarray, points: np.ndarray, when: str) -> dict[str, Column]:
    """The points of the `chosen` of n texts as two columns."""
    columns: dict[str, Column] = {f"x_{when}": [None] * n, f"y_{when}": [None] * n}
    for row, (x, y) in zip(chosen.tolist(), points.tolist(), strict=True):
        columns[f"x_{when}"][row], columns[f"y_{when}"][row] = round(x, 2), round(y, 2)
    return columns
