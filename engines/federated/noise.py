"""Noise on what a site adds up, so that no single example of it can be told from the sums: the Gaussian mechanism.

Features are cut to a length that was agreed before anybody looked at data, and divided by it, so that an example adds a
vector (1, x, half of x xᵀ) of length √3 at most. Noise of standard deviation σ √3 on each number then is (ε, δ)
differential privacy of one example, for the σ of Balle & Wang 2018, 'Improving the Gaussian mechanism for differential
privacy', which holds for every ε. An example is in one class at one site: its classes' sums need no larger ε together.

With few examples the noise is larger than what it is added to: it is offered and shown, and never promised to leave
anything worth having (docs/federated.md has numbers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from engines.contract import InputError, Problem
from engines.federated.statistics import ClassStatistics, half_of, half_size, whole
from engines.messages import _

DELTA = 1e-5
LENGTH = 20.0
"""Of features, where nobody agreed on another one."""


@dataclass(frozen=True)
class Noise:
    """What was agreed on."""

    epsilon: float
    delta: float = DELTA
    length: float = LENGTH
    """Features are cut to it."""

    def __post_init__(self) -> None:
        """Raises InputError for numbers that promise nothing."""
        for name, value, most in (("epsilon", self.epsilon, 1000.0), ("delta", self.delta, 0.1)):
            if not 0 < value <= most:
                accepted = _("accepted: above 0, at most {most}", most=most)
                raise InputError(Problem(f"--{name}", _("found {value}", value=value), accepted))
        if not (math.isfinite(self.length) and self.length > 0):
            raise InputError(
                Problem("--length", _("found {value}", value=self.length), _("accepted: a number above 0"))
            )

    @property
    def sigma(self) -> float:
        """The least σ for a sensitivity of 1 (Balle & Wang, theorem 8)."""
        e, delta = self.epsilon, self.delta

        def over(log_sigma: float) -> float:
            s = math.exp(log_sigma)
            second = math.exp(min(e + float(log_ndtr(-0.5 / s - e * s)), 0.0))
            return float(ndtr(0.5 / s - e * s)) - second - delta

        return math.exp(brentq(over, math.log(1e-4), math.log(1e6)))


def noisy(features: np.ndarray, noise: Noise, rng: np.random.Generator, *, means_alone: bool) -> ClassStatistics:
    """Statistics of the features float (N, D) of one class with noise on all that is added up, the count included."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    seen = features.astype(np.float64) / np.maximum(lengths, noise.length)  # of length 1 at most
    width = seen.shape[1]
    scale = noise.sigma * math.sqrt(2 if means_alone else 3)
    n = max(1, round(len(seen) + scale * float(rng.normal())))
    mean = (seen.sum(0) + scale * rng.normal(size=width)) / n
    if means_alone:
        return ClassStatistics(n, mean * noise.length)
    moments = whole(half_of(seen.T @ seen) + scale * rng.normal(size=half_size(width)), width)
    values, vectors = np.linalg.eigh(moments - n * np.outer(mean, mean))
    scatter = (vectors * np.maximum(values, 0)) @ vectors.T  # noise alone could make it negative, which none is
    return ClassStatistics(n, mean * noise.length, half=half_of(scatter * noise.length**2).astype(np.float32))
