"""What a test came to: in numbers for the page, and in plain sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.contract import Metric, Strategy
from engines.forecasting.forecast import evaluate, metrics, model_files, prepare
from engines.forecasting.forecast.evaluate import ForecastTrial
from engines.forecasting.forecast.metrics import MEDIAN, Tested
from engines.forecasting.forecast.training import train
from engines.forecasting.models import catalogue, hub_models, inputs
from engines.forecasting.models.baselines import TITLES
from engines.messages import _, told
from engines.training import overfitting

OURS = {
    "zero-shot": _("The model as it came"),
    "features": _("Fine-tuned (head only)"),
    "partial": _("Fine-tuned (last blocks)"),
    "full": "Fine-tuned",
    "scratch": _("Trained from scratch"),
}
TITLES_OF = TITLES | {
    "zero_shot": _("The model as it came"),
    "zero_shot_inputs": _("The model as it came, with the chosen inputs"),
    "without_columns": _("As it came, inputs chosen, without what is known ahead"),
    "scratch": _("The same network from scratch"),
}


SHORT = TITLES_OF | {
    "zero_shot": _("As it came"),
    "zero_shot_inputs": _("As it came, inputs chosen"),
    "without_columns": _("The same, nothing known ahead"),
    "scratch": _("From scratch"),
}
"""Beside a dot in a figure."""


def title(name: str) -> str:
    return told(TITLES_OF).get(name, told(OURS).get(name, name))


def details(trial: ForecastTrial, tested: Tested, forecasts: dict[str, np.ndarray], metric: Metric) -> dict[str, Any]:
    """What the page reads. `forecasts`: (F, H, 9) of 'own' and of all others, by name."""
    fit = overfitting.read(trial.progress.history, trial.progress.best_epoch, metric, train.UNIT)
    spec, strategy, card = trial.spec, trial.strategy, trial.spec.card
    p, table, chosen = spec.prepared, spec.prepared.table, np.unique(tested.series).tolist()
    ours, naive = forecasts["own"], forecasts["seasonal_naive"]
    errors = {name: metrics.mase(forecast, tested) for name, forecast in forecasts.items()}
    values = {name: float(np.nanmean(error)) for name, error in errors.items()}
    wins = won(errors["own"], errors["seasonal_naive"], tested)
    found: dict[str, Any] = {
        "horizon": p.horizon,
        "season": p.season,
        "frequency": table.frequency.title,
        "n_series": len(p.usable),
        "tested_series": [table.names[series] for series in chosen],
        "origins": int(turn(tested).max()) + 1,
        "headline": headline(strategy, values, wins),
        "wins": {"won": wins[0], "of": wins[1]},
        "ranking": ranking(trial, tested, forecasts, errors),
        "inputs": {
            table.names[series]: {str(lag): share for lag, share in spec.mixes[series].items()} for series in chosen
        },
        "share": trial.outcome.share,
        "per_step": metrics.per_step(ours, naive, tested),
        "residuals": residuals(ours[:, :, MEDIAN], tested.truth, tested.scales, ours),
        "stages": card.stage_view(strategy, spec.settings.blocks),
        "head_parameters": (
            0 if hub_models.is_borrowed(card) else sum(p.numel() for p in trial.outcome.network.head().parameters())
        ),
        "load_snippet": model_files.snippet(card, p, chosen),
        "columns": table.columns,
        "input": _(
            "series of numbers, {title}; up to {width} past steps are seen",
            title=table.frequency.title,
            width=spec.width,
        ),
        **overfitting.details(fit),
        "next": advise(trial, values, fit),
    }
    if table.features:
        explained = [table.names[series] for series in chosen if p.effects[series] is not None]
        columns, itself = table.columns["ahead"], hub_models.takes_known(card)
        found["ahead"] = about_known(columns, errors, trial.scores.counts, explained, itself=itself)
    if (sites := prepare.shared(spec.settings)) is not None:
        rows: list[dict[str, Any]] = [
            {"name": name, "n": n, "classes": {}, "alone": None, "gain": gain}
            for (name, n), gain in zip(sites.sites, sites.gains, strict=True)
        ]
        found["federated"] = {"kind": "known ahead", "sites": rows, "strength": sites.penalty, "masked": False}
    if prices(table.columns):
        last = np.array([inputs.last_season(context, 1)[0] for context in evaluate.contexts(table, tested)])
        walk = values.get("random_walk", values["seasonal_naive"])
        found["prices"] = about_prices(ours[:, :, MEDIAN], tested, last, walk, values["own"])
    return found


def ranking(
    trial: ForecastTrial, tested: Tested, forecasts: dict[str, np.ndarray], errors: dict[str, np.ndarray]
) -> dict[str, Any]:
    """`metrics.ranking`, with each model's title and its metrics."""
    ranked = metrics.ranking(errors)
    for row in ranked["rows"]:
        name = row["model"]
        row["title"] = told(OURS)[trial.strategy] if name == "own" else told(SHORT).get(name, name)
        row["mase"] = float(np.nanmean(errors[name]))
        measured = metrics.further(forecasts[name], tested, trial.scores.counts, 0)
        row |= {metric: estimate.value for metric, estimate in measured.items()}
    return ranked


def advise(trial: ForecastTrial, values: dict[str, float], fit: overfitting.Fit | None) -> dict[str, Any] | None:
    """The one change that this test suggests."""
    best = min((other for other in values if other != "own"), key=values.__getitem__)
    if trial.spec.card.name != catalogue.FRACAST.name:
        return None
    if trial.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        return {"text": _("Fine-tune it: the decoder alone learns in seconds."), "strategy": "partial", "settings": {}}
    if best in TITLES and values[best] < values["own"]:
        text = _("{title} did better here and costs nothing: use it, or bring a longer history.", title=title(best))
        return {"text": text, "strategy": None, "settings": {}}
    if trial.outcome.share == train.SHARES[0] and trial.strategy is not Strategy.FEATURES:
        text = _("Training gained little on the validation part: train less of the network.")
        return {"text": text, "strategy": "features", "settings": {}}
    if fit and fit.reading == "by heart":
        ways: list[overfitting.Way] = [(_("train less of the network"), Strategy.FEATURES, {})]
        return overfitting.held_back(fit, trial.strategy, trial.spec.settings, "history", ways)
    if fit and fit.reading == "still improving":
        return overfitting.longer(fit, trial.strategy, trial.spec.settings)
    if trial.strategy is Strategy.FEATURES:
        return {"text": _("There may be more in it: let the decoder learn too."), "strategy": "partial", "settings": {}}
    return None


def not_fitted(name: str, failed: int, of: int) -> str:
    """What is to be said of a baseline that is another one in places."""
    return _(
        "{title} could not be fitted on {failed:,} of {of:,} forecasts: there it is the seasonal naive.",
        title=title(name),
        failed=failed,
        of=of,
    )


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
    ours = told(OURS).get(strategy, strategy)
    better, total = wins
    if min(values.values()) >= naive:
        return _("Nothing here beats seasonal naive: use it.")
    said = _("beats") if own < naive else _("does not beat")
    counted = _("at {better} of {total} points in time", better=better, total=total)
    text = _(
        "{ours} {said} seasonal naive by {own:.0%} ({counted}).",
        ours=ours,
        said=said,
        own=abs(1 - own / naive),
        counted=counted,
    )
    if own >= naive:
        text = _(
            "{ours} does not beat seasonal naive: its error is {own:.0%} larger (smaller {counted}).",
            ours=ours,
            own=own / naive - 1,
            counted=counted,
        )
    if values[best] < own:
        text += _(
            " {title} is better still: its error is {values:.0%} smaller.",
            title=title(best),
            values=1 - values[best] / own,
        )
    return text


def about_known(
    columns: list[str], errors: dict[str, np.ndarray], counts: np.ndarray, series: list[str], *, itself: bool
) -> dict[str, Any]:
    """What columns that are known ahead were worth: the model as it came and with the chosen inputs, with them against
    without them, on the same test. `series`: those that they help to explain; `itself`: the model was given them."""
    listed = ", ".join(columns)
    if itself:
        return {"columns": columns, "text": _("Known ahead: {listed}. The model is given them itself.", listed=listed)}
    if not series:
        text = _("Known ahead: {listed}. Before the test they did not clearly help: they are not used.", listed=listed)
        return {"columns": columns, "text": text}
    ours, theirs = errors.get("zero_shot_inputs", errors["own"]), errors["without_columns"]
    known = np.isfinite(ours) & np.isfinite(theirs)
    drawn = counts[:, known]
    drawn = drawn[drawn.sum(1) > 0]
    ratios = (drawn @ ours[known]) / np.maximum(drawn @ theirs[known], 1e-12)
    gain = 1 - float(ours[known].sum() / max(theirs[known].sum(), 1e-12))
    low, high = (1 - np.quantile(ratios, [0.975, 0.025])).tolist()
    size = _("smaller") if gain >= 0 else _("larger")
    text = _(
        "Known ahead: {listed}. Without any training, the error is {gain:.0%} {size} with "
        "them than without ({low:.0%} to {high:.0%} smaller, 95 % interval).",
        listed=listed,
        gain=abs(gain),
        size=size,
        low=low,
        high=high,
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
    words = " ".join([*columns["values"], *columns["ids"]]).casefold()
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
    verdict = _("better than") if own < walk else _("no better than")
    text = _(
        "These look like prices. On this test the forecast is {verdict} a random walk "
        "(today's price stays), and it named the direction of the price in {sum} of {right} "
        "cases (95 % interval {low:.0%} to {high:.0%}; always saying 'up' would have been "
        "right in {up:.0%}). What is known of a price is already in it: no trading decision "
        "should rest on this.",
        verdict=verdict,
        sum=int(right.sum()),
        right=len(right),
        low=low,
        high=high,
        up=up,
    )
    return {"text": text, "right": int(right.sum()), "n": len(right), "low": low, "high": high, "up": up}
