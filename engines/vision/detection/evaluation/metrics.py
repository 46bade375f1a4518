"""Mean average precision as COCO defines it, kept apart by picture: so that pictures can be left out or drawn anew.

Lin et al. 2014, arXiv 1405.0312, and the reference code of pycocotools, with which it agrees to the last digit (a test
holds it): ten overlaps from .50 to .95, 101 recalls, at most 100 boxes of a class on a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engines.contract import Estimate
from engines.evidence.effects import LEVEL, Effects
from engines.evidence.scores import ONE_ARM
from engines.vision.detection.networks.decode import MOST, overlaps

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
DRAWS = 400
"""Of the pictures, for an interval."""
BLOCKS = 400
"""Pictures beyond so many are left out several at a time, for `influences`."""
SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""COCO's: areas of a box in pixels of its picture."""


@dataclass(frozen=True)
class Found:
    """What was found on one picture, the surest first, or what is there."""

    boxes: np.ndarray
    """float64 (N, 4): x0 y0 x1 y1 in pixels of the picture."""
    labels: np.ndarray
    """int64 (N,)"""
    scores: np.ndarray
    """float64 (N,); 1 of what is there."""
    broken: int = 0
    """Answers that were no numbers: they are left out, for a box of no numbers would match everything."""


@dataclass(frozen=True)
class Matches:
    """Every box found on a test, and whether something is there that it matches."""

    picture: np.ndarray
    """int64 (D,): which picture it is on; within a picture the surest comes first."""
    label: np.ndarray
    score: np.ndarray
    right: np.ndarray
    """bool (D, T): at each of OVERLAPS."""
    aside: np.ndarray
    """bool (D, T): neither right nor wrong, being of another size."""
    there: np.ndarray
    """int64 (N, C): how many boxes of each class each picture has."""

    @cached_property
    def by_class(self) -> list[np.ndarray]:
        """Of each class the positions of its boxes, the surest first; of equally sure ones those of the first
        picture."""
        found = []
        for number in range(self.there.shape[1]):
            own = np.flatnonzero(self.label == number)
            found.append(own[np.argsort(-self.score[own], kind="stable")])
        return found

    def precisions(self, counts: np.ndarray | None = None, overlaps: slice = slice(None)) -> np.ndarray:
        """float (C, T): the average precision of each class at each overlap; nan where nothing of it is there.

        `counts`: int (N,), how often each picture counts.
        """
        weights = np.ones(len(self.there)) if counts is None else counts.astype(float)
        totals = weights @ self.there  # (C,)
        found = np.full((self.there.shape[1], len(OVERLAPS[overlaps])), np.nan)
        for number, order in enumerate(self.by_class):
            if totals[number] > 0:
                recall, precision = self._curve(order, weights, totals[number], overlaps)
                found[number] = [_interpolated(*pair).mean() for pair in zip(recall.T, precision.T, strict=True)]
        return found

    def mean(self, counts: np.ndarray | None = None, overlaps: slice = slice(None)) -> float:
        """mAP: over classes that are there, and overlaps. 0 where nothing is."""
        found = self.precisions(counts, overlaps)
        return float(np.nanmean(found)) if np.isfinite(found).any() else 0.0

    def curve(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Recall, precision and score of one class at overlap .5, a point a box found, the surest first."""
        order = self.by_class[number]
        there = float(self.there[:, number].sum())
        recall, precision = self._curve(order, np.ones(len(self.there)), max(there, 1.0), slice(0, 1))
        return recall[:, 0], precision[:, 0], self.score[order]

    def _curve(
        self, order: np.ndarray, weights: np.ndarray, there: float, overlaps: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """Recall and precision after each box, float (D, T) both."""
        each = weights[self.picture[order], None] * ~self.aside[order, overlaps]
        right = np.cumsum(each * self.right[order, overlaps], axis=0)
        told = np.cumsum(each, axis=0)
        return right / there, right / np.maximum(told, np.spacing(1))

    def influences(self, overlaps: slice = slice(0, 1)) -> np.ndarray:
        """float (N,): what each picture adds to the mAP, by leaving it out (the jackknife; see
        `evidence.effects.influence`); their mean is the mAP. Of many pictures blocks are left out: then a block's
        pictures share its deviation."""
        n, whole = len(self.there), self.mean(overlaps=overlaps)
        blocks = np.array_split(np.random.default_rng(0).permutation(n), min(n, BLOCKS))
        without = []
        for block in blocks:
            counts = np.ones(n, dtype=np.int64)
            counts[block] = 0
            without.append(self.mean(counts, overlaps) if n > 1 else whole)
        pseudo = len(blocks) * whole - (len(blocks) - 1) * np.array(without)
        apart = np.empty(n)
        for block, value in zip(blocks, pseudo - pseudo.mean(), strict=True):
            apart[block] = value * np.sqrt(len(block))
        return whole + apart - apart.mean()

    def drawn(self, overlaps: slice = slice(0, 1), draws: int = DRAWS) -> np.ndarray:
        """float (draws, C): average precisions of each class on as many tests, drawn with replacement from the
        pictures; the same draws each time."""
        n = len(self.there)
        counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=draws)
        with np.errstate(invalid="ignore"):
            return np.stack([self.precisions(own, overlaps).mean(1) for own in counts])

    def estimate(self, overlaps: slice = slice(0, 1)) -> Estimate:
        """The mAP with its 95 % interval over draws of the pictures."""
        return interval(self.mean(overlaps=overlaps), class_mean(self.drawn(overlaps)), len(self.there))


def class_mean(drawn: np.ndarray) -> np.ndarray:
    """float (D,): the mean over the classes that are there, of float (D, C); 0 where none is."""
    there = np.isfinite(drawn)
    return np.asarray(np.where(there, drawn, 0.0).sum(1) / np.maximum(there.sum(1), 1))


def interval(value: float, drawn: np.ndarray, n: int) -> Estimate:
    """`value` with the middle 95 % of what was drawn."""
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (value, value)
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def _interpolated(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """float (101,): the best precision at each recall or a higher one."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return np.where(at < len(best), np.append(best, 0.0)[np.minimum(at, len(best))], 0.0)


def matched(
    found: Sequence[Found], truth: Sequence[Found], classes: int, sizes: tuple[float, float] | None = None
) -> Matches:
    """Which boxes found match something there, a picture at a time: of a class, the surest first, each with what it
    overlaps most of what is not taken.

    `sizes`: only what is there of such an area counts; what is found of another area, and matches nothing of it, is
    set aside. Raises ValueError where they are of different pictures.
    """
    pictures, labels, scores, right, aside = [], [], [], [], []
    there = np.zeros((len(truth), classes), dtype=np.int64)
    for number, (own, real) in enumerate(zip(found, truth, strict=True)):
        for label in np.union1d(own.labels, real.labels):
            boxes = own.boxes[own.labels == label]
            score = own.scores[own.labels == label]
            order = np.argsort(-score, kind="stable")[:MOST]
            wanted = real.boxes[real.labels == label]
            other = _of_another_size(wanted, sizes)
            there[number, label] = int((~other).sum())
            hit, ignored = _greedy(boxes[order], wanted, other)
            ignored |= ~hit & _of_another_size(boxes[order], sizes)[:, None]
            pictures.append(np.full(len(order), number))
            labels.append(np.full(len(order), label))
            scores.append(score[order])
            right.append(hit)
            aside.append(ignored)
    if not pictures:
        none = np.zeros((0, len(OVERLAPS)), dtype=bool)
        return Matches(np.zeros(0, int), np.zeros(0, int), np.zeros(0), none, none, there)
    return Matches(
        np.concatenate(pictures),
        np.concatenate(labels),
        np.concatenate(scores),
        np.concatenate(right),
        np.concatenate(aside),
        there,
    )


def _of_another_size(boxes: np.ndarray, sizes: tuple[float, float] | None) -> np.ndarray:
    """bool (N,)"""
    if sizes is None:
        return np.zeros(len(boxes), dtype=bool)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (areas < sizes[0]) | (areas > sizes[1])


def _greedy(boxes: np.ndarray, wanted: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of float (D, 4), the surest first, and float (G, 4): bool (D, T), whether each matches something that counts at
    each overlap, and whether it matches something that does not (`other`, bool (G,))."""
    shape = (len(boxes), len(OVERLAPS))
    right, ignored = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    if not len(wanted):
        return right, ignored
    shared = overlaps(boxes, wanted)  # (D, G)
    free = np.ones((len(OVERLAPS), len(wanted)), dtype=bool)
    rows, least = np.arange(len(OVERLAPS)), np.minimum(OVERLAPS, 1 - 1e-10)[:, None]
    for number, own in enumerate(shared):
        fits = free & (own >= least)
        for those, marks in ((~other, right), (other, ignored)):  # what counts is matched first
            open_ = fits & those & ~right[number][:, None]
            # of equal overlaps the last, as pycocotools
            best = len(wanted) - 1 - np.where(open_, own, -1.0)[:, ::-1].argmax(1)
            some = open_.any(1)
            marks[number] = some
            free[rows[some], best[some]] = False
    return right, ignored


def at_threshold(matches: Matches, threshold: float) -> tuple[int, int, int]:
    """How many things were found, how many were missed, and how many boxes are false, at overlap .5."""
    sure = matches.score >= threshold
    right = int((sure & matches.right[:, 0]).sum())
    return right, int(matches.there.sum()) - right, int(sure.sum()) - right


def best_threshold(matches: Matches) -> tuple[float, float] | None:
    """The score from which on boxes are best told (the largest F1 at overlap .5), and that F1; None where nothing is
    found or there."""
    there = int(matches.there.sum())
    if not there or not matches.right[:, 0].any():
        return None
    order = np.argsort(-matches.score, kind="stable")
    right = np.cumsum(matches.right[order, 0])
    told = np.arange(1, len(order) + 1)
    scores = matches.score[order]
    last = np.append(scores[1:] != scores[:-1], True)  # a threshold takes all of one score
    f1 = np.where(last, 2 * right / (told + there), -1.0)
    best = int(f1.argmax())
    return float(scores[best]), float(f1[best])


@dataclass(frozen=True)
class Precisions:
    """mAP at overlap .5 of a detector over the pictures of a test, see `evidence.scores`."""

    outcomes: Sequence[np.ndarray]
    """float (N,) a seed: `Matches.influences`."""
    resampled: Estimate | None = None
    """Of one network, where its boxes are at hand: with the interval over draws of the pictures."""
    too_few: str = ""

    @property
    def n(self) -> int:
        return len(self.outcomes[0])

    def effects(self) -> Effects:
        return Effects.alike(np.stack(self.outcomes))

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        if len(self.outcomes) == 1 and self.resampled is not None:
            return self.resampled
        effects = self.effects()
        unit = effects.unit * (ONE_ARM if len(self.outcomes) > 1 else 1.0)
        found = replace(effects, unit=unit).interval(learnt_from=learnt_from)
        return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0), found.n, found.seeds)

    def minus(self, other: Precisions, *, learnt_from: int = 0, level: float = LEVEL) -> Estimate:
        return self.effects().minus(other.effects()).interval(learnt_from=learnt_from, level=level)
