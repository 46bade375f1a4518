"""Ways to adapt a head to features of a new domain that nobody has labelled. All are deterministic.

Each answers two heads: one for the new domain, one that says the same of the domain with labels, by which it is known
how sure to be. NumPy on plain arrays, so that a reader sees all there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from scipy.stats import entropy

from engines.adaptation.linear import Linear, Scaling, fitted, unit_length

HALFWAY = 0.5
"""How far a target's scaling goes from the labelled data's towards its own: if all the way, a domain in which other
classes are common is moved as if its inputs had changed."""
SURER = 0.5
"""The share of its own answers that self-training learns from."""
SUPPORTS = 100
"""Targets a class that T3A keeps at most, those with the lowest entropy (the paper tries 1 to 100)."""
RIDGE = 1.0
"""Added to covariances, as in CORAL's own code."""
ROUNDS = 200


@dataclass(frozen=True)
class Seen:
    """All that a method gets. No label of the new domain is among it."""

    source: np.ndarray
    """float64 (N, D): features of labelled examples."""
    labels: np.ndarray
    """int64 (N,)"""
    target: np.ndarray
    """float64 (M, D): features of the new domain."""
    head: Linear
    """What the model learnt; it reads features as they are."""
    temperature: float
    """By which its logits are divided to be believed."""

    @property
    def classes(self) -> int:
        return len(self.head.bias)


@dataclass(frozen=True)
class Heads:
    """The adapted head, which reads features of the new domain as they are, and its like for the labelled domain."""

    target: Linear
    source: Linear


def self_training(seen: Seen) -> Heads:
    """The model names the targets, which are scaled halfway to a domain of their own; a head is fitted anew, on the
    labelled features and on the surer half of these answers (Lee 2013, 'Pseudo-label')."""
    ours = Scaling.of(seen.source)
    theirs = ours.towards(Scaling.of(seen.target), HALFWAY)
    source, target = ours(seen.source), theirs(seen.target)
    shares = softmax(seen.head.of_scaled(ours)(target), axis=1)
    surest = np.argsort(-shares.max(1), kind="stable")[: round(SURER * len(target))]
    both = np.concatenate([source, target[surest]])
    labels = np.concatenate([seen.labels, shares[surest].argmax(1)])
    head = fitted(both, labels, seen.classes)
    return Heads(head.of_raw(theirs), head.of_raw(ours))


def t3a(seen: Seen) -> Heads:
    """Test-time template adjustment (Iwasawa & Matsuo 2021): the rows of the head and the targets with the lowest
    entropy are supports of their class; a class is the mean direction of its supports."""
    ours = Scaling.of(seen.source)
    theirs = ours.towards(Scaling.of(seen.target), HALFWAY)
    head, target = seen.head.of_scaled(ours), theirs(seen.target)
    logits = head(target)
    said, doubt = logits.argmax(1), entropy(softmax(logits / seen.temperature, axis=1), axis=1)
    rows = []
    for c in range(seen.classes):
        own = np.flatnonzero(said == c)
        kept = own[np.argsort(doubt[own], kind="stable")[:SUPPORTS]]
        rows.append(unit_length(unit_length(np.concatenate([head.weight[c : c + 1], target[kept]])).mean(0)))
    made = Linear(np.stack(rows), np.zeros(seen.classes))
    return Heads(made.of_raw(theirs), made.of_raw(ours))


def label_prior(seen: Seen) -> Heads:
    """Class shares of the new domain by expectation-maximisation over the model's probabilities (Saerens, Latinne &
    Decaestecker 2002). The head was fitted with all classes alike, so that is what it expects."""
    shares = softmax(seen.head(seen.target) / seen.temperature, axis=1)  # (M, C)
    usual = np.full(seen.classes, 1 / seen.classes)
    prior = usual
    for _ in range(ROUNDS):
        weighed = shares * (prior / usual)
        found = (weighed / weighed.sum(1, keepdims=True)).mean(0).clip(1e-4)
        found /= found.sum()
        if np.abs(found - prior).max() < 1e-7:
            break
        prior = found
    bias = seen.head.bias + seen.temperature * np.log(prior / usual)
    return Heads(Linear(seen.head.weight, bias), seen.head)


def coral(seen: Seen) -> Heads:
    """Labelled features are whitened and given the target's covariance (Sun, Feng & Saenko 2016), and a head is fitted
    on them."""
    ours, theirs = Scaling.of(seen.source), Scaling.of(seen.target)
    alike = Scaling(theirs.shift, ours.scale)  # one unit for both, each about its own mean
    source, target = ours(seen.source), alike(seen.target)
    recoloured = power(covariance(source), -0.5) @ power(covariance(target), 0.5)
    aligned = source @ recoloured
    head = fitted(aligned, seen.labels, seen.classes)
    return Heads(head.of_raw(alike), Linear(head.weight @ recoloured.T, head.bias).of_raw(ours))


METHODS: dict[str, Callable[[Seen], Heads]] = {
    "self-training": self_training,
    "t3a": t3a,
    "label-prior": label_prior,
    "coral": coral,
}
"""Those that change nothing but the head."""


def covariance(x: np.ndarray) -> np.ndarray:
    """float64 (D, D) of centred x (N, D), with the ridge."""
    found: np.ndarray = x.T @ x / max(1, len(x) - 1) + RIDGE * np.eye(x.shape[1])
    return found


def power(square: np.ndarray, exponent: float) -> np.ndarray:
    """A symmetric positive matrix (D, D), raised."""
    values, axes = np.linalg.eigh(square)
    raised: np.ndarray = (axes * values**exponent) @ axes.T
    return raised
