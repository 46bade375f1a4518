"""What several sites' series say together of columns that are known ahead, from sums alone: no value leaves its site.

The regression is that of `covariate_regression`: differences of a series, from the season before, on those of the
columns and of their squares. Here one set of weights is for all series, each in units of its own seasonal scale, so
that what it needs can be added up: the second moments of (Δx, Δx², Δy / scale), and of each column how many values
there are, their sum and the sum of their squares, by which columns get one centre and one unit once all sites are
known. Needs numpy alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from engines.forecasting.models.covariate_regression import CLEARLY, FEWEST, PENALTIES, Effect


@dataclass(frozen=True)
class KnownSums:
    """Of one site, or of several."""

    features: list[str]
    curved: list[bool]
    """One a feature: whether it has more than two values, so that its square counts too."""
    n: int
    """Differences that were added up."""
    moments: np.ndarray
    """float64 (2 K + 1, 2 K + 1): Σ z zᵀ of z = (Δx, Δx², Δy / scale)."""
    seen: np.ndarray
    """float64 (3, K): how many values of each feature, their sum, the sum of their squares."""


@dataclass(frozen=True)
class United:
    """One effect for the series of all sites."""

    features: list[str]
    centre: list[float]
    spread: list[float]
    curved: list[int]
    weights: list[float]
    """One a feature, then one for each of `curved`, in units of a series' scale; all 0 where the columns do not clearly
    help at sites that were left out."""
    penalty: float
    gains: list[float]
    """One a site: by how much its squared error is smaller than without, per difference and in units of the scale, with
    weights of the other sites alone."""
    sites: list[tuple[str, int]]
    """Name and differences of each."""

    @property
    def helps(self) -> bool:
        return any(self.weights)

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    def effect(self, features: Sequence[str], scale: float) -> Effect | None:
        """Of a series with that scale, for the features of its own table; one that no site has had counts for
        nothing."""
        if not self.helps:
            return None
        at = [self.features.index(name) if name in self.features else -1 for name in features]
        curved = [own for own, number in enumerate(at) if number in self.curved]
        straight = [self.weights[number] * scale if number >= 0 else 0.0 for number in at]
        bent = [self.weights[len(self.features) + self.curved.index(at[own])] * scale for own in curved]
        return Effect(
            [self.centre[number] if number >= 0 else 0.0 for number in at],
            [self.spread[number] if number >= 0 else 0.0 for number in at],
            curved,
            straight + bent,
        )


def united(text: str) -> United:
    """What `United.text` has written. Raises ValueError."""
    try:
        told = json.loads(text)
        found = United(**{**told, "sites": [(str(name), int(n)) for name, n in told["sites"]]})
        count = len(found.features)
        numbers = np.array([*found.centre, *found.spread, *found.weights], dtype=float)
        fits = (
            all(isinstance(name, str) for name in found.features)
            and len(found.centre) == len(found.spread) == count
            and all(type(i) is int and 0 <= i < count for i in found.curved)
            and len(found.weights) == count + len(found.curved)
            and np.isfinite(numbers).all()
        )
    except (TypeError, KeyError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise ValueError
    return found


def of_series(
    values: np.ndarray,
    known: np.ndarray,
    features: Sequence[str],
    validation: int,
    test: int,
    season: int,
    scale: float,
) -> KnownSums:
    """values float64 (T,), known float64 (T or more, K), nan where missing; only what lies before `test` counts."""
    past = known[:test]
    there = np.isfinite(past)
    filled = np.where(there, past, 0.0)
    lag = season if validation > 2 * season + FEWEST else 1
    columns = np.hstack([past, past**2, values[:test, None] / scale])
    change = columns[lag:] - columns[:-lag]
    change = change[np.isfinite(change).all(1)]
    curved = [len(np.unique(column[at])) > 2 for column, at in zip(past.T, there.T, strict=True)]
    seen = np.stack([there.sum(0), filled.sum(0), (filled**2).sum(0)]).astype(float)
    return KnownSums(list(features), curved, len(change), change.T @ change, seen)


def together(parts: Sequence[KnownSums]) -> KnownSums:
    """Of all of them; a feature that one of them lacks is 0 there."""
    features = sorted({name for part in parts for name in part.features})
    count = len(features)
    moments, seen, curved, n = np.zeros((2 * count + 1,) * 2), np.zeros((3, count)), [False] * count, 0
    for part in parts:
        at = np.array([features.index(name) for name in part.features], dtype=int)
        rows = np.concatenate([at, at + count, [2 * count]])
        moments[np.ix_(rows, rows)] += part.moments
        seen[:, at] += part.seen
        absent = np.setdiff1d(np.arange(count), at)
        seen[0, absent] += part.seen[0].max(initial=0.0)
        for number, bent in zip(at.tolist(), part.curved, strict=True):
            curved[number] |= bent
        n += part.n
    return KnownSums(features, curved, n, moments, seen)


def solve(sites: Sequence[tuple[str, KnownSums]]) -> United:
    """The effect that sites' sums give; its penalty does best on each site with weights of the others, and the columns
    count where that gain is above 0 by more than a standard error over sites."""
    everything = together([own for _name, own in sites])
    centre, spread, curved = _units(everything)
    # every site by the features and units of all of them
    nothing = KnownSums(
        everything.features, everything.curved, 0, np.zeros_like(everything.moments), np.zeros_like(everything.seen)
    )
    parts = [_in_units(together([own, nothing]), centre, spread, curved) for _name, own in sites]
    total = np.sum(parts, axis=0)
    gains = {}
    for penalty in PENALTIES:
        gains[penalty] = [
            _gain(own, _weights(total - own, penalty)) / one.n for own, (_name, one) in zip(parts, sites, strict=True)
        ]
    best = max(PENALTIES, key=lambda penalty: float(np.mean(gains[penalty])))
    gain = np.array(gains[best])
    clear = len(gain) > 1 and gain.mean() > CLEARLY * gain.std(ddof=1) / np.sqrt(len(gain))
    weights = _weights(total, best) if clear else np.zeros(len(total) - 1)
    return United(
        everything.features,
        centre.tolist(),
        spread.tolist(),
        curved,
        weights.tolist(),
        best,
        gain.tolist(),
        [(name, own.n) for name, own in sites],
    )


def _units(known: KnownSums) -> tuple[np.ndarray, np.ndarray, list[int]]:
    count = np.maximum(known.seen[0], 1)
    centre = known.seen[1] / count
    spread = np.sqrt(np.maximum(known.seen[2] / count - centre**2, 0.0))
    spread = np.where(spread > 1e-6 * np.maximum(1.0, np.abs(centre)), spread, 0.0)
    return centre, spread, [i for i, bent in enumerate(known.curved) if bent and spread[i]]


def _in_units(known: KnownSums, centre: np.ndarray, spread: np.ndarray, curved: list[int]) -> np.ndarray:
    """The moments of (terms, y), with terms as `Effect.terms` has them: of columns less their centre, in units."""
    count = len(known.features)
    into = np.zeros((2 * count + 1, count + len(curved) + 1))
    for i in range(count):
        if spread[i]:
            into[i, i] = 1 / spread[i]
    for number, i in enumerate(curved):
        into[count + i, count + number] = 1 / spread[i] ** 2
        into[i, count + number] = -2 * centre[i] / spread[i] ** 2
    into[-1, -1] = 1
    found: np.ndarray = into.T @ known.moments @ into
    return found


def _weights(moments: np.ndarray, penalty: float) -> np.ndarray:
    square = moments[:-1, :-1]
    pull = max(penalty * float(np.trace(square)) / max(len(square), 1), 1e-12)
    return np.asarray(np.linalg.solve(square + pull * np.eye(len(square)), moments[:-1, -1]))


def _gain(moments: np.ndarray, weights: np.ndarray) -> float:
    """By how much weights make the squared error smaller."""
    return float(2 * weights @ moments[:-1, -1] - weights @ moments[:-1, :-1] @ weights)
