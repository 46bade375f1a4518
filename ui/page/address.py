"""What a page shows is said by its address, so that a refresh, a closed tab or another device loses nothing.

?run=      the run that is shown: its own id, which is its owner's key, or the id that only shows it
?task=     the task, where a page has several
?data=     data that were uploaded or taken from a sample
?target=   data of a new domain, without labels
?dataset=  a data set made in the app: its own page, or handed to a task (ui/showing/handover.py)
?sample=   a sample that a link begins with: it becomes data at once (ui/page/samples.py)
?step=     one of STEPS
?start=    a finished run of one's own that the model goes on from
?model= ?strategy= ?blocks= ?set=name:value     what was chosen and not trained yet
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from engines import registry, runs
from engines.contract import Strategy

STEPS = ("data", "model", "strategy", "train", "result")


@dataclass(frozen=True)
class Address:
    """An address, read. Whatever in it makes no sense is None."""

    run: str | None = None
    task: str | None = None
    data: str | None = None
    step: str | None = None
    model: str | None = None
    strategy: Strategy | None = None
    blocks: int | None = None
    settings: tuple[tuple[str, str], ...] = ()
    target: str | None = None
    start: str | None = None

    def with_settings(self, settings: dict[str, Any]) -> Address:
        return replace(self, settings=tuple((name, str(value)) for name, value in sorted(settings.items())))


def read() -> Address:
    """The address of this page. `run` is None when there is none, and the text as it came when it is no id."""
    query = st.query_params
    step, strategy, blocks = query.get("step"), query.get("strategy"), query.get("blocks", "")
    data, target, start = query.get("data", ""), query.get("target", ""), query.get("start", "")
    return Address(
        run=run_id(query["run"]) if query.get("run") else None,
        task=query.get("task", "")[:80] or None,
        data=data if runs.ID.fullmatch(data) else None,
        step=step if step in STEPS else None,
        model=query.get("model", "")[:200] or None,
        strategy=Strategy(strategy) if strategy in registry.strategies() else None,
        blocks=int(blocks) if blocks.isdecimal() and len(blocks) < 4 else None,
        settings=tuple(
            (name, value) for name, found, value in (s.partition(":") for s in query.get_all("set")) if found
        ),
        target=target if runs.ID.fullmatch(target) else None,
        start=start if runs.ID.fullmatch(start) else None,
    )


def put(address: Address) -> None:
    """Write an address; the next rerun reads it."""
    query: dict[str, Any] = {
        name: str(value)
        for name in ("run", "task", "data", "target", "step", "model", "start", "strategy", "blocks")
        if (value := getattr(address, name)) is not None
    }
    if address.settings:
        query["set"] = [f"{name}:{value}" for name, value in address.settings]
    if query != {name: (v if len(v := st.query_params.get_all(name)) > 1 else v[0]) for name in st.query_params}:
        st.query_params.from_dict(query)


def change(**changes: Any) -> None:
    """Change part of the address; for callbacks, after which Streamlit reruns by itself."""
    put(replace(read(), **changes))


def run_id(text: str) -> str:
    """The run's id in whatever somebody pasted: the id itself, or a link with `?run=` in it."""
    found = re.search(r"[?&]run=([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])", text)
    return found.group(1) if found else text.strip()
