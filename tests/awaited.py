"""Coroutines in tests. The browser tests' driver keeps an event loop running in the main thread as long as it lives,
and a test that comes after one of them in the same process could not start its own there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine gives, run to its end in a loop and a thread of its own. Raises what it raises."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
