"""Small drawings of the first page: a series, its forecasts, and measured values as bars with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from engines import registry
from engines.contract import Metric
from engines.messages import _, told
from engines.reporting.wording import is_share
from ui.page import recorded, words
from ui.widgets.plots import PRETRAINED, SCRATCH, TRAINED

COLOURS = {"orange": TRAINED, "gray": SCRATCH, "blue": PRETRAINED}
DASHES = {"orange": "", "blue": "7 4", "gray": "2 4"}
"""Never colour alone."""


def past(values: Sequence[float]) -> str:
    """A series as it was known, small, before anything is forecast."""
    line = _line(_points(values, len(values), min(values), max(values), 180, 70), SCRATCH, "")
    return f'<svg viewBox="0 0 180 70" aria-hidden="true">{line}</svg>'


def answers(
    known: Sequence[float], truth: Sequence[float], forecasts: Sequence[tuple[str, Sequence[float]]], name: str
) -> str:
    """What was known, what came (dots), and each forecast as a line of its own kind."""
    everything = [*known, *truth, *(value for _colour, values in forecasts for value in values)]
    low, high, n = min(everything), max(everything), len(known) + len(truth)
    width, height = 640, 220
    parts = [_line(_points(known, n, low, high, width, height), SCRATCH, "")]
    for colour, values in forecasts:
        at = _points([known[-1], *values], n, low, high, width, height, first=len(known) - 1)
        parts.append(_line(at, COLOURS[colour], DASHES[colour], 2.5))
    for x, y in _points(truth, n, low, high, width, height, first=len(known)):
        parts.append(f'<circle class="truth" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
    said = _("{name}: what was known as a line, the twelve months that came as dots, and each forecast.", name=name)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def _points(
    values: Sequence[float], n: int, low: float, high: float, width: int, height: int, first: int = 0
) -> list[tuple[float, float]]:
    """Where values stand that are numbers `first` and on of `n`."""
    tall = (high - low) or 1.0
    return [
        (6 + (width - 12) * (first + i) / max(n - 1, 1), height - 8 - (height - 16) * (value - low) / tall)
        for i, value in enumerate(values)
    ]


def _line(points: Sequence[tuple[float, float]], colour: str, dash: str, width: float = 1.8) -> str:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


@dataclass(frozen=True)
class Bar:
    """A measured value with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float
    said: str
    """The value and its interval in words."""
    colour: str


def of(found: recorded.Finished, baselines: Mapping[str, tuple[str, str]]) -> list[Bar]:
    """A run and those of its baselines that are named: name -> what it is called, and its colour."""
    result, metric = found.result, registry.task(found.recipe.task).info.metric
    values = [(_("with transfer"), "orange", result.value, result.low, result.high)]
    for name, (title, colour) in told(baselines).items():
        bounds = result.baseline_details.get(name, {})
        if name in result.baselines and "low" in bounds:
            values.append((title, colour, result.baselines[name], bounds["low"], bounds["high"]))
    return [
        Bar(
            name,
            value,
            low,
            high,
            f"{words.metric(metric, value)} ({words.interval(metric, low, high)})",
            COLOURS[colour],
        )
        for name, colour, value, low, high in values
    ]


def top(metric: Metric) -> float | None:
    """Where bars of that metric end: at 100 % where more of a share is better, else at the largest."""
    return 1.0 if is_share(metric) and metric.higher_is_better else None


def bars(measured: Sequence[Bar], most: float | None = None) -> str:
    """Bars from zero, each with its interval as a whisker and its number beside it; for a page and for a phone."""
    top = most or max(max(bar.high, bar.value) for bar in measured)
    said = "; ".join(f"{bar.name}: {bar.said}" for bar in measured)
    return _bars(measured, top, "wide", 900, 200, said) + _bars(measured, top, "narrow", 400, 0, said)


def _bars(measured: Sequence[Bar], top: float, css: str, width: int, left: int, said: str) -> str:
    """`left` is the room for names; without it they stand above their bars."""
    row, lead = (38, 0) if left else (58, 22)
    room = width - left - (210 if left else 12)
    parts = []
    for number, bar in enumerate(measured):
        y = number * row + lead + 6
        x, low, high = (left + room * max(v, 0) / top for v in (bar.value, bar.low, bar.high))
        name_at = (left - 10, y + 16, "end") if left else (2, y - 6, "start")
        told_at = (left + room + 12, y + 16, "start") if left else (width - 2, y - 6, "end")
        whisker = f"M{low:.1f} {y + 11} H{high:.1f} M{low:.1f} {y + 5} v12 M{high:.1f} {y + 5} v12"
        parts += [
            _text(*name_at, bar.name, 14),
            f'<rect x="{left}" y="{y}" width="{max(x - left, 1):.1f}" height="22" rx="5" fill="{bar.colour}"/>',
            f'<path class="whisker" d="{whisker}" stroke-width="1.6" fill="none"/>',
            _text(*told_at, bar.said, 13.5),
        ]
    height = len(measured) * row + lead
    head = f'<svg class="{css}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}">'
    return head + "".join(parts) + "</svg>"


def _text(x: float, y: float, anchor: str, text: str, size: float) -> str:
    return f'<text x="{x:.0f}" y="{y}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
