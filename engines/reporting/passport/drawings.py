"""What a report draws, as inline SVG: lines in the page's own ink, so that they are seen on light and dark alike.

What is drawn is also said: in the drawing's label, or in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from engines.contract import Metric
from engines.messages import _
from engines.reporting import wording
from engines.reporting.examples import Fan
from engines.reporting.passport.style import PRETRAINED, SCRATCH, TRAINED

WIDTH = 640


def svg(height: int, label: str, shapes: str, width: int = WIDTH) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{shapes}</svg>'


def key(colour: str) -> str:
    """A square of a colour, before the word that names it."""
    return f'<svg class="key" viewBox="0 0 10 10" aria-hidden="true"><path d="M0 0h10v10H0z" fill="{colour}"/></svg>'


def curve(history: list[dict[str, Any]], metric: Metric, height: int = 200) -> str:
    """The metric by epoch, from 0 to 1, or to its largest value if that is more: validation solid, training dashed."""
    named = (("train_metric", "6 4"), ("validation_metric", ""))
    top = max([1.0, *(row[name] for row in history for name, _ in named if name in row)])
    lines = []
    for name, dash in named:
        values = [row[name] / top for row in history if name in row]
        if not values:
            continue
        step = (WIDTH - 50) / max(1, len(values) - 1)
        points = " ".join(f"{40 + i * step:.1f},{height - 25 - v * (height - 40):.1f}" for i, v in enumerate(values))
        lines.append(_line(points, TRAINED, dash))
    marks = [(part, wording.value(metric, part * top)) for part in (0, 0.5, 1)]
    return svg(
        height, _("{within} by epoch", within=wording.within(metric.title)), _marks(marks, height, 36) + "".join(lines)
    )


def returns(points: Sequence[dict[str, Any]], steps: str, metric: Metric, height: int = 200) -> str:
    """The mean return of each series with its 95 % interval, over `steps`, which names a column of the points."""
    ends = [bound for point in points for bound in (point["low"], point["high"])]
    low, span = min(ends), max(max(ends) - min(ends), 1e-9)
    most = max(1, *(point[steps] for point in points))

    def at(point: dict[str, Any], name: str) -> str:
        x = 70 + point[steps] / most * (WIDTH - 90)
        return f"{x:.1f},{height - 25 - (point[name] - low) / span * (height - 40):.1f}"

    shapes = ""
    for series, colour in (("scratch", SCRATCH), ("transfer", TRAINED)):
        own = [point for point in points if point["series"] == series]
        if own:
            band = [*(at(point, "high") for point in own), *(at(point, "low") for point in reversed(own))]
            shapes += f'<polygon points="{" ".join(band)}" fill="{colour}" opacity=".2"/>'
            shapes += _line(" ".join(at(point, "mean") for point in own), colour)
    marks = [(share, wording.value(metric, low + share * span)) for share in (0, 0.5, 1)]
    over = steps.removesuffix("_steps").replace("sim", "simulated")
    return svg(height, _("return by {over} steps", over=over), _marks(marks, height, 64) + shapes)


def _line(points: str, colour: str, dash: str = "") -> str:
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'


def _marks(marks: Sequence[tuple[float, str]], height: int, x: int) -> str:
    """Numbers at the left, each at its share of the height."""
    return "".join(
        f'<text x="{x}" y="{height - 20 - share * (height - 40):.0f}" text-anchor="end" font-size="11"'
        f' fill="currentColor">{text}</text>'
        for share, text in marks
    )


def reliability(bins: Sequence[dict[str, Any]], side: int = 260) -> str:
    """How often it was right at each confidence, with 95 % intervals; on the diagonal every percentage is true."""

    def x(share: float) -> float:
        return 36 + share * (side - 46)

    def y(share: float) -> float:
        return side - 26 - share * (side - 36)

    shapes = f'<path d="M{x(0):.0f} {y(0):.0f}L{x(1):.0f} {y(1):.0f}" stroke="{SCRATCH}" stroke-dasharray="3 3"/>'
    for one in bins:
        at = x(one["confidence"])
        shapes += (
            f'<path d="M{at:.1f} {y(one["low"]):.1f}V{y(one["high"]):.1f}" stroke="{TRAINED}" opacity=".6"/>'
            f'<circle cx="{at:.1f}" cy="{y(one["correct"]):.1f}" r="4" fill="{TRAINED}"/>'
        )
    for share in (0, 0.5, 1):
        shapes += _text(30, y(share) + 4, f"{share:.0%}", "end") + _text(x(share), side - 8, f"{share:.0%}", "middle")
    said = "; ".join(
        _(
            "{confidence:.0%} sure, {correct:.0%} right ({n})",
            confidence=b["confidence"],
            correct=b["correct"],
            n=b["n"],
        )
        for b in bins
    )
    drawn = svg(side, _("Right by confidence: {said}", said=said), shapes, side)
    return f'<div style="max-width:20rem">{drawn}</div>'


def loudness(sound: Sequence[float], height: int = 40) -> str:
    """A sound from left to right."""
    step = WIDTH / len(sound)
    bars = "".join(
        f"M{(i + 0.5) * step:.1f} {(height - peak * height) / 2:.1f}v{max(peak * height, 0.5):.1f}"
        for i, peak in enumerate(sound)
    )
    return svg(height, _("loudness over time"), f'<path d="{bars}" stroke="{PRETRAINED}" stroke-width="3"/>')


def fan(one: Fan, height: int = 180) -> str:
    """What was known, then the forecast with its 80 % interval, and what came."""
    whole = [*one.past, *one.low, *one.high, *(value for value in one.came if math.isfinite(value))]
    low, span = min(whole), max(max(whole) - min(whole), 1e-9)
    step = (WIDTH - 90) / max(1, len(one.past) + len(one.median) - 1)

    def at(place: int, value: float) -> str:
        return f"{70 + place * step:.1f} {height - 15 - (value - low) / span * (height - 30):.1f}"

    def path(values: Sequence[float], start: int) -> str:
        known = [at(start + i, value) for i, value in enumerate(values) if math.isfinite(value)]
        return "M" + "L".join(known) if known else ""

    start = len(one.past)
    band = [at(start + i, v) for i, v in enumerate(one.high)] + [at(start + i, v) for i, v in enumerate(one.low)][::-1]
    shapes = (
        f'<path d="M{"L".join(band)}Z" fill="{TRAINED}" opacity=".2"/>'
        f'<path d="{path(one.past, 0)}" fill="none" stroke="{SCRATCH}" stroke-width="2"/>'
        f'<path d="{path(one.came, start)}" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<path d="{path(one.median, start)}" fill="none" stroke="{TRAINED}" stroke-width="2" stroke-dasharray="6 4"/>'
    )
    for value in (low, low + span):
        shapes += _text(64, float(at(0, value).split()[1]) + 4, f"{value:,.4g}", "end")
    return svg(height, _("the known past, the forecast with its 80 % interval, and what came"), shapes)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="11" fill="currentColor">{text}</text>'
