"""What strangers may have of a public host, by name. Each is an environment variable with a default; 0 is no limit."""

from __future__ import annotations

from engines.environment import is_set, number
from engines.environment import public as public

MIB = 1 << 20


def showcase() -> bool:
    """HEADSTART_SHOWCASE: only recorded runs are shown. There is no queue, no helper process and no torch."""
    return is_set("HEADSTART_SHOWCASE")


def session_bytes() -> int:
    """HEADSTART_SESSION_BYTES: bytes of uploads that one open page may hold in memory. Default 1 GiB."""
    return number("HEADSTART_SESSION_BYTES", 1024 * MIB)


def visitor_bytes() -> int:
    """HEADSTART_VISITOR_BYTES: bytes that a visitor may bring in a day. Default 4 GiB."""
    return number("HEADSTART_VISITOR_BYTES", 4096 * MIB)


def visitor_runs() -> int:
    """HEADSTART_VISITOR_RUNS: runs that a visitor may start in a day. Default 30."""
    return number("HEADSTART_VISITOR_RUNS", 30)


def visitor_runs_at_once() -> int:
    """HEADSTART_VISITOR_RUNS_AT_ONCE: runs of a visitor that may wait or train at once. Default 5."""
    return number("HEADSTART_VISITOR_RUNS_AT_ONCE", 5)


def run_seconds() -> int:
    """HEADSTART_RUN_SECONDS: after so long a run is stopped, and what it has learnt is kept. Default 1800."""
    return number("HEADSTART_RUN_SECONDS", 1800)


def run_examples() -> int:
    """HEADSTART_RUN_EXAMPLES: examples that a run may learn from. Default 20,000."""
    return number("HEADSTART_RUN_EXAMPLES", 20_000)


def question_seconds() -> int:
    """HEADSTART_QUESTION_SECONDS: of the processor, that looking at an upload, or another question of a page, may take.
    Default 600."""
    return number("HEADSTART_QUESTION_SECONDS", 600)


def requests_a_minute() -> int:
    """HEADSTART_REQUESTS_A_MINUTE: of a visitor; a page is about fifty. All who bring no cookie share ten times as
    many. Default 1200."""
    return number("HEADSTART_REQUESTS_A_MINUTE", 1200)
