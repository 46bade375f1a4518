"""Pictures varied where they lie on a card are those that torchvision would make of what is drawn, and as often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.cards.waits import Waits
from engines.vision.images import card_augmentation
from engines.vision.images.card_augmentation import CROP, ERASED, FACTORS, MIRROR, ORDER
from engines.vision.images.transforms import InputFormat, Later, Photos, augmentation

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, N = 40, 24
FORMAT = InputFormat(SIZE, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25), "pad")


def photos(kind: str) -> Photos:
    """Decoded squares, mapped as those in the cache are."""
    coarse = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3), np.uint8)
    squares = np.stack(
        [np.asarray(Image.fromarray(own).resize((FORMAT.stored,) * 2, Image.Resampling.BICUBIC)) for own in coarse]
    )
    digests = np.array([str(i) for i in range(N)])
    return Photos(
        Later(lambda: squares), torch.zeros(N).long(), digests, FORMAT, augmentation(kind, FORMAT, True), kind
    )


def by_torchvision(steps: list[Any], n: int) -> Tensor:
    """What torchvision's own transforms draw for so many pictures, one after another, as a table."""
    square, cropped = (torch.empty(3, 1, 1).expand(3, side, side) for side in (FORMAT.stored, SIZE))
    rows = torch.zeros(n, card_augmentation.COLUMNS)
    rows[:, ORDER], rows[:, FACTORS] = torch.arange(3.0), 1.0
    for row in rows:
        of = steps[0].make_params([square])
        row[CROP] = torch.tensor([of["top"], of["left"], of["height"], of["width"]])
        for step in steps[1:]:
            if isinstance(step, v2.ColorJitter):
                of = step.make_params([cropped])
                row[ORDER] = of["fn_idx"][of["fn_idx"] <= 2].float()
                row[FACTORS] = torch.tensor([of[f"{kind}_factor"] for kind in ("brightness", "contrast", "saturation")])
            elif torch.rand(1) < step.p:
                of = step.make_params([cropped])
                if isinstance(step, v2.RandomErasing):
                    row[ERASED] = torch.tensor([of["i"], of["j"], of["h"], of["w"]])
                else:
                    row[MIRROR] = 1.0
    return rows


@pytest.mark.parametrize(("kind", "most", "usual"), [("light", 1, 0.25), ("strong", 4, 0.25)])
def test_what_is_drawn_becomes_torchvisions_pixels(kind: str, most: int, usual: float) -> None:
    """A level apart where one is rounded, and after strong colours, which enlarge that, a few."""
    own = photos(kind)
    pixels = own.pixels(torch.arange(N))
    torch.manual_seed(5)
    theirs = torch.stack([own.augment(square) for square in pixels]).float()
    torch.manual_seed(5)
    found = card_augmentation.steps(own.augment)
    assert found is not None
    ours = card_augmentation.varied(pixels, by_torchvision(found, N), SIZE, colours=kind == "strong")
    assert ours.shape == theirs.shape == (N, 3, SIZE, SIZE)
    apart = (ours - theirs).abs()
    assert float(apart.max()) <= most
    assert float(apart.mean()) < usual


def test_it_is_drawn_from_torchvisions_distributions() -> None:
    """2,000 pictures each, seeded; of eleven numbers none is told apart (Kolmogorov and Smirnov, p > 0.01)."""
    steps = card_augmentation.steps(augmentation("strong", FORMAT, True))
    assert steps is not None
    ours = card_augmentation.drawn(steps, 2000, FORMAT.stored, torch.Generator().manual_seed(1))
    torch.manual_seed(2)
    theirs = by_torchvision(steps, 2000)

    def numbers(table: Tensor) -> dict[str, Tensor]:
        top, left, height, width = table[:, CROP].unbind(1)
        erased = table[table[:, 13] > 0][:, ERASED]
        found = {"area": height * width, "shape": height / width, "top": top, "left": left}
        found |= {name: table[:, FACTORS][:, i] for i, name in enumerate("bcs")}
        found |= {"erased": erased[:, 2] * erased[:, 3], "its shape": erased[:, 2] / erased[:, 3]}
        return found | {"its top": erased[:, 0], "its left": erased[:, 1]}

    told = {
        name: float(stats.ks_2samp(own.numpy(), other.numpy()).pvalue)
        for (name, own), other in zip(numbers(ours).items(), numbers(theirs).values(), strict=True)
    }
    assert len(told) == 11
    assert min(told.values()) > 0.01, told
    for column, low, high in ((MIRROR, 0.46, 0.54), (13, 0.21, 0.29)):
        for table in (ours, theirs):
            assert low < float((table[:, column] > 0).float().mean()) < high
    orders = (ours[:, ORDER] @ torch.tensor([100.0, 10.0, 1.0])).unique(return_counts=True)[1] / 2000
    assert len(orders) == 6
    assert float((orders - 1 / 6).abs().max()) < 0.03


def test_a_crop_that_never_fits_is_the_whole_square() -> None:
    crop = v2.RandomResizedCrop(SIZE, scale=(1.0, 1.0), ratio=(1.05, 1.1))
    drawn = card_augmentation.drawn([crop], 3, 50, torch.Generator().manual_seed(0))
    assert drawn[:, CROP].tolist() == [[0, 0, 50, 50]] * 3


def test_pictures_on_a_card_answer_as_those_on_the_disk_do() -> None:
    own, some = photos("none"), torch.tensor([3, 1, 7])
    there = own.on_card(torch.device("cpu"))
    assert (own.made_slowly, there.made_slowly) == (True, False)
    assert own.card_bytes == there.there.numel()  # type: ignore[union-attr]
    assert torch.equal(there.plain(some), own.plain(some))
    alike = [each.varied(some, torch.Generator().manual_seed(0)) for each in (own, there)]
    assert torch.equal(*alike)
    assert torch.equal(there.subset(some).plain(torch.tensor([2])), own.plain(torch.tensor([7])))
    assert there.identity == own.identity


def test_varying_them_there_asks_the_card_nothing_and_repeats_by_its_seed() -> None:
    there = photos("strong").on_card(torch.device("cpu"))
    with Waits() as waits:
        first = there.varied(torch.arange(N), torch.Generator().manual_seed(4))
    assert waits.count == 0
    assert first.shape == (N, 3, SIZE, SIZE)
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, there.varied(torch.arange(N), torch.Generator().manual_seed(4)))
    assert not torch.equal(first, there.varied(torch.arange(N), torch.Generator().manual_seed(5)))


def test_what_is_only_done_to_one_at_a_time_stays_on_the_disk() -> None:
    own = photos("randaugment")
    assert own.on_card(torch.device("cpu")) is own
