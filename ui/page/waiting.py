"""A bar for whatever takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from engines.contract import Progress
from engines.messages import _

T = TypeVar("T")


def with_bar(what: str, work: Callable[[Progress], T]) -> T:
    """Run `work` with a progress bar that appears only when there is something to wait for."""
    place = st.empty()
    place.caption(f":material/hourglass_top: {what} …")

    def tell(done: int, total: int) -> None:
        if total:
            place.progress(
                min(done / total, 1.0), _("{what}: {done:,} of {total:,}", what=what, done=done, total=total)
            )
        else:
            place.progress(0.0, f"{what}: {done:,}")

    try:
        return work(tell)
    finally:
        place.empty()
