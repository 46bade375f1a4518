"""What a test came to, in plain sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.forecasting.baselines import TITLES
from engines.forecasting.measures import Tested

OURS = {
    "zero-shot": "The model as it came", "features": "Fine-tuned (head only)", "partial": "Fine-tuned (last blocks)",
    "full": "Fine-tuned", "scratch": "Trained from scratch",
}  # fmt: skip
TITLES_OF = TITLES | {
    "zero_shot": "The model as it came", "zero_shot_inputs": "The model as it came, with the chosen inputs",
    "without_columns": "As it came, inputs chosen, without what is known ahead",
    "scratch": "The same network from scratch",
}  # fmt: skip


SHORT = TITLES_OF | {
    "zero_shot": "As it came", "zero_shot_inputs": "As it came, inputs chosen",
    "without_columns": "The same, nothing known ahead", "scratch": "From scratch",
}  # fmt: skip
"""Beside a dot in a figure."""


def title(name: str) -> str:
    return TITLES_OF.get(name, OURS.get(name, name))


def won(ours: np.ndarray, theirs: np.ndarray, tested: Tested) -> tuple[int, int]:
    """At how many points in time ours is better on average over the series, and how many there are."""
    turns = turn(tested)
    better = total = 0
    for number in np.unique(turns):
        own = turns == number
        off = np.nanmean(ours[own] - theirs[own]) if np.isfinite(ours[own] - theirs[own]).any() else np.nan
        if np.isfinite(off):
            better += bool(off < 0)
            total += 1
    return better, total


def turn(tested: Tested) -> np.ndarray:
    """int64 (F,): 0 for each series' last origin, 1 for the one before it, …"""
    found = np.empty(len(tested.series), dtype=np.int64)
    for series in np.unique(tested.series):
        own = np.flatnonzero(tested.series == series)
        found[own] = np.argsort(np.argsort(-tested.origins[own]))
    return found


def headline(strategy: str, values: dict[str, float], wins: tuple[int, int]) -> str:
    """One sentence about the run's own model among the baselines. values: name -> mean MASE, with 'own'."""
    own, naive = values["own"], values["seasonal_naive"]
    best = min((name for name in values if name != "own"), key=values.__getitem__)
    ours = OURS.get(strategy, strategy)
    better, total = wins
    if min(values.values()) >= naive:
        return "Nothing here beats seasonal naive: use it."
    said = "beats" if own < naive else "does not beat"
    counted = f"{better} of {total} origins"
    text = f"{ours} {said} seasonal naive by {abs(1 - own / naive):.0%} ({counted})."
    if own >= naive:
        text = f"{ours} does not beat seasonal naive: its error is {own / naive - 1:.0%} larger ({counted} won)."
    if values[best] < own:
        text += f" {title(best)} is better still: its error is {1 - values[best] / own:.0%} smaller."
    return text


def about_known(
    columns: list[str], errors: dict[str, np.ndarray], counts: np.ndarray, series: list[str], *, itself: bool
) -> dict[str, Any]:
    """What columns that are known ahead were worth: the model as it came and with the chosen inputs, with them against
    without them, on the same test. `series`: those that they help to explain; `itself`: the model was given them."""
    listed = ", ".join(columns)
    if itself:
        return {"columns": columns, "text": f"Known ahead: {listed}. The model is given them itself."}
    if not series:
        text = f"Known ahead: {listed}. Before the test they did not clearly help: they are not used."
        return {"columns": columns, "text": text}
    ours, theirs = errors.get("zero_shot_inputs", errors["own"]), errors["without_columns"]
    known = np.isfinite(ours) & np.isfinite(theirs)
    drawn = counts[:, known]
    drawn = drawn[drawn.sum(1) > 0]
    ratios = (drawn @ ours[known]) / np.maximum(drawn @ theirs[known], 1e-12)
    gain = 1 - float(ours[known].sum() / max(theirs[known].sum(), 1e-12))
    low, high = (1 - np.quantile(ratios, [0.975, 0.025])).tolist()
    size = "smaller" if gain >= 0 else "larger"
    text = (
        f"Known ahead: {listed}. Without any training, the error is {abs(gain):.0%} {size} with them than without "
        f"({low:.0%} to {high:.0%} smaller, 95 % interval)."
    )
    return {"columns": columns, "series": series, "gain": gain, "low": low, "high": high, "text": text}


def residuals(median: np.ndarray, truth: np.ndarray, scales: np.ndarray, quantiles: np.ndarray) -> dict[str, Any]:
    """What the errors look like: bias, shape, memory, and where among the quantiles the truth fell."""
    off = (truth - median) / scales[:, None]  # (F, H), in seasonal-naive errors
    known = off[np.isfinite(off)]
    first = off[:, 0]
    low, high = np.quantile(known, [0.005, 0.995]).tolist() if len(known) else (0.0, 0.0)
    counts, edges = np.histogram(known, bins=24, range=(low, high) if high > low else (low - 1, low + 1))
    below = (truth[:, :, None] > quantiles).sum(2)[np.isfinite(truth)]
    return {
        "bias": float(known.mean()) if len(known) else 0.0,
        "deviation": float(known.std()) if len(known) else 0.0,
        "n": len(known),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "places": np.bincount(below, minlength=10).tolist(),
        "memory": memory(first),
    }


def memory(first: np.ndarray) -> float | None:
    """Correlation of the one-step error with that of the origin before; None with fewer than five origins."""
    pairs = np.stack([first[:-1], first[1:]])[:, np.isfinite(first[:-1]) & np.isfinite(first[1:])]
    if pairs.shape[1] < 5 or pairs.std(1).min() == 0:
        return None
    return float(np.corrcoef(pairs)[0, 1])


def prices(columns: dict[str, Any]) -> bool:
    """Whether these look like prices of something traded, by the names of their columns."""
    words = " ".join([*columns["values"], columns["series"] or ""]).casefold()
    hints = ("price", "close", "ticker", "symbol", "stock", "share", "nasdaq", "btc", "eth", "usd", "eur")
    return any(hint in words for hint in hints)


def about_prices(ours: np.ndarray, tested: Tested, last: np.ndarray, walk: float, own: float) -> dict[str, Any]:
    """What a forecast of a price is worth: against the random walk, and by the sign of the return.

    ours: medians (F, H); last: the last price known at each origin (F,).
    """
    end = tested.truth[:, -1]
    known = np.isfinite(end) & (end != last) & (ours[:, -1] != last)
    right = np.sign(ours[:, -1] - last)[known] == np.sign(end - last)[known]
    drawn = np.random.default_rng(0).beta(right.sum() + 0.5, (~right).sum() + 0.5, 20_000)
    up = float((end > last)[known].mean()) if known.any() else float("nan")
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    verdict = "better than" if own < walk else "no better than"
    text = (
        f"These look like prices. On this test the forecast is {verdict} a random walk (today's price stays), "
        f"and it named the direction of the price in {int(right.sum())} of {len(right)} cases "
        f"(95 % interval {low:.0%} to {high:.0%}; always saying 'up' would have been right in {up:.0%}). "
        "What is known of a price is already in it: no trading decision should rest on this."
    )
    return {"text": text, "right": int(right.sum()), "n": len(right), "low": low, "high": high, "up": up}
