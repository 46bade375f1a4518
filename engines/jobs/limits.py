"""Every limit of the queue and the warm server, by name. Each is an environment variable with a default."""

from __future__ import annotations

from engines.environment import number


def max_running(gpus: int) -> int:
    """HEADSTART_MAX_RUNNING: runs that train at once. Default and most: one a GPU; without a GPU the default is 1."""
    chosen = number("HEADSTART_MAX_RUNNING", gpus or 1, low=1)
    return min(chosen, gpus) if gpus else chosen


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
    max_running(0), max_queued(), spare_workers(), grace_seconds(), serving_idle_seconds(), keep_hours()
