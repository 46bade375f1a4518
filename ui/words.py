"""How numbers, sizes and choices are said, the same way on every page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from engines.contract import Strategy, Verdict
from engines.evidence.words import RIVALS, SHARES


@dataclass(frozen=True)
class Choice:
    """How a strategy is offered: its name, what it means, and when it is the right one."""

    name: str
    meaning: str
    when: str


STRATEGIES = {
    Strategy.ZERO_SHOT: Choice("As it came", "Nothing learns.", "The model already knows your task."),
    Strategy.FEATURES: Choice(
        "Head only",
        "The network stays as it came; only a new last layer learns.",
        "Little data, or little time: nothing that the network knows can be lost.",
    ),
    Strategy.PARTIAL: Choice(
        "Last blocks",
        "The last blocks and a new last layer learn; early blocks stay as they came.",
        "A few hundred examples or more, and data that differ from what the model saw.",
    ),
    Strategy.FULL: Choice(
        "Everything",
        "All of it learns, early blocks more slowly than late ones.",
        "A thousand examples or more, and time to spare.",
    ),
    Strategy.LORA: Choice(
        "Adapters",
        "Small added matrices (LoRA) and a new last layer learn; the network itself stays as it came.",
        "A large model, and little memory.",
    ),
    Strategy.SCRATCH: Choice(
        "From scratch",
        "All of it learns, starting from random numbers.",
        "The comparison: what your data alone can teach.",
    ),
}


def strategy(value: str, blocks: int | None = None) -> str:
    """'Head only', 'Last 2 blocks', …"""
    if value == Strategy.PARTIAL and blocks:
        return "Last block" if blocks == 1 else f"Last {blocks} blocks"
    return STRATEGIES[Strategy(value)].name


def metric(name: str, value: float, digits: int = 1) -> str:
    """A value of that metric: '80.5 %' for a share, '0.268' otherwise."""
    if not math.isfinite(value):
        return "–"
    if name in SHARES:
        return f"{100 * value:.{digits}f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def interval(name: str, low: float, high: float) -> str:
    """'75.2 – 85.3 %'"""
    if name in SHARES:
        return f"{100 * low:.1f} – {100 * high:.1f} %"
    return f"{metric(name, low)} – {metric(name, high)}"


def difference(name: str, value: float) -> str:
    """A signed difference: '+37 points' for a share, '-0.076' otherwise."""
    if name not in SHARES:
        return signed(value, ".3g")
    points = signed(100 * value, ".1f" if abs(value) < 0.0995 else ".0f")
    return f"{points} {'point' if points[1:] in {'1', '1.0'} else 'points'}"


def signed(value: float, form: str) -> str:
    """With a real minus sign, and no sign before zero."""
    text = format(abs(value), form)
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "−") + text


def verdict(verdict: Verdict, metric_name: str) -> tuple[str, str]:
    """The verdict in words, and the line below it."""
    found = verdict.difference
    scale = 100 if metric_name in SHARES else 1
    form = ".0f" if metric_name in SHARES else ".3g"
    low, high = signed(scale * found.low, form), signed(scale * found.high, form)
    amount = difference(metric_name, found.value)
    against = RIVALS.get(verdict.against, verdict.against.replace("_", " "))
    sentence = {
        "pays": f"{amount} {'over' if found.value > 0 else 'against'} {against}",
        "hurts": f"{amount} against {against}",
        "undecided": f"{amount} over {against}, which may be chance",
    }[verdict.verdict]
    return sentence, f"95 % interval {low} to {high}"


def within(title: str) -> str:
    """A title within a sentence: 'Balanced accuracy' loses its capital, 'MASE' keeps them."""
    return title if title.isupper() else title.lower()


def count(n: int, unit: str) -> str:
    """'248 photographs', '1 photograph'; `unit` is a plural in -s."""
    return f"{n:,} {unit[:-1] if n == 1 and unit.endswith('s') else unit}"


def size(n_bytes: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def parameters(n: int) -> str:
    """'4.65 M', '5,124'."""
    if n >= 1e9:
        return f"{n / 1e9:.3g} B"
    return f"{n / 1e6:.3g} M" if n >= 1e5 else f"{n:,}"


def duration(seconds: float) -> str:
    """'8 s', '2 min 5 s', '1 h 10 min'."""
    whole = round(seconds)
    if whole < 1:
        return "under a second"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def day(seconds: float) -> str:
    """'24 Nov 2026', UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y}".lstrip("0")


def moment(seconds: float) -> str:
    """'24 Nov, 06:10 UTC'"""
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b, %H:%M} UTC".lstrip("0")


def plain(text: str) -> str:
    """Somebody's text, so that markdown shows it as it is."""
    return "".join("\\" + c if c in r"\`*_{}[]()#+!|<>~$:" else c for c in text)
