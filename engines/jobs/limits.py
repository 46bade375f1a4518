"""Every limit of the queue and the warm server, by name. Each is an environment variable with a default."""

from __future__ import annotations

from typing import NamedTuple

from engines.environment import number
from engines.training.parallel import siblings


class Places(NamedTuple):
    """How many runs train at once."""

    cards: int
    """On a graphics card each, of which one has several where that was asked for; 0 where there is no card."""
    processor: int
    """On the processor."""

    @property
    def all(self) -> int:
        return self.cards + self.processor

    def wants_card(self, gpus: int) -> bool:
        """Whether a run that asks for so many takes a place with a card: any does where there is no other."""
        return self.cards > 0 and (gpus > 0 or self.processor == 0)


def places(cards: int) -> Places:
    """HEADSTART_MAX_RUNNING: runs that train at once. Default and most: HEADSTART_RUNS_A_CARD (default 1) on each card,
    and beside them one that needs none; without a card the default is 1."""
    on_cards = cards * number("HEADSTART_RUNS_A_CARD", 1, low=1)
    chosen = number("HEADSTART_MAX_RUNNING", on_cards + 1, low=1)
    if not cards:
        return Places(0, chosen)
    return Places(min(on_cards, chosen), 1 if chosen > on_cards else 0)


def max_queued() -> int:
    """HEADSTART_MAX_QUEUED: runs that may wait. Default 50."""
    return number("HEADSTART_MAX_QUEUED", 50)


def spare_workers() -> int:
    """HEADSTART_SPARE_WORKERS: processes that wait with torch imported, about 600 MB each. Default 1."""
    return number("HEADSTART_SPARE_WORKERS", 1)


def grace_seconds() -> int:
    """HEADSTART_GRACE_SECONDS: what a cancelled run gets to write its checkpoint before it is killed. Default 10."""
    return number("HEADSTART_GRACE_SECONDS", 10)


def serving_idle_seconds() -> int:
    """HEADSTART_SERVING_IDLE_SECONDS: the warm server leaves after so long without a question. Default 1800."""
    return number("HEADSTART_SERVING_IDLE_SECONDS", 1800, low=1)


def keep_hours() -> int:
    """HEADSTART_KEEP_HOURS: finished runs and unused uploads that nobody has touched for so long are deleted, for good.
    Default 0: none is."""
    return number("HEADSTART_KEEP_HOURS", 0)


def check() -> None:
    """Raises InputError naming the first of these variables that is no number."""
    places(0), max_queued(), spare_workers(), grace_seconds(), serving_idle_seconds(), keep_hours(), siblings.wanted()
