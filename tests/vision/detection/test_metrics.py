"""mAP is COCO's, and can be had without a picture."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.vision.detection.evaluation import metrics
from engines.vision.detection.evaluation.metrics import Found, Matches

CLASSES = 3


def scene(seed: int, pictures: int = 12) -> tuple[list[Found], list[Found]]:
    """What is there, and what was found: some of it moved, some of the wrong class, some made up."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _each in range(pictures):
        n = int(rng.integers(0, 5))
        corners = rng.uniform(0, 150, (n, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(8, 150, (n, 2))], axis=1)
        labels = rng.integers(0, CLASSES, n)
        truth.append(Found(boxes, labels, np.ones(n)))
        moved = np.repeat(boxes, 2, axis=0) + rng.normal(0, 8, (2 * n, 4))
        extra = int(rng.integers(0, 4))
        start = rng.uniform(0, 150, (extra, 2))
        made_up = np.concatenate([start, start + rng.uniform(5, 80, (extra, 2))], axis=1)
        every = np.concatenate([moved, made_up])
        every[:, 2:] = np.maximum(every[:, 2:], every[:, :2] + 1)
        said = np.concatenate([np.repeat(labels, 2), rng.integers(0, CLASSES, extra)])
        wrong = rng.random(len(said)) < 0.2
        said[wrong] = rng.integers(0, CLASSES, int(wrong.sum()))
        scores = rng.random(len(said)).round(2)
        order = np.argsort(-scores, kind="stable")
        found.append(Found(every[order], said[order], scores[order]))
    return truth, found


def coco(truth: list[Found], found: list[Found]) -> np.ndarray:
    """pycocotools' twelve numbers."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations = [
        {
            "id": 1000 * number + place + 1,
            "image_id": number,
            "category_id": int(label),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "area": (box[2] - box[0]) * (box[3] - box[1]),
            "iscrowd": 0,
        }
        for number, own in enumerate(truth)
        for place, (box, label) in enumerate(zip(own.boxes, own.labels, strict=True))
    ]
    results = [
        {
            "image_id": number,
            "category_id": int(label),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": float(score),
        }
        for number, own in enumerate(found)
        for box, label, score in zip(own.boxes, own.labels, own.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = {
            "info": {},
            "images": [{"id": number} for number in range(len(truth))],
            "annotations": annotations,
            "categories": [{"id": number} for number in range(CLASSES)],
        }
        data.createIndex()
        judge = COCOeval(data, data.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return np.asarray(judge.stats)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_pycocotools_says(seed: int) -> None:
    truth, found = scene(seed)
    theirs = coco(truth, found)
    ours = metrics.matched(found, truth, CLASSES)
    assert ours.mean() == pytest.approx(theirs[0], abs=1e-9)
    assert ours.mean(overlaps=slice(0, 1)) == pytest.approx(theirs[1], abs=1e-9)
    assert ours.mean(overlaps=slice(5, 6)) == pytest.approx(theirs[2], abs=1e-9)
    for number, sizes in enumerate(metrics.SIZES.values(), 3):
        part = metrics.matched(found, truth, CLASSES, sizes)
        if part.there.any():
            assert part.mean() == pytest.approx(theirs[number], abs=1e-9)


def test_what_is_there_is_found_and_nothing_else_is() -> None:
    truth, _found = scene(1)
    assert metrics.matched(truth, truth, CLASSES).mean() == 1.0
    nothing = [Found(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))] * len(truth)
    assert metrics.matched(nothing, truth, CLASSES).mean() == 0.0
    assert metrics.matched(truth, nothing, CLASSES).mean() == 0.0
    assert np.isnan(metrics.matched(truth, nothing, CLASSES).precisions()).all()


def test_a_picture_is_left_out_as_if_it_had_never_been_there() -> None:
    truth, found = scene(2)
    ours = metrics.matched(found, truth, CLASSES)
    for number in range(len(truth)):
        counts = np.ones(len(truth), dtype=int)
        counts[number] = 0
        rest = [i for i in range(len(truth)) if i != number]
        without = metrics.matched([found[i] for i in rest], [truth[i] for i in rest], CLASSES)
        assert ours.mean(counts) == pytest.approx(without.mean(), abs=1e-12)


def test_influences_average_to_the_metric_and_spread_as_draws_do() -> None:
    truth, found = scene(3, pictures=120)
    ours = metrics.matched(found, truth, CLASSES)
    influences = ours.influences()
    assert influences.mean() == pytest.approx(ours.mean(overlaps=slice(0, 1)))
    drawn = metrics.class_mean(ours.drawn()).std()
    assert influences.std() / np.sqrt(len(influences)) == pytest.approx(drawn, rel=0.2)


def test_blocks_of_pictures_spread_as_single_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, found = scene(4, pictures=240)
    ours = metrics.matched(found, truth, CLASSES)
    single = ours.influences().std()
    monkeypatch.setattr(metrics, "BLOCKS", 80)
    assert ours.influences().std() == pytest.approx(single, rel=0.25)


def test_the_threshold_is_where_f1_is_best() -> None:
    truth, found = scene(5, pictures=40)
    ours = metrics.matched(found, truth, CLASSES)
    best = metrics.best_threshold(ours)
    assert best is not None
    threshold, f1 = best

    def f1_at(score: float) -> float:
        right, missed, false = metrics.at_threshold(ours, score)
        return 2 * right / max(1, 2 * right + missed + false)

    assert f1 == pytest.approx(f1_at(threshold))
    assert all(f1_at(score) <= f1 + 1e-12 for score in np.linspace(0, 1, 101))


def test_where_nothing_is_right_there_is_no_threshold() -> None:
    none = np.zeros((0, 10), dtype=bool)
    assert (
        metrics.best_threshold(
            Matches(np.zeros(0, int), np.zeros(0, int), np.zeros(0), none, none, np.ones((2, 1), int))
        )
        is None
    )


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_it_is_a_share(seed: int) -> None:
    truth, found = scene(seed, pictures=4)
    ours = metrics.matched(found, truth, CLASSES)
    estimate = ours.estimate()
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
