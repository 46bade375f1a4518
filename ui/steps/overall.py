"""How far a whole run is, over all its phases, from what it has said so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engines.contract import Event
from engines.cost.forecast import Forecast
from engines.cost.stopwatch import TOLD
from engines.cost.work import PHASES
from engines.messages import _
from ui.page import words

SPANS = {
    **dict.fromkeys(("checking", "reading"), (0.0, 0.1)),
    **dict.fromkeys(("caching", "listening", "search"), (0.1, 0.4)),
    **dict.fromkeys(("testing", "folds", "mapping", "picturing", "comparing"), (0.85, 1.0)),
}
"""Where a phase of that name stands in the half of a run it belongs to, from its start to its end."""
LEARNING = (0.4, 0.85)  # whatever a task calls it
FIRST = {"head", "search"}
"""Trainings that others may follow."""
ALMOST = 0.99  # the report is written last
HALF = 0.5  # of the bar, where a comparison follows and nobody could say how long it takes


@dataclass(frozen=True)
class Overall:
    """How far a run is."""

    share: float
    """From 0 to 1, of all phases; it never goes back."""
    text: str
    """What goes on now: 'Training the head · epoch 7 of 12 · about 2 min left in all'."""


def overall(
    events: Sequence[Event],
    unit: str,
    expected: Forecast | None = None,
    compares: bool = False,
    now: float | None = None,
) -> Overall:
    """How far the run that said `events` is. `expected` weighs its own half against that of the comparison, where one
    follows, and says what is left of phases that have not begun; `now` (seconds since the epoch) tells how long it has
    been silent."""
    own_half = _own_half(expected) if compares else 1.0
    phase: dict[str, Any] = {}
    latest: dict[str, Any] = {}
    comparing, share = False, 0.0
    for event in events:
        match event.kind:
            case "phase":
                phase, latest = event.data, {}
                comparing = comparing or (compares and phase.get("series") == "scratch")
            case "progress" | "epoch":
                latest = event.data
            case "status":
                phase, latest, comparing, share = {}, {}, False, 0.0  # a run that is resumed begins anew
            case "result":
                share = max(share, 1.0 if comparing else own_half)
                continue
        start, end = (own_half, 1.0) if comparing else (0.0, own_half)
        share = max(share, start + (end - start) * _of_half(phase, latest))
    said = [str(phase.get("title") or _("Starting")), *_details(latest, unit)]
    said += _left(events, expected, comparing or not compares, now)
    return Overall(min(share, ALMOST), " · ".join(said))


def _own_half(expected: Forecast | None) -> float:
    if expected is None or not expected.comparison:
        return HALF
    return min(max(expected.own / (expected.own + expected.comparison), 0.1), 0.9)


def _of_half(phase: dict[str, Any], latest: dict[str, Any]) -> float:
    low, high = SPANS.get(str(phase.get("name")), LEARNING) if phase else (0.0, 0.0)
    return low + (high - low) * _of_phase(latest)


def _of_phase(latest: dict[str, Any]) -> float:
    if "epoch" in latest:
        return min(latest["epoch"] / max(latest["epochs"], 1), 1.0)
    return min(latest["done"] / latest["total"], 1.0) if latest.get("total") else 0.0


def _details(latest: dict[str, Any], unit: str) -> list[str]:
    found = []
    if "epoch" in latest:
        found.append(_("epoch {epoch} of {epochs}", epoch=latest["epoch"], epochs=latest["epochs"]))
    elif latest.get("total"):
        found.append(_("{done:,} of {total:,}", done=latest["done"], total=latest["total"]))
    if latest.get("rate"):
        found.append(f"{latest['rate']:,.0f} {latest.get('unit') or unit}/s")
    return found


# --- what is left ---------------------------------------------------------------------------------


def _left(events: Sequence[Event], expected: Forecast | None, last: bool, now: float | None) -> list[str]:
    """The time left: of the whole run, or where nobody could say how long that takes, of this part of it; of the `last`
    part that is the same."""
    seconds = told_left(events, now)
    if expected is not None:
        seconds = total_left(events, expected, now)
        return [_("about {duration} left in all", duration=words.duration(seconds))] if seconds >= 1 else []
    if seconds is None:
        return []
    return [
        _("{duration} left", duration=words.duration(seconds))
        if last
        else _("{duration} left of this part", duration=words.duration(seconds))
    ]


def told_left(events: Sequence[Event], now: float | None) -> float | None:
    """Seconds left of the phase that goes on, as the run told last; None where it has not."""
    for event in reversed(events):
        if event.kind in {"phase", "status", "result"}:
            return None
        if (left := event.data.get("seconds_left")) is not None:
            return max(0.0, float(left) - (0.0 if now is None else now - event.time))
    return None


def total_left(events: Sequence[Event], expected: Forecast, now: float | None) -> float:
    """Seconds left of the whole run: what goes on now at the pace it told itself, and all that comes after it as it was
    forecast."""
    spent, current, name, met, own_done = defaultdict[str, float](float), "start", "", {"start"}, False
    since = events[0].time if events else 0.0
    for event in events:
        spent[current] += event.time - since
        since = event.time
        match event.kind:
            case "status":  # a run that is resumed begins anew
                spent, current, name, met, own_done = defaultdict[str, float](float), "start", "", {"start"}, False
            case "result" if event.data.get("series") != "zero_shot":
                current, name, own_done = "keeping", "", True
            case "phase":
                name = str(event.data.get("name"))
                if own_done:
                    current = "baseline" if name == "scratch" or current == "baseline" else "keeping"
                else:
                    current = TOLD.get(name, "training")
        met.add(current)
    spent[current] += 0.0 if now is None else now - since
    order = list(PHASES)
    coming = order[order.index(current) + 1 :]
    if current == "testing" and "training" not in met:  # the model is looked at before it learns
        coming = [phase for phase in order if phase not in {"start", "testing"}]
    rest = {phase: max(0.0, expected.phases.get(phase, 0.0) - spent[phase]) for phase in (current, *coming)}
    told = told_left(events, now)
    if told is not None:  # a head that is fitted first says nothing of the training after it
        rest[current] = max(told, rest[current]) if name in FIRST else told
    return sum(rest.values())
