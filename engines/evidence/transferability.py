"""How well frozen features would serve a classifier, read off a few labelled examples before anything is trained.

Three scores order candidates (models, or depths of one) by the mean of their ranks; a cross-validated probe says which
accuracy to expect. Whatever leaves an example out leaves its whole group out: exact copies, clips of one speaker.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engines.evidence.intervals import balanced
from engines.messages import _

NEIGHBOURS = 5
FOLDS = 5
MOST_ROUNDS = 100  # of LogME's fixed point, which settles within a few
ENERGY = 0.8
"""Share of the variance that the principal components keep on which NLEEP's mixture is fitted, as its authors do."""
COMPONENTS_A_CLASS = 5
"""Of NLEEP's mixture, as its authors do, as long as each has `EXAMPLES_A_COMPONENT` to be fitted on."""
EXAMPLES_A_COMPONENT = 4
DRAWS = 30
"""Halves of the examples, by which the spread of a rank is told."""
SURE = 1.96


@dataclass
class Sketch:
    """Features of labelled examples, as the three scores read them."""

    features: np.ndarray
    """float (N, D)"""
    labels: np.ndarray
    """int (N,) in 0 … C - 1."""
    groups: np.ndarray
    """int (N,)"""
    seed: int = 0

    @cached_property
    def products(self) -> np.ndarray:
        """float64 (N, N): of each two examples' features. All three scores can be had of them, whatever D is."""
        x = self.features.astype(np.float64)
        return x @ x.T

    @cached_property
    def mixture(self) -> np.ndarray:
        """float (N, V): how much each component of a Gaussian mixture has to do with each example. It sees no label."""
        return responsibilities(self.products, len(np.unique(self.labels)), self.seed)

    def scores(self, at: np.ndarray) -> np.ndarray:
        """float (3,): kNN, LogME and NLEEP on the examples at these positions, the higher the better."""
        products, labels = self.products[np.ix_(at, at)], self.labels[at]
        right = neighbours_right(products, labels, self.groups[at])
        return np.array([balanced(labels, right), logme(products, labels), leep(self.mixture[at], labels)])


# --- the three scores -----------------------------------------------------------------------------


def neighbours_right(products: np.ndarray, labels: np.ndarray, groups: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """bool (N,): whether an example's `k` nearest by cosine, outside its own group, vote for its class.

    `products` are the inner products of the features (N, N). Of classes with equally many votes the one that is nearer
    on average wins.
    """
    lengths = np.sqrt(np.diag(products)).clip(1e-12)
    likeness = products / lengths / lengths[:, None]
    likeness[groups[:, None] == groups] = -np.inf
    k = min(k, len(labels) - 1)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(likeness, nearest, axis=1)
    # a vote counts 1, and by how near it is a little more, which decides between equally many
    votes = np.where(np.isfinite(near), 1 + (1 + np.nan_to_num(near, neginf=-1.0)) / (4 * k), 0.0)
    cast = np.zeros((len(labels), int(labels.max()) + 1))
    np.add.at(cast, (np.arange(len(labels))[:, None], labels[nearest]), votes)
    right: np.ndarray = (cast.argmax(1) == labels) & (cast.max(1) > 0)
    return right


def logme(products: np.ndarray, labels: np.ndarray) -> float:
    """The log of the maximum evidence of a Bayesian linear regression onto each class, a mean over classes and examples
    (You, Liu, Wang & Long 2021, 'LogME: Practical assessment of pre-trained models for transfer learning').

    `products` are the inner products of the features (N, N). It orders candidates on the same examples; the number by
    itself means nothing.
    """
    squares, basis = np.linalg.eigh(products)
    targets = (labels[:, None] == np.unique(labels)).astype(np.float64)  # (N, C)
    along = (basis.T @ targets) ** 2  # (N, C): how much of a target lies along each direction
    squares = squares.clip(0)[:, None]
    ratio = np.full(targets.shape[1], 1.0)  # alpha / beta
    for _unused in range(MOST_ROUNDS):
        alpha, beta = _settled(squares, along, ratio)
        before, ratio = ratio, alpha / beta
        if np.all(np.abs(ratio - before) <= 1e-3 * before):
            break
    return float(np.mean(log_evidence(squares, along, alpha, beta)) / len(labels))


def _settled(squares: np.ndarray, along: np.ndarray, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One step of MacKay's fixed point: the precisions of the weights and of the noise."""
    n = len(squares)
    known = (squares / (squares + ratio)).sum(0)
    weights = (squares * along / (squares + ratio) ** 2).sum(0)
    residual = (along * (ratio / (squares + ratio)) ** 2).sum(0)
    return known / (weights + 1e-5), (n - known) / (residual + 1e-5)


def log_evidence(squares: np.ndarray, along: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """float (C,): log p(targets) where targets = features · w + noise, w ~ N(0, 1/alpha) and noise ~ N(0, 1/beta).

    squares (N, 1): eigenvalues of the features' inner products; along (N, C): squares of the targets' coordinates in
    their eigenvectors. Along each of these a target is N(0, 1/beta + square/alpha) by itself.
    """
    variance = 1 / beta + squares / alpha
    evidence: np.ndarray = -0.5 * (np.log(2 * np.pi * variance) + along / variance).sum(0)
    return evidence


def responsibilities(products: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """float (N, V): of a mixture of Gaussians (diagonal) on the principal components of the features."""
    from sklearn.mixture import GaussianMixture

    n = len(products)
    centring = np.eye(n) - 1 / n
    variances, basis = np.linalg.eigh(centring @ products @ centring)
    variances, basis = variances[::-1].clip(0), basis[:, ::-1]
    if not variances[0] > 0:
        return np.ones((n, 1))
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), ENERGY)) + 1
    points = basis[:, :kept] * np.sqrt(variances[:kept] / variances[0] * n)
    components = max(1, min(COMPONENTS_A_CLASS * classes, n // EXAMPLES_A_COMPONENT))
    mixture = GaussianMixture(components, covariance_type="diag", random_state=seed, max_iter=50, tol=1e-2)
    with _calm():
        found: np.ndarray = mixture.fit(points).predict_proba(points)
    return found


def leep(mixture: np.ndarray, labels: np.ndarray) -> float:
    """NLEEP (Li, Jia, Sang, Zhu, Green, Wang & Gong 2021, 'Ranking neural checkpoints'): the mean log likelihood of the
    labels by the classes that go with each component, `mixture` (N, V) being each example's share in them."""
    targets = (labels[:, None] == np.unique(labels)).astype(np.float64)
    joint = targets.T @ mixture  # (C, V)
    given = joint / joint.sum(0).clip(1e-12)
    likelihood = (mixture @ given.T)[targets == 1]
    return float(np.log(likelihood.clip(1e-12)).mean())


# --- ranks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranks:
    """Candidates, ordered by several scores at once."""

    scores: np.ndarray
    """float (M, 3): kNN, LogME, NLEEP."""
    mean: np.ndarray
    """float (M,): the mean of the ranks by each score; 1 is best by all."""
    drawn: np.ndarray
    """float (DRAWS, M): the same on halves of the examples."""

    @property
    def order(self) -> np.ndarray:
        """int (M,): the candidates, best first; of equal ones the one that kNN prefers."""
        return np.lexsort((-self.scores[:, 0], self.mean))

    @property
    def errors(self) -> np.ndarray:
        """float (M,): standard errors of the mean ranks. The spread over random halves is that of the whole (the
        delete-d jackknife with d = N / 2; Shao & Wu 1989, 'A general theory for jackknife variance estimation')."""
        return self.drawn.std(0, ddof=1)

    @property
    def apart(self) -> np.ndarray:
        """bool (M,): whether a candidate can be told from the best, by the paired difference of their mean ranks."""
        best = self.order[0]
        behind = self.mean - self.mean[best]
        spread = (self.drawn - self.drawn[:, [best]]).std(0, ddof=1)
        found: np.ndarray = behind > SURE * spread
        return found & (behind > 0)


def ranked(sketches: list[Sketch]) -> Ranks:
    """Orders the candidates, which all see the same examples (at least two of each of two classes)."""
    first = sketches[0]
    whole = np.arange(len(first.labels))
    scores = np.stack([one.scores(whole) for one in sketches])
    halves = list(_halves(first.labels, first.groups, first.seed))
    drawn = np.stack([mean_ranks(np.stack([one.scores(half) for one in sketches])) for half in halves])
    return Ranks(scores, mean_ranks(scores), drawn)


def mean_ranks(scores: np.ndarray) -> np.ndarray:
    """float (M,): the mean over scores (M, S) of each candidate's rank, 1 being the highest; equal ones share one."""
    from scipy.stats import rankdata

    ranks: np.ndarray = rankdata(-scores.round(10), axis=0).mean(1)
    return ranks


def _halves(labels: np.ndarray, groups: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Random halves of the groups, drawn within classes; a class of one group is in all of them."""
    rng = np.random.default_rng(seed)
    names, where = np.unique(groups, return_index=True)
    classes = labels[where]  # the class of a group's first example
    of_classes = [names[classes == c] for c in np.unique(classes)]
    for _unused in range(DRAWS):
        chosen = [own[rng.permutation(len(own))[: (len(own) + 1) // 2]] for own in of_classes]
        yield np.flatnonzero(np.isin(groups, np.concatenate(chosen)))


# --- the probe ------------------------------------------------------------------------------------


def probe_right(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, seed: int, folds: int = FOLDS
) -> np.ndarray:
    """bool (N,): whether a logistic regression on standardised features, fitted on the other folds, gets each right.

    features: float (N, D). Groups stay within a fold. Raises ValueError where a class has fewer than two groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    fewest = min(len(np.unique(groups[labels == c])) for c in np.unique(labels))
    if fewest < 2:
        raise ValueError(_("a class has fewer than two groups"))
    right = np.zeros(len(labels), dtype=bool)
    splitter = StratifiedGroupKFold(min(folds, fewest), shuffle=True, random_state=seed)
    for learning, testing in splitter.split(features, labels, groups):
        right[testing] = head_answers(features[learning], labels[learning], features[testing]) == labels[testing]
    return right


def head_answers(learning: np.ndarray, labels: np.ndarray, testing: np.ndarray) -> np.ndarray:
    """int (M,): the classes that a logistic regression on standardised features gives `testing` (M, D), in which every
    class of those it has learnt from (N, D) had the same say."""
    from sklearn.linear_model import LogisticRegression

    known, asked = _rotated(learning, testing)
    head = LogisticRegression(class_weight="balanced", max_iter=300)
    with _calm():
        answers: np.ndarray = head.fit(known, labels).predict(asked)
    return answers


def _rotated(learning: np.ndarray, testing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both, standardised by the first and in the coordinates of its principal axes, of which there are at most N: a
    ridge penalty sees no difference, and the regression learns far faster where D is large."""
    shift, scale = learning.mean(0), learning.std(0).clip(1e-3)
    known, asked = (((part - shift) / scale).astype(np.float64) for part in (learning, testing))
    squares, basis = np.linalg.eigh(known @ known.T)
    lengths = np.sqrt(squares.clip(0))
    there = lengths > 1e-9 * max(1.0, lengths[-1])
    basis, lengths = basis[:, there], lengths[there]
    return basis * lengths, asked @ known.T @ basis / lengths


@dataclass(frozen=True)
class Mean:
    """A mean over examples in which each class has the same say."""

    value: float
    error: float
    """Half of its 95 % interval."""


def balanced_mean(values: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Mean:
    """The mean over classes of `values` (N,) with its error: of an accuracy 0 or 1, of a difference of two in [-1, 1].

    Examples of one group vary together (a sum over groups of squared influences; Kish 1965). A little is added for
    what a perfect score on few examples cannot know: (effective number + 2)^-2.
    """
    values = np.asarray(values, dtype=np.float64)
    _, of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.bincount(of, values) / counts
    influence = (values - means[of]) / (len(counts) * counts[of])
    by_group = np.bincount(np.unique(groups, return_inverse=True)[1], influence)
    many = len(by_group)
    effective = len(counts) ** 2 / (1 / counts).sum()
    variance = (by_group**2).sum() * many / max(1, many - 1) + (effective + 2) ** -2
    return Mean(float(means.mean()), float(SURE * np.sqrt(variance)))


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """sklearn says of small data what the intervals say anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # ConvergenceWarning is one
        yield
