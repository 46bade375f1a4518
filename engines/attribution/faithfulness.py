"""Whether an attribution points at what the network uses.

Units of an input (cells of a picture, words, moments, past values, sensors) are taken away in the attribution's order,
the most important first, and the answer's score is followed (deletion: the lower the area, the better); or they are put
back in that order into an input of which nothing is left (insertion: the higher, the better). Petsiuk, Das & Saenko
2018, 'RISE: Randomized input sampling for explanation of black-box models'.

A random order alone is too weak to compare with: on pictures of things before a plain background, "take away what is
not background" needs no network and beats many attributions. So an attribution is called faithful only where it beats
both random orders and such a heuristic, in both curves, by more than random orders differ among themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import t

Score = Callable[[np.ndarray], np.ndarray]
"""Which units are taken away, bool (M, U) -> the score of the answer without them, float (M,)."""
ORDERS = 10
"""Random orders."""
STEPS = 8
"""Steps from all to nothing."""
MOST = 12
"""Examples of one question whose attribution is tested: each takes about a hundred passes through the network."""


@dataclass(frozen=True)
class Faithfulness:
    """The areas under an attribution's curves, beside those of orders that know nothing of the network."""

    deletion: float
    insertion: float
    heuristic: str
    """What the heuristic orders by, in words."""
    heuristic_deletion: float
    heuristic_insertion: float
    random: float
    """The mean of random orders. Deleting in an order is inserting in the reverse one, so it goes for both curves."""
    spread: float
    """How far one more random order may lie from that mean (95 % prediction interval)."""
    units: int
    orders: int
    seed: int

    @property
    def deletes(self) -> bool:
        """Whether taking its units away breaks the answer sooner than both others do."""
        return self.deletion < min(self.random, self.heuristic_deletion) - self.spread

    @property
    def inserts(self) -> bool:
        """Whether putting its units back makes the answer sooner than both others do."""
        return self.insertion > max(self.random, self.heuristic_insertion) + self.spread

    @property
    def faithful(self) -> bool:
        return self.deletes and self.inserts

    def told(self) -> dict[str, Any]:
        """What rows and results say of it."""
        return {**asdict(self), "deletes": self.deletes, "inserts": self.inserts, "faithful": self.faithful}


def measure(
    score: Score,
    importance: np.ndarray,
    heuristic: np.ndarray,
    *,
    named: str,
    orders: int = ORDERS,
    steps: int = STEPS,
    seed: int = 0,
) -> Faithfulness | None:
    """Tests an attribution, float (U,), beside a `heuristic`, float (U,), which is `named` in words: high comes first,
    ties in random order. Calls `score` once. None where there are not two units to order.
    """
    units = len(importance)
    if units < 2:
        return None
    rng = np.random.default_rng(seed)
    counts = np.unique(np.linspace(0, units, steps + 1).round().astype(int))
    ours, theirs = _order(importance, rng), _order(heuristic, rng)
    every = [ours, ours[::-1], theirs, theirs[::-1], *(rng.permutation(units) for _ in range(orders))]
    between = counts[1:-1]  # the ends are the same in every order
    removed = np.zeros((2 + len(every) * len(between), units), dtype=bool)
    removed[1] = True
    for row, (order, count) in enumerate(((order, count) for order in every for count in between), 2):
        removed[row, order[:count]] = True
    found = np.asarray(score(removed), dtype=float)
    curves = np.empty((len(every), len(counts)))
    curves[:, 0], curves[:, -1] = found[0], found[1]
    curves[:, 1:-1] = found[2:].reshape(len(every), len(between))
    # Inserting in an order leaves what deleting in the reverse order leaves, read from the other end: the same area.
    areas: np.ndarray = np.asarray(np.trapezoid(curves, counts / units))
    deletion, insertion, their_deletion, their_insertion = map(float, areas[:4])
    at_random = areas[4:]
    sd = float(np.std(at_random, ddof=1))
    return Faithfulness(
        deletion,
        insertion,
        named,
        their_deletion,
        their_insertion,
        float(np.mean(at_random)),
        float(t.ppf(0.975, orders - 1)) * sd * (1 + 1 / orders) ** 0.5,
        units,
        orders,
        seed,
    )


def tested(score: Score, importance: np.ndarray, heuristic: np.ndarray, *, named: str) -> dict[str, Any] | None:
    """`measure` as rows and results tell it."""
    found = measure(score, importance, heuristic, named=named)
    return None if found is None else found.told()


def closeness(distances: np.ndarray, unit: float) -> np.ndarray:
    """A score for answers that are numbers: exp(−distance / `unit`) from the answer to the whole input, in (0, 1]."""
    near: np.ndarray = np.exp(-np.abs(distances) / max(unit, 1e-12))
    return near


def _order(importance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int (U,): the most important first."""
    return np.lexsort((rng.random(len(importance)), -np.asarray(importance, dtype=float)))
