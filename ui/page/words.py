"""How numbers, sizes and choices are said, the same way on every page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Literal

from engines.contract import Metric, Strategy, TaskInfo, Verdict
from engines.messages import _, _n
from engines.reporting import wording
from engines.reporting.wording import is_share

Colour = Literal["green", "yellow", "red", "gray", "blue", "orange"]
"""Of a badge."""


def brought(info: TaskInfo) -> str:
    """What a person is asked to bring: 'your photographs'."""
    return info.words.brought or _("your {unit}", unit=info.unit)


def strategy(info: TaskInfo, value: str, blocks: int | None = None, depth: int | None = None) -> str:
    """'Head only', 'Head only, on 5 blocks', 'Last 2 blocks', …"""
    if value == Strategy.FEATURES and depth:
        return _n("{title}, on {n} block", "{title}, on {n} blocks", depth, title=info.offer(value).title)
    if value == Strategy.PARTIAL and blocks:
        return _n("Last block", "Last {n} blocks", blocks)
    return info.offer(value).title


def metric(name: Metric | str, value: float, digits: int = 1) -> str:
    """A value of that metric: '80.5 %' for a share, '0.268' or '−509' otherwise."""
    if not math.isfinite(value):
        return "–"
    if is_share(name):
        return f"{100 * value:.{digits}f} %"
    return format(value, _places(value)).replace("-", "−")


def behind(name: Metric | str, low: float | None, high: float | None) -> str:
    """An interval as it stands behind a metric's name and direction; empty where there is none."""
    if low is None or high is None:
        return ""
    return _(" · {interval} (95 % interval)", interval=interval(name, low, high))


def interval(name: Metric | str, low: float, high: float) -> str:
    """'75.2 – 85.3 %', '−290 to −250'"""
    if is_share(name):
        return f"{100 * low:.1f} – {100 * high:.1f} %"
    return f"{metric(name, low)} {'to' if low < 0 else '–'} {metric(name, high)}"


def difference(name: Metric | str, value: float) -> str:
    """A signed difference: '+37 points' for a share, '-0.076' otherwise."""
    if not is_share(name):
        return signed(value, _places(value))
    points = signed(100 * value, ".1f" if abs(value) < 0.0995 else ".0f")
    return _("{points} point", points=points) if points[1:] in {"1", "1.0"} else _("{points} points", points=points)


def _places(value: float) -> str:
    """Three digits, or all of those before the decimals."""
    return ",.0f" if round(abs(value)) >= 1000 else ".3g"


def signed(value: float, form: str) -> str:
    """With a real minus sign, and no sign before zero."""
    text = format(abs(value), form)
    if float(text.replace(",", "")) == 0:
        return text
    return ("+" if value > 0 else "−") + text


def verdict(verdict: Verdict, metric: Metric) -> tuple[str, str]:
    """The verdict in words, metric and direction named, and the line below it."""
    found = verdict.difference
    other = wording.other(verdict)
    scale = 100 if is_share(metric) else 1
    low, high = (
        signed(scale * bound, ".0f" if is_share(metric) else _places(bound)) for bound in (found.low, found.high)
    )
    line = _("95 % interval {low} to {high}; {direction}", low=low, high=high, direction=wording.direction(metric))
    if found.low == found.high == 0:
        return _("No different from {other}", other=other), line
    amount = f"{metric.title} {difference(metric, found.value)}"
    if not metric.higher_is_better:
        amount += _(" (lower is better)")
    chance = _(", which may be chance") if verdict.side == "unclear" else ""
    if metric.higher_is_better and found.value > 0:
        return _("{amount} over {other}{chance}", amount=amount, other=other, chance=chance), line
    return _("{amount} against {other}{chance}", amount=amount, other=other, chance=chance), line


def count(n: int, unit: str) -> str:
    """'248 photographs', '1 photograph', '1 pass', '1 box'; `unit` is a plural in -s."""
    one = unit.removesuffix("es" if unit.endswith(("sses", "xes")) else "s")
    return f"{n:,} {one if n == 1 else unit}"


def size(n_bytes: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return _("{n_bytes:.1f} GB", n_bytes=n_bytes)


def parameters(n: int) -> str:
    """'4.65 M', '5,124'."""
    if n >= 1e9:
        return f"{n / 1e9:.3g} B"
    return f"{n / 1e6:.3g} M" if n >= 1e5 else f"{n:,}"


def duration(seconds: float) -> str:
    """'8 s', '2 min 5 s', '1 h 10 min'."""
    whole = round(seconds)
    if whole < 1:
        return _("under a second")
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return _("{minutes} min {rest} s", minutes=minutes, rest=rest) if rest else _("{minutes} min", minutes=minutes)
    hours, minutes = divmod(round(whole / 60), 60)
    return _("{hours} h {minutes} min", hours=hours, minutes=minutes) if hours else _("{minutes} min", minutes=minutes)


def day(seconds: float) -> str:
    """'24 Nov 2026', UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y}".lstrip("0")


def moment(seconds: float) -> str:
    """'24 Nov, 06:10 UTC'"""
    return _("{fromtimestamp:%d %b, %H:%M} UTC", fromtimestamp=datetime.fromtimestamp(seconds, UTC)).lstrip("0")


def plain(text: str) -> str:
    """Somebody's text, so that markdown shows it as it is."""
    return "".join("\\" + c if c in r"\`*_{}[]()#+!|<>~$:" else c for c in text)
