"""A detector is its stages one after another, what it says of places is boxes, and what is no number is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from benchmarks.cards.waits import Waits
from engines.contract import InputError, Strategy
from engines.training import strategies
from engines.training.staged import Staged, Taps, count
from engines.vision.detection.networks import decode, pyramid
from engines.vision.detection.networks.loss import Boxes, Cost, mean_places
from engines.vision.detection.settings import DetectionSettings
from engines.vision.models import backbones

SIZE = 64


@pytest.fixture(scope="module")
def network() -> Staged:
    return pyramid.build(backbones.describe("test_resnet"), 3, pretrained=False, seed=0).eval()


def test_every_boundary_gives_what_the_whole_network_gives(network: Staged) -> None:
    x = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network.model(x)
        for boundary in range(len(network.stages) + 1):
            handed_on = network.run(x, 0, boundary)
            assert torch.allclose(network(handed_on, boundary), whole, atol=1e-5)
            if boundary:
                flat = handed_on.flat()
                again = Taps.of(flat, handed_on.shapes)
                assert all(map(torch.equal, again.maps, handed_on.maps))
    assert whole.shape == (2, len(decode.places(SIZE)[1]), 3 + 5)


def test_the_card_counts_what_learns(network: Staged) -> None:
    card = pyramid.describe("test_resnet", SIZE)
    strategies.apply(network, Strategy.PARTIAL, DetectionSettings(blocks=2))
    assert count(network.trainable().values()) == card.trainable(Strategy.PARTIAL, 2, 3)
    assert count(network.parameters()) == card.trainable(Strategy.FULL, 2, 3)


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(InputError, match="no maps of the picture"):
        pyramid.build(backbones.describe("test_vit"), 3, pretrained=False, seed=0)


def truly_central(middle: np.ndarray, box: np.ndarray) -> float:
    """The logit of how central a place is in its box."""
    left, top = middle - box[:2]
    right, bottom = box[2:] - middle
    how = np.sqrt(min(left, right) / max(left, right) * min(top, bottom) / max(top, bottom))
    return float(np.log(how / (1 - how))) if how < 1 else 9.0


def said_of(boxes: torch.Tensor, labels: torch.Tensor, classes: int, *, central: bool = True) -> np.ndarray:
    """What a perfect detector says of one picture, float (A, classes + 5); `central`: that all places are."""
    middles, strides = decode.places(SIZE)
    cost = Cost(SIZE, 1.0, torch.device("cpu"))
    of = cost.assigned(Boxes(boxes[None], labels[None]))[0].numpy()
    said = np.full((len(middles), classes + 5), -9.0)
    said[:, classes:] = 0.0
    for place, number in enumerate(of):
        if number >= 0:
            box = boxes[number].numpy()
            said[place, labels[number]] = 9.0
            said[place, classes : classes + 2] = (middles[place] - box[:2]) / strides[place]
            said[place, classes + 2 : classes + 4] = (box[2:] - middles[place]) / strides[place]
            said[place, -1] = 9.0 if central else truly_central(middles[place], box)
    return said


def test_what_is_said_of_places_is_the_boxes() -> None:
    boxes, labels = torch.tensor([[4.0, 6, 30, 28], [34, 30, 60, 62]]), torch.tensor([2, 0])
    found, scores, classes, broken = decode.boxes_of(said_of(boxes, labels, 3), SIZE)
    assert broken == 0
    assert (scores > 0.9).all()
    order = np.argsort(found[:, 0])
    np.testing.assert_allclose(found[order], boxes.numpy(), atol=1e-4)
    assert classes[order].tolist() == [2, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers_are_left_out_and_counted(value: float) -> None:
    said = said_of(torch.tensor([[4.0, 6, 30, 28]]), torch.tensor([1]), 3)
    whole = decode.boxes_of(said, SIZE)[0]
    said[0, 4] = said[1, 0] = value
    found, scores, _classes, broken = decode.boxes_of(said, SIZE)
    assert broken == 2
    assert np.isfinite(found).all()
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(found, whole)


def test_of_several_boxes_of_one_thing_the_surest_stays() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [20, 20, 30, 30]])
    assert decode.surest(boxes, np.array([0, 0, 1, 0])).tolist() == [0, 2, 3]


def test_a_perfect_answer_costs_next_to_nothing_and_batches_add_up() -> None:
    boxes = torch.zeros(3, 2, 4)
    boxes[0] = torch.tensor([[4.0, 6, 30, 28], [34, 30, 60, 62]])
    boxes[1, 0] = torch.tensor([10.0, 10, 40, 50])
    labels = torch.tensor([[2, 0], [1, -1], [-1, -1]])
    targets = Boxes(boxes, labels)
    cost = Cost(SIZE, mean_places(targets, SIZE), torch.device("cpu"))
    said = torch.from_numpy(
        np.stack(
            [
                said_of(own[known >= 0], known[known >= 0], 3, central=False)
                for own, known in zip(boxes, labels, strict=True)
            ]
        )
    )
    untaught = torch.zeros_like(said)
    assert float(cost(said.float(), targets)) < 0.2 * float(cost(untaught.float(), targets))
    apart = [float(cost(untaught[i : i + 1].float(), targets[torch.tensor([i])])) for i in range(3)]
    assert np.mean(apart) == pytest.approx(float(cost(untaught.float(), targets)), rel=1e-5)


def by_mask(cost: Cost, said: torch.Tensor, targets: Boxes) -> torch.Tensor:
    """The same three losses, of the places that hold something and of these alone: picked by a mask, which a card would
    be waited for."""
    logits, reach, central = said.split([said.shape[2] - 5, 4, 1], dim=2)
    of = cost.assigned(targets)
    there, rows = of >= 0, torch.arange(len(of))[:, None]
    wanted = torch.zeros_like(logits)
    wanted[there, targets.labels[rows, of.clamp_min(0)][there]] = 1.0
    boxes = targets.boxes[rows, of.clamp_min(0)][there]
    middles, strides = cost.middles.expand(len(of), -1, -1)[there], cost.strides.expand(len(of), -1)[there]
    found = reach[there] * strides[:, None]
    found = torch.cat([middles - found[:, :2], middles + found[:, 2:]], dim=1)
    edges = torch.cat([middles - boxes[:, :2], boxes[:, 2:] - middles], dim=1)
    across, along = edges[:, [0, 2]], edges[:, [1, 3]]
    how = across.amin(1) / across.amax(1) * along.amin(1) / along.amax(1)
    total = sigmoid_focal_loss(logits, wanted, reduction="sum")
    total = total + generalized_box_iou_loss(found, boxes, reduction="sum")
    total = total + binary_cross_entropy_with_logits(central[there][:, 0], how.sqrt(), reduction="sum")
    return total / (len(of) * cost.a_picture)


@pytest.mark.parametrize("everywhere", [False, True], ids=["processor", "card"])
@pytest.mark.parametrize("empty", [False, True], ids=["things", "nothing"])
def test_the_loss_is_the_same_whether_a_card_is_asked_or_not(everywhere: bool, empty: bool) -> None:
    """Value and gradient to 1e-6, with a picture of nothing among them or only such; a card is asked nothing."""
    generator, size, pictures = torch.Generator().manual_seed(0), 128, 6
    corner = torch.rand(pictures, 3, 2, generator=generator) * 70
    boxes = torch.cat([corner, corner + torch.rand(pictures, 3, 2, generator=generator) * 50 + 6], dim=2)
    labels = torch.randint(-1, 3, (pictures, 3), generator=generator)
    labels[slice(None) if empty else 0] = -1
    targets = Boxes(boxes * (labels >= 0)[:, :, None], labels)
    said = torch.randn(pictures, len(decode.places(size)[1]), 8, generator=generator)
    said[..., 3:7] = said[..., 3:7].exp()
    cost = Cost(size, 3.0, torch.device("cpu"))
    theirs = said.clone().requires_grad_()
    expected = by_mask(cost, theirs, targets)
    expected.backward()
    cost.everywhere, ours = everywhere, said.clone().requires_grad_()
    with Waits() as waits:
        found = cost(ours, targets)
        found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert theirs.grad is not None
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-7, rtol=1e-6)
    if everywhere:
        assert waits.count == 0


def test_a_mirror_turns_boxes_and_nothing_else() -> None:
    boxes, labels = torch.tensor([[[4.0, 6, 30, 28], [0, 0, 0, 0]]] * 2), torch.tensor([[1, -1]] * 2)
    turned = Boxes(boxes, labels).mirrored(torch.tensor([True, False]), SIZE)
    assert turned.boxes[0].tolist() == [[34, 6, 60, 28], [0, 0, 0, 0]]
    assert torch.equal(turned.boxes[1], boxes[1])
    back = turned.mirrored(torch.tensor([True, False]), SIZE)
    assert torch.equal(back.boxes, boxes)
