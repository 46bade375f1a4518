"""Between which values a search tries a setting: a task's `Settings.searched` names them."""

from __future__ import annotations

from dataclasses import dataclass

from engines.contract.strategies import Strategy


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False
    """Whether a factor counts the same everywhere, not a difference."""
    times_usual: bool = False
    """Whether they are multiples of what the setting is by default with the strategy: .5 is half of it."""
    strategies: tuple[Strategy, ...] = ()
    """With which strategies the setting means anything; empty: with all that learn by steps."""


@dataclass(frozen=True)
class OneOf:
    """Some values, in no order."""

    values: tuple[str | int, ...]
    strategies: tuple[Strategy, ...] = ()


Tried = Range | OneOf
