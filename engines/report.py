"""report.html: the result of a run on one page that needs no network and no script."""

from __future__ import annotations

from html import escape
from typing import Any

from engines.contract import ModelCard, Recipe, Result, TaskInfo
from engines.evidence import words

PRETRAINED, TRAINED, SCRATCH = "#3B82C4", "#E8710A", "#9AA3AE"
STYLE = f"""
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; }} th, td {{ padding: .25rem .7rem; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }} tr + tr {{ border-top: 1px solid {SCRATCH}66; }}
.big {{ font-size: 2.2rem; }} .note {{ opacity: .75; }} svg {{ width: 100%; height: auto; }}
"""


def write(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, history: list[dict[str, Any]]) -> str:
    """The page as HTML text. Everything a person typed or a file was called is escaped."""
    baselines = "".join(
        _row(
            f"baseline: {name.replace('_', ' ')}{words.on_some(result.baseline_details.get(name))}",
            result.metric,
            value,
            result.baseline_details.get(name),
        )
        for name, value in result.baselines.items()
    )
    further = "".join(
        _row(n.replace("_", " "), n, e.value, {"low": e.low, "high": e.high}) for n, e in result.metrics.items()
    )
    own = _row(info.metric_title, result.metric, result.value, {"low": result.low, "high": result.high})
    compared = (
        escape(words.sentence(result.verdict, result.metric))
        if result.verdict
        else "Not compared with training from scratch."
    )
    skipped = "".join(f"<li>{escape(s.where)} {escape(s.reason)}</li>" for s in result.skipped[:50])
    low, high = (words.value(result.metric, bound) for bound in (result.low, result.high))
    learnt_from = f"{result.n_train:,} training and {result.n_validation:,} validation {info.unit}"
    learnt_from = result.details.get("card", {}).get("learnt_from", learnt_from)  # a domain's own words for it
    tested_on = result.details["card"]["tested_on"] if result.details.get("folds") else info.unit
    learning = _returns(result) if "real_steps" in result.details else _epochs(result, history)
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(recipe.title or info.title)}</title><style>{STYLE}</style>
<h1>{escape(recipe.title or f"{card.title}, {result.strategy}")}</h1>
<p>{compared}</p>
<p><span class="big">{words.value(result.metric, result.value)}</span> {escape(info.metric_title.lower())},
95&nbsp;% interval {low} to {high}, on {result.n_test:,} test {escape(tested_on)}</p>
<table><tr><th>measure<th>value<th>95 % interval</tr>{own}{further}{baselines}</table>
<h2>While it learnt</h2>{learning}
{_confusion(result)}
<h2>What was trained</h2>
<p>{escape(card.title)}: {result.trainable_parameters:,} of {result.parameters:,} parameters, on {escape(result.device)}
({result.precision}), {result.seconds:.0f} s, seed {result.seed}, {escape(learnt_from)}.</p>
{f"<h2>Left out</h2><ul>{skipped}</ul>" if skipped else ""}
</html>
"""


def _row(name: str, metric: str, value: float, interval: dict[str, Any] | None) -> str:
    low_high = [words.value(metric, interval[end]) for end in ("low", "high")] if interval and "low" in interval else []
    return f"<tr><td>{escape(name)}<td>{words.value(metric, value)}<td>{' to '.join(low_high)}</tr>"


def _epochs(result: Result, history: list[dict[str, Any]]) -> str:
    return f"""{_curve(history)}
<p class="note"><span style="color:{TRAINED}">●</span> validation, solid; training, dashed.
{result.epochs} epochs, best {result.best_epoch}.</p>"""


def _returns(result: Result, width: int = 640, height: int = 200) -> str:
    """The return with its 95 % interval of each series, and the same as a table.

    It is drawn over real steps, or over simulated ones where no real step was used.
    """
    points = [point for point in result.details["curve"] if point["mean"] is not None]
    if not points:
        return '<p class="note">Nothing learnt in this run.</p>'
    ends = [bound for point in points for bound in (point["low"], point["high"])]
    low, span = min(ends), max(max(ends) - min(ends), 1e-9)
    over = "real" if any(point["real_steps"] for point in points) else "simulated"
    steps = "real_steps" if over == "real" else "sim_steps"
    most = max(1, *(point[steps] for point in points))

    def at(point: dict[str, Any], key: str) -> str:
        x = 70 + point[steps] / most * (width - 90)
        return f"{x:.1f},{height - 25 - (point[key] - low) / span * (height - 40):.1f}"

    shapes = ""
    for series, colour in (("scratch", SCRATCH), ("transfer", TRAINED)):
        own = [point for point in points if point["series"] == series]
        band = [*(at(point, "high") for point in own), *(at(point, "low") for point in reversed(own))]
        if own:
            line = " ".join(at(point, "mean") for point in own)
            shapes += f'<polygon points="{" ".join(band)}" fill="{colour}" opacity=".2"/>'
            shapes += f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    marks = "".join(
        f'<text x="64" y="{height - 20 - share * (height - 40):.0f}" text-anchor="end" font-size="11"'
        f' fill="currentColor">{words.value(result.metric, low + share * span)}</text>'
        for share in (0, 0.5, 1)
    )
    rows = "".join(
        f"<tr><td>{escape(point['series'])}<td>{point[steps]:,}<td>{words.value(result.metric, point['mean'])}"
        f"<td>{words.value(result.metric, point['low'])} to {words.value(result.metric, point['high'])}</tr>"
        for point in points
    )
    return f"""<svg viewBox="0 0 {width} {height}" role="img" aria-label="return by {over} steps">{marks}{shapes}</svg>
<p class="note"><span style="color:{TRAINED}">●</span> transfer, <span style="color:{SCRATCH}">●</span> from scratch;
across: {over} steps, 0 to {most:,}; shaded: 95&nbsp;% interval.</p>
<table><tr><th>policy<th>{over} steps<th>{escape(result.metric)}<th>95 % interval</tr>{rows}</table>"""


def _curve(history: list[dict[str, Any]], width: int = 640, height: int = 200) -> str:
    lines = []
    for key, dash in (("train_metric", "6 4"), ("validation_metric", "")):
        values = [row[key] for row in history if key in row]
        if not values:
            continue
        step = (width - 50) / max(1, len(values) - 1)
        points = " ".join(f"{40 + i * step:.1f},{height - 25 - v * (height - 40):.1f}" for i, v in enumerate(values))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{TRAINED}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
    marks = "".join(
        f'<text x="34" y="{height - 20 - share * (height - 40):.0f}" text-anchor="end" font-size="11"'
        f' fill="currentColor">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="accuracy by epoch">{marks}{"".join(lines)}</svg>'
    )


def _confusion(result: Result) -> str:
    classes, counts = result.details.get("classes", []), result.details.get("confusion", [])
    head = "".join(f"<th>{escape(c)}</th>" for c in classes)
    rows = "".join(
        f"<tr><th>{escape(c)}</th>{''.join(f'<td>{n}</td>' for n in row)}</tr>"
        for c, row in zip(classes, counts, strict=True)
    )
    if not classes:
        return ""
    title = "<h2>Where it is wrong</h2>"
    return f'{title}<div style="overflow-x:auto"><table><tr><th>true ↓ predicted →</th>{head}</tr>{rows}</table></div>'
