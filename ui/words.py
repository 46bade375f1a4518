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


CONTROL = {
    Strategy.ZERO_SHOT: Choice(
        "As it came",
        "The policy from the simulator plays on your robot; nothing learns.",
        "To see how wide the gap is.",
    ),
    Strategy.RANDOMISED: Choice(
        "Vary the simulator",
        "The policy is tuned in a simulator whose physics are drawn anew in every episode. It takes no real step.",
        "No real step is to be had, and you can say how far off the physics may be.",
    ),
    Strategy.IDENTIFIED: Choice(
        "Measure, then tune",
        "A few real steps tell which physics your robot has; then the policy is tuned in a simulator that has them.",
        "Real steps are dear: most of the learning happens in the simulator.",
    ),
    Strategy.FEATURES: Choice(
        "Small correction",
        "The policy stays as it came; a small correction is learnt on top of it, on the robot.",
        "The policy nearly works, and must not lose what it can.",
    ),
    Strategy.FULL: Choice(
        "Tune on the robot",
        "All of the policy goes on learning on the robot, in small steps, with its experience from the simulator mixed "
        "in. It stops and goes back when it gets worse.",
        "A few thousand real steps, and a robot that no simulator describes.",
    ),
    Strategy.SCRATCH: Choice(
        "From scratch",
        "A policy learns on the robot, starting from random numbers.",
        "The comparison: what the real steps alone can teach.",
    ),
}
OWN_WORDS = {"control": CONTROL}
"""How a domain offers strategies, where the words about networks do not fit."""
ASKED = {"control": ("How should it cross the gap?", "how to cross the gap?")}
"""What the strategy step asks, in full and on the button that leads there, where it is not how much should learn."""


COMPARED = {
    "": (
        "Also train the same network from scratch",
        "The same data and the same budget of epochs, from random numbers: only then can the result say what the "
        "transfer was worth. It takes the extra time named above.",
    ),
    "control": (
        "Also train a policy from scratch on the robot",
        "From random numbers, with more real steps than yours may use: only then can the result say how many it takes "
        "to get as far.",
    ),
}


def brought(task: str, unit: str) -> str:
    """What a person is asked to bring: 'your photographs'."""
    return {"control": "its description, its model or its logs"}.get(task.split(".")[0], f"your {unit}")


def head(task: str) -> str:
    """What the last layer is called in a drawing."""
    return {"control": "action"}.get(task.split(".")[0], "head")


def compared(task: str) -> tuple[str, str]:
    """How the comparison with training from scratch is offered, and what it is for."""
    return COMPARED.get(task.split(".")[0], COMPARED[""])


def choices(task: str = "") -> dict[Strategy, Choice]:
    """The strategies as that task's domain offers them, in the order in which they are shown."""
    return OWN_WORDS.get(task.split(".")[0], STRATEGIES)


def strategy(value: str, blocks: int | None = None, task: str = "") -> str:
    """'Head only', 'Last 2 blocks', …"""
    if value == Strategy.PARTIAL and blocks:
        return "Last block" if blocks == 1 else f"Last {blocks} blocks"
    return choices(task)[Strategy(value)].name


def question(task: str) -> str:
    """What the strategy step asks."""
    return ASKED.get(task.split(".")[0], ("How much of the network should learn?",))[0]


def next_question(task: str) -> str:
    """The same in short, on the button that leads there."""
    return ASKED.get(task.split(".")[0], ("", "how much should learn?"))[1]


def metric(name: str, value: float, digits: int = 1) -> str:
    """A value of that metric: '80.5 %' for a share, '0.268' or '−509' otherwise."""
    if not math.isfinite(value):
        return "–"
    if name in SHARES:
        return f"{100 * value:.{digits}f} %"
    return format(value, _places(value)).replace("-", "−")


def interval(name: str, low: float, high: float) -> str:
    """'75.2 – 85.3 %', '−290 to −250'"""
    if name in SHARES:
        return f"{100 * low:.1f} – {100 * high:.1f} %"
    return f"{metric(name, low)} {'to' if low < 0 else '–'} {metric(name, high)}"


def difference(name: str, value: float) -> str:
    """A signed difference: '+37 points' for a share, '-0.076' otherwise."""
    if name not in SHARES:
        return signed(value, _places(value))
    points = signed(100 * value, ".1f" if abs(value) < 0.0995 else ".0f")
    return f"{points} {'point' if points[1:] in {'1', '1.0'} else 'points'}"


def _places(value: float) -> str:
    """Three digits, or all of those before the decimals."""
    return ",.0f" if round(abs(value)) >= 1000 else ".3g"


def signed(value: float, form: str) -> str:
    """With a real minus sign, and no sign before zero."""
    text = format(abs(value), form)
    if float(text.replace(",", "")) == 0:
        return text
    return ("+" if value > 0 else "−") + text


def verdict(verdict: Verdict, metric_name: str) -> tuple[str, str]:
    """The verdict in words, and the line below it."""
    found = verdict.difference
    scale = 100 if metric_name in SHARES else 1
    low, high = (
        signed(scale * bound, ".0f" if metric_name in SHARES else _places(bound)) for bound in (found.low, found.high)
    )
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
